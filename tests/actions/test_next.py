"""What a person may do at this moment, asked of the day as it really went."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from models.actions.complete import complete
from models.actions.end_break import end_break
from models.actions.issue_token import issue_token
from models.actions.settle_exposure import Seen
from models.actions.skip import skip
from models.actions.start import start
from models.actions.take_break import take_break
from models.actor import SYSTEM
from models.queries.asking import within
from models.queries.my_next import Next, my_next, next_of_holder
from tests.actions.my_day import ADA, AGREE, DAY, NOW, RULES, MyDay, my_day, refusal
from tests.conftest import Database


@pytest.fixture
def day(database: Database) -> Iterator[MyDay]:
    with my_day(database) as made:
        yield made


def following(day: MyDay, now: datetime) -> Next:
    with day.engine.connect() as connection:
        return my_next(connection, "ada", now)


def look(day: MyDay, name: str, now: datetime, seconds: int = 600, severity: int | None = None) -> datetime:
    """Start and complete a review; when it ended."""
    start(day.engine, ADA, day.slots[name], now)
    ended = now + timedelta(seconds=seconds)
    complete(day.engine, ADA, day.slots[name], Seen(seconds, None, severity, None), AGREE, ended)
    return ended


def test_the_planned_review_comes_first(day: MyDay) -> None:
    found = following(day, NOW)
    assert (found.work_date, found.do, found.slot, found.sentence) == (DAY, "review", day.slots["one"], None)


def test_what_runs_is_finished_first(day: MyDay) -> None:
    start(day.engine, ADA, day.slots["one"], NOW)
    assert (following(day, NOW).do, following(day, NOW).slot) == ("finish", day.slots["one"])


def test_after_much_severe_work_the_next_safe_one_is_offered_and_severe_work_waits_for_a_rest(
    day: MyDay,
) -> None:
    day.with_rests()
    now = look(day, "one", NOW)
    now = look(day, "two", now)
    found = following(day, now)
    assert (found.do, found.slot) == ("review", day.slots["mild"])
    assert found.sentence is not None
    assert "a rest of 15 minutes comes first" in found.sentence
    held = refusal(start, day.engine, ADA, day.slots["three"], now)
    assert (held.kind, held.sentence) == ("too-soon", found.sentence)
    assert held.more["instead"] == {"kind": "work", "slot": day.slots["mild"]}


def test_where_nothing_is_safe_a_rest_comes_with_its_length(day: MyDay) -> None:
    day.with_rests()
    skip(day.engine, ADA, day.slots["mild"], None, NOW)
    day.rows.run("update slot set state = 'withdrawn' where kind = 'break'")
    now = look(day, "two", look(day, "one", NOW))
    found = following(day, now)
    assert (found.do, found.slot, found.seconds, found.label) == ("break", None, 900, "recovery")
    assert found.until == now + timedelta(seconds=900)
    assert found.sentence is not None
    assert "a rest of 15 minutes comes first" in found.sentence
    rest = take_break(day.engine, ADA, now)
    end_break(day.engine, ADA, rest.slot, now + timedelta(seconds=899))
    assert (
        refusal(start, day.engine, ADA, day.slots["three"], now + timedelta(seconds=899)).kind == "too-soon"
    )
    again = take_break(day.engine, ADA, now + timedelta(seconds=1000))
    end_break(day.engine, ADA, again.slot, now + timedelta(seconds=1900))
    assert following(day, now + timedelta(seconds=1900)).slot == day.slots["three"]
    assert start(day.engine, ADA, day.slots["three"], now + timedelta(seconds=1900)).state == "started"


def test_overruns_count_as_they_were(day: MyDay) -> None:
    day.with_rests()
    now = look(day, "one", NOW, seconds=900)
    assert refusal(start, day.engine, ADA, day.slots["two"], now).kind == "too-soon"


def test_what_was_worse_than_expected_counts_as_it_was(day: MyDay) -> None:
    day.with_rests()
    now = look(day, "mild", NOW, severity=4)
    now = look(day, "one", now)
    assert refusal(start, day.engine, ADA, day.slots["two"], now).kind == "too-soon"


def test_nothing_severe_in_the_wind_down(day: MyDay) -> None:
    day.with_rests()
    shift_end = NOW + timedelta(hours=7)
    last = shift_end - timedelta(seconds=2700 + 600)
    late = following(day, last + timedelta(seconds=1))
    assert (late.do, late.slot) == ("review", day.slots["mild"])
    assert late.sentence is not None
    assert "The last 45 minutes of your shift are kept free of severe material" in late.sentence
    assert refusal(start, day.engine, ADA, day.slots["one"], last + timedelta(seconds=1)).kind == "too-soon"
    assert start(day.engine, ADA, day.slots["one"], last).state == "started"


def test_a_day_without_anything_left(day: MyDay) -> None:
    day.rows.run("update slot set state = 'withdrawn'")
    found = following(day, NOW)
    assert (found.do, found.sentence) == ("nothing", "Nothing more is planned for you on this date.")
    day.rows.run("delete from shift")
    assert following(day, NOW).sentence == "You have no shift on this date."


def test_a_shift_that_ended_early_says_so(day: MyDay) -> None:
    day.rows.run("update shift set available_until = :at where auditor = 'ada'", at=NOW)
    found = following(day, NOW)
    assert (found.do, found.slot) == ("nothing", None)
    assert found.sentence == "Your shift ended at 14:00; the rest of the day is yours."


def test_it_looks_as_far_ahead_as_it_has_to(day: MyDay) -> None:
    """More severe reviews than are looked at at once, all held back by a limit: the mild one is found."""
    day.rows.run("update slot set planned_start = planned_start + interval '4 hours',"
                 " planned_end = planned_end + interval '4 hours' where item = 'mild'")  # fmt: skip
    for n in range(12):
        day.review(f"more-{n}", reserved=0)
    day.seen(3600)
    day.rows.run("update slot set state = 'withdrawn' where kind = 'break'")
    found = following(day, NOW)
    assert (found.do, found.slot) == ("review", day.slots["mild"])
    assert found.sentence is not None
    assert found.sentence.startswith("You have seen 60 of 60 minutes of severe work today")
    skip(day.engine, ADA, day.slots["mild"], None, NOW)
    assert (following(day, NOW).do, following(day, NOW).slot) == ("nothing", None)


def test_work_of_the_day_before_is_rested_from(day: MyDay) -> None:
    """What was really done last night counts, however it ended, and not what an earlier plan said of it."""
    rules = RULES | {"rest_between_shifts": 39600}
    day.rows.run("update policy set document = :document", document=json.dumps(rules))
    yesterday = DAY - timedelta(days=1)
    day.rows.person("ada", dates=[yesterday])
    day.rows.work_day(yesterday)
    day.rows.item("late", work_date=yesterday, draw=99)
    begun = NOW - timedelta(hours=11)
    slot = day.rows.slot("ada", "late", yesterday, planned_start=begun, planned_end=NOW, state="started")
    day.rows.run("update slot set state = 'skipped', ended_at = :at where id = :slot",
                 at=begun + timedelta(minutes=10), slot=slot)  # fmt: skip
    found = following(day, NOW)
    assert (found.do, found.until) == ("wait", NOW + timedelta(minutes=10))
    assert following(day, NOW + timedelta(minutes=10)).do == "review"


def test_asked_with_a_token_it_says_the_same(day: MyDay) -> None:
    issued = issue_token(day.engine, SYSTEM, "auditor", "ada", (), 1, NOW)
    lead = issue_token(day.engine, SYSTEM, "lead", "lia", ("early",), 1, NOW)
    digest = hashlib.sha256(issued.token.encode()).digest()
    with day.engine.connect() as connection:
        ask = within(connection)
        assert next_of_holder(ask, digest, NOW) == my_next(connection, "ada", NOW)
        assert next_of_holder(ask, hashlib.sha256(lead.token.encode()).digest(), NOW) is None
        assert next_of_holder(ask, digest, NOW + timedelta(days=2)) is None
