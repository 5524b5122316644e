"""A review starts only where, when and for whom it may, asked of what was really seen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from models.actions.complete import complete
from models.actions.lower_limit import lower_limit
from models.actions.settle_exposure import Seen
from models.actions.skip import skip
from models.actions.start import start
from models.actions.take_break import take_break
from models.refusal import Refusal
from tests.actions.limits_day import WELLBEING, at_once
from tests.actions.my_day import ADA, AGREE, BEN, DAY, NOW, MyDay, my_day, refusal
from tests.conftest import Database


@pytest.fixture
def day(database: Database) -> Iterator[MyDay]:
    with my_day(database) as made:
        yield made


def test_a_planned_review_starts_once(day: MyDay) -> None:
    slot = day.slots["one"]
    begun = start(day.engine, ADA, slot, NOW + timedelta(microseconds=900))
    assert (begun.state, begun.item, begun.started_at, begun.ended_at) == ("started", "one", NOW, None)
    again = start(day.engine, ADA, slot, NOW + timedelta(minutes=5))
    assert (again.state, again.started_at) == ("started", NOW)
    assert day.verbs() == ["start"]
    assert [entry for entry, *_ in day.ledger(slot)] == ["reserve"]


def test_nobody_starts_or_learns_of_what_is_somebody_elses(day: MyDay) -> None:
    theirs = refusal(start, day.engine, BEN, day.slots["one"], NOW)
    nowhere = refusal(start, day.engine, BEN, 999_999, NOW)
    assert (
        (theirs.kind, theirs.sentence)
        == (nowhere.kind, nowhere.sentence)
        == ("not-found", "You have no such slot.")
    )
    assert day.state(day.slots["one"]) == "planned"


def test_one_thing_at_a_time(day: MyDay) -> None:
    start(day.engine, ADA, day.slots["one"], NOW)
    assert refusal(start, day.engine, ADA, day.slots["mild"], NOW).kind == "already-started"
    assert refusal(start, day.engine, ADA, day.slots["pause"], NOW).kind == "already-started"
    complete(day.engine, ADA, day.slots["one"], Seen(600), AGREE, NOW + timedelta(minutes=10))
    take_break(day.engine, ADA, NOW + timedelta(minutes=11))
    during = refusal(start, day.engine, ADA, day.slots["mild"], NOW + timedelta(minutes=12))
    assert (during.kind, during.sentence) == ("already-started", "Your break runs: end it first.")


@pytest.mark.parametrize(
    ("hours", "kind", "sentence"),
    [
        (-1.001, "too-early", "Your shift starts at 13:00."),
        (7, "conflict", "Your shift ended at 21:00."),
    ],
)
def test_work_belongs_into_the_shift(day: MyDay, hours: float, kind: str, sentence: str) -> None:
    found = refusal(start, day.engine, ADA, day.slots["one"], NOW + timedelta(hours=hours))
    assert (found.kind, found.sentence) == (kind, sentence)


def test_the_shift_begins_with_its_first_second_and_ends_before_its_last(day: MyDay) -> None:
    start(day.engine, ADA, day.slots["one"], NOW - timedelta(hours=1))
    skip(day.engine, ADA, day.slots["one"], None, NOW)
    ends = NOW + timedelta(hours=7)
    late = refusal(start, day.engine, ADA, day.slots["mild"], ends - timedelta(seconds=599))
    assert late.kind == "too-soon"
    assert "your shift ends at 21:00" in late.sentence
    start(day.engine, ADA, day.slots["mild"], ends - timedelta(seconds=600))


def test_not_before_its_release(day: MyDay) -> None:
    slot = day.review("embargoed", severity=1, release=NOW + timedelta(minutes=30))
    found = refusal(start, day.engine, ADA, slot, NOW + timedelta(minutes=29))
    assert (found.kind, found.sentence) == ("too-early", "Nobody may start it before 14:30.")
    assert start(day.engine, ADA, slot, NOW + timedelta(minutes=30)).state == "started"


@pytest.mark.parametrize(
    "change",
    [
        "update shift set max_severity = 2",
        "update shift set opt_outs = '{violence}'",
        "update shift set languages = '{en}'",
        "update shift set markets = '{PH}'",
        "update item set category = 'self-harm' where id = 'one'",
        "update item set excluded = '{ada}' where id = 'one'",
        "update item set only_for = '{ben}' where id = 'one'",
    ],
)
def test_a_review_that_is_not_for_them_any_more_does_not_start(day: MyDay, change: str) -> None:
    day.rows.run(change)
    assert refusal(start, day.engine, ADA, day.slots["one"], NOW).kind == "conflict"
    assert day.state(day.slots["one"]) == "planned"


def test_a_clearance_of_the_shift_is_enough(day: MyDay) -> None:
    day.rows.run("update item set category = 'self-harm' where id = 'mild'")
    assert refusal(start, day.engine, ADA, day.slots["mild"], NOW).kind == "conflict"
    day.rows.run("update shift set clearances = '{care}', markets = '{*}'")
    assert start(day.engine, ADA, day.slots["mild"], NOW).state == "started"


def test_what_left_the_plan_does_not_start(day: MyDay) -> None:
    day.rows.run("update slot set state = 'withdrawn' where item = 'one'")
    day.rows.run("update item set withdrawn_at = now() where id = 'two'")
    for name in ("one", "two"):
        assert refusal(start, day.engine, ADA, day.slots[name], NOW).kind == "stale"
    day.rows.run("update plan set state = 'superseded'")
    assert refusal(start, day.engine, ADA, day.slots["three"], NOW).kind == "stale"


def test_what_has_ended_does_not_start_again(day: MyDay) -> None:
    skip(day.engine, ADA, day.slots["one"], None, NOW)
    start(day.engine, ADA, day.slots["two"], NOW)
    complete(day.engine, ADA, day.slots["two"], Seen(1), AGREE, NOW)
    for name in ("one", "two"):
        assert refusal(start, day.engine, ADA, day.slots[name], NOW).kind == "conflict"


def test_a_limit_is_asked_of_what_was_really_seen(day: MyDay) -> None:
    """Planned are 30 minutes of 60; but 41 more were seen elsewhere than anybody reckoned with."""
    start(day.engine, ADA, day.slots["one"], NOW)
    complete(day.engine, ADA, day.slots["one"], Seen(600), AGREE, NOW + timedelta(minutes=10))
    day.seen(2401)
    found = refusal(start, day.engine, ADA, day.slots["three"], NOW + timedelta(minutes=57))
    assert found.kind == "limit-reached"
    assert found.sentence == (
        "You have seen 51 of 60 minutes of severe work today; this review is expected to take 10."
    )
    assert found.more == {"instead": {"kind": "work", "slot": day.slots["mild"]}}
    assert day.state(day.slots["three"]) == "planned"
    assert start(day.engine, ADA, day.slots["mild"], NOW + timedelta(minutes=58)).state == "started"


def test_exactly_at_the_limit_is_not_above_it(day: MyDay) -> None:
    day.seen(3000)
    assert start(day.engine, ADA, day.slots["one"], NOW).state == "started"


def test_one_second_above_is(day: MyDay) -> None:
    day.seen(3001)
    found = refusal(start, day.engine, ADA, day.slots["one"], NOW)
    assert found.kind == "limit-reached"


def test_where_nothing_may_start_a_break_is_offered(day: MyDay) -> None:
    day.seen(3600)
    skip(day.engine, ADA, day.slots["mild"], None, NOW)
    found = refusal(start, day.engine, ADA, day.slots["one"], NOW)
    assert found.more == {"instead": {"kind": "break", "slot": day.slots["pause"]}}
    day.rows.run("update slot set state = 'withdrawn' where kind = 'break'")
    found = refusal(start, day.engine, ADA, day.slots["one"], NOW)
    assert found.more == {"instead": {"kind": "break", "slot": None}}


def test_earlier_dates_count_in_a_window_of_several(day: MyDay) -> None:
    day.seen(6601, day=DAY - timedelta(days=6))
    found = refusal(start, day.engine, ADA, day.slots["one"], NOW)
    assert found.sentence == (
        "You have seen 111 of 120 minutes of severe work in the 7 dates up to today; this review is expected "
        "to take 10."
    )


def test_dates_before_the_window_do_not(day: MyDay) -> None:
    day.seen(7200, day=DAY - timedelta(days=7))
    assert start(day.engine, ADA, day.slots["one"], NOW).state == "started"


def test_what_is_seen_on_later_dates_counts_in_their_windows(day: MyDay) -> None:
    day.seen(6601, day=DAY + timedelta(days=6))
    found = refusal(start, day.engine, ADA, day.slots["one"], NOW)
    assert "in the 7 dates up to 2026-11-29" in found.sentence


def test_what_is_reserved_for_later_dates_holds_back_nothing_that_was_reserved_itself(day: MyDay) -> None:
    """The guard allowed all of it together; what was seen beside does not hurt the day that runs."""
    tomorrow = DAY + timedelta(days=1)
    day.rows.person("ada", dates=[tomorrow])
    day.rows.work_day(tomorrow)
    day.rows.item("later", work_date=tomorrow, category="violence", severity=3, draw=77)
    later = day.rows.slot("ada", "later", tomorrow, plan=day.rows.plan(tomorrow))
    day.rows.entry("ada", "reserve", 3600, tomorrow, category="violence", severity=3, slot=later)
    day.seen(2700)
    assert start(day.engine, ADA, day.slots["one"], NOW).state == "started"


def test_more_than_was_reserved_for_it_needs_room_that_nobody_reserved(day: MyDay) -> None:
    slot = day.review("grown", severity=4, reserved=60)
    day.seen(1700)  # 30 + 1 minutes are reserved today
    found = refusal(start, day.engine, ADA, slot, NOW)
    assert (found.kind, "more than was planned for it" in found.sentence) == ("limit-reached", True)
    assert start(day.engine, ADA, day.slots["one"], NOW).state == "started"


def test_a_share_of_a_limit_is_all_that_counts_for_whoever_is_new(day: MyDay) -> None:
    day.rows.run("update shift set exposure_percent = 50 where auditor = 'ada'")
    day.seen(1201)
    assert "21 of 30 minutes" in refusal(start, day.engine, ADA, day.slots["one"], NOW).sentence


def test_a_lowered_limit_holds_at_once(day: MyDay) -> None:
    lower_limit(day.engine, WELLBEING, "severe-day", 599, None, NOW)
    assert refusal(start, day.engine, ADA, day.slots["one"], NOW).kind == "stale"
    assert start(day.engine, ADA, day.slots["mild"], NOW).state == "started"


def test_a_shift_that_ended_early_or_begins_late_is_over_or_ahead(day: MyDay) -> None:
    day.rows.run("update shift set available_from = :at where auditor = 'ada'", at=NOW + timedelta(minutes=5))
    early = refusal(start, day.engine, ADA, day.slots["one"], NOW + timedelta(minutes=4))
    assert (early.kind, early.sentence) == ("too-early", "Your shift starts at 14:05.")
    until = NOW + timedelta(minutes=30)
    day.rows.run("update shift set available_until = :at where auditor = 'ada'", at=until)
    too_long = refusal(start, day.engine, ADA, day.slots["one"], until - timedelta(seconds=599))
    assert too_long.kind == "too-soon"
    over = refusal(start, day.engine, ADA, day.slots["one"], until)
    assert (over.kind, over.sentence) == ("conflict", "Your shift ended at 14:30.")
    assert start(day.engine, ADA, day.slots["one"], until - timedelta(seconds=600)).state == "started"


@pytest.mark.parametrize(
    ("measure", "sentence"),
    [
        ("items", "You have seen 1 of 1 item of work today; this review is one more."),
        ("dose", "You have seen 10 of 15 points of exposure today; this review is expected to add 10."),
    ],
)
def test_the_sentence_is_in_the_limits_own_measure(day: MyDay, measure: str, sentence: str) -> None:
    day.rows.run('select set_dose_weights(\'[{"severity": 3, "modality": "image", "units": 10}]\')')
    day.seen(600)
    if measure == "items":
        day.rows.limit("few", amount=1, measure="items", ceiling=None)
    else:
        day.rows.limit("dose-day", amount=15, measure="dose", ceiling=None)
    found = refusal(start, day.engine, ADA, day.slots["one"], NOW)
    assert found.sentence == sentence


def test_a_planned_break_starts_whatever_was_seen(day: MyDay) -> None:
    day.seen(9999)
    assert start(day.engine, ADA, day.slots["pause"], NOW).state == "started"


def test_of_two_starts_at_once_one_comes_to_pass(day: MyDay) -> None:
    """Two tabs, two different reviews: one runs. Two tabs, one review: it runs, and both hear so."""
    found = at_once(
        *(
            lambda name=name: start(day.engine, ADA, day.slots[name], NOW)
            for name in ("one", "two", "three", "mild")
        )
    )
    running = [one for one in found if not isinstance(one, Exception)]
    assert len(running) == 1
    assert {one.kind for one in found if isinstance(one, Refusal)} == {"already-started"}
    same = at_once(*[lambda: start(day.engine, ADA, running[0].slot, NOW)] * 4)
    assert [one.state for one in same] == ["started"] * 4
    assert day.verbs() == ["start"]


def test_nothing_begins_before_the_last_ended_even_by_a_clock_that_is_behind(day: MyDay) -> None:
    ended = NOW + timedelta(minutes=10)
    start(day.engine, ADA, day.slots["one"], NOW)
    complete(day.engine, ADA, day.slots["one"], Seen(600), AGREE, ended)
    behind = ended - timedelta(seconds=10)
    assert start(day.engine, ADA, day.slots["mild"], behind).started_at == ended
    complete(day.engine, ADA, day.slots["mild"], Seen(60), AGREE, ended + timedelta(minutes=1))
    assert take_break(day.engine, ADA, ended).started_at == ended + timedelta(minutes=1)
