"""Somebody does not come, comes late, or is there after all: what was planned for them, who hears of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from types import ModuleType
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from allocator.files.instance import read_instance, write_instance
from allocator.verify import verify
from models.actions import arrive_late as arriving_late
from models.actions import mark_absent as marking_absent
from models.actions.arrive_late import arrive_late
from models.actions.complete import Outcome, complete
from models.actions.hold_shift import Presence
from models.actions.mark_absent import mark_absent
from models.actions.mark_present import mark_present
from models.actions.pause import pause
from models.actions.resume import resume
from models.actions.settle_exposure import Seen
from models.actions.start import start
from models.actions.take_break import take_break
from models.actor import Actor
from models.refusal import Refusal
from tests.conftest import Database
from tests.days.build import NINE, WORK_DATE, Day, auditor, escalation, instance, policy, sample
from tests.days_in_database.steps import (
    contents,
    engine_of,
    exported,
    inputs_of,
    load,
    make,
    planned,
    publish,
    rows,
    write,
)
from tests.workers.processes import wait_for
from tests.workers.world import rules

ADA = Actor("auditor", "ada")
LEAD = Actor("lead", "lia", ("t1",))
OTHER_LEAD = Actor("lead", "leo", ("t2",))
OPERATIONS = Actor("operations", "olga")
UNTRUE_SUMS = """
    select count(*) from (
        select auditor, use, work_date, seen, reserved from limit_day where seen <> 0 or reserved <> 0
        except select sums.* from exposure_use u cross join lateral ledger_sums(u.id) sums) differing
"""


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(NINE + seconds, UTC)


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    """Ada, bo and cy, three hours each; the day is planned, and each has an escalation and samples."""
    three_hours = {"shift_end": NINE + 3 * 3600}
    day = instance(
        Day(
            policy=policy(),
            auditors=tuple(auditor(name, **three_hours) for name in ("ada", "bo", "cy")),
            items=(
                *(escalation(f"e{n}", severity=1) for n in range(3)),
                *(sample(f"s{n}", draw=n, seconds=600) for n in range(1, 13)),
            ),
        )
    )
    with engine_of(database) as made:
        load(made, day)
        planned(made, WORK_DATE)
        yield made


def of(engine: Engine, person: str) -> list[tuple[Any, ...]]:
    found = "select item, planned_start from slot where auditor = :who and state = 'planned' order by 2"
    return rows(engine, found, who=person)


def outstanding(engine: Engine, person: str) -> int:
    signed = "case entry when 'reserve' then seconds when 'release' then -seconds end"
    total = f"select coalesce(sum({signed}), 0)::bigint from ledger where auditor = :who"
    return int(rows(engine, total, who=person)[0][0])


def notices(engine: Engine) -> list[tuple[Any, ...]]:
    return rows(engine, "select addressee, kind from notice order by id")


def test_who_is_absent_has_nothing_planned_and_others_have_it(engine: Engine) -> None:
    ((who,),) = rows(engine, "select auditor from slot where item = 'e0'")
    others = sorted({"ada", "bo", "cy"} - {who})
    before = of(engine, who)
    found = mark_absent(engine, LEAD, who, WORK_DATE, at(-600))
    assert (found.there, len(found.taken_back)) == ("absent", len(before))
    assert (of(engine, who), outstanding(engine, who)) == ([], 0)
    assert notices(engine) == [(f"auditor:{who}", "shift-absent")]
    # Their escalations ask for a place at once, and the day for another plan.
    urgent = sorted(item for item, _ in before if item.startswith("e"))
    placing = "select payload ->> 'item' from task where kind = 'place' order by 1"
    assert [row[0] for row in rows(engine, placing)] == urgent
    assert rows(engine, "select state, reason from plan order by id") == [
        ("published", None),
        ("waiting", "absence"),
    ]

    kept = {other: of(engine, other) for other in others}
    published = planned(engine, WORK_DATE, at(-500))
    assert of(engine, who) == []
    assert {item for item, _ in before} <= {item for other in others for item, _ in of(engine, other)}
    changed = [other for other in others if of(engine, other) != kept[other]]
    assert changed
    assert sorted(notices(engine)[1:]) == [(f"auditor:{other}", "day-replanned") for other in changed]
    said = " ".join(
        str(row[0]) for row in rows(engine, "select sentence from notice where kind like 'day-%'")
    )
    assert who not in said.split()
    assert "absen" not in said
    assert published.told == len(changed)
    out = exported(engine, WORK_DATE, at(-500))
    assert out.plan is not None
    assert out.instance.auditors["id"].to_list() == others
    assert verify(out.instance, out.plan) == []
    assert rows(engine, UNTRUE_SUMS) == [(0,)]


SAID: dict[str, Callable[[Engine, datetime], Presence]] = {
    "absent": lambda engine, now: mark_absent(engine, LEAD, "ada", WORK_DATE, now),
    "late": lambda engine, now: arrive_late(engine, LEAD, "ada", WORK_DATE, at(3600), now),
    "there": lambda engine, now: mark_present(engine, LEAD, "ada", WORK_DATE, now),
}


@pytest.mark.parametrize("there", SAID)
def test_said_again_it_changes_nothing(engine: Engine, there: str) -> None:
    first = SAID[there](engine, at(-600))
    assert first.there == there
    before = contents(engine)
    again = SAID[there](engine, at(-300))
    assert (again.there, again.there_from, again.there_until) == (
        first.there,
        first.there_from,
        first.there_until,
    )
    assert again.taken_back == ()
    assert contents(engine) == before


def test_who_comes_late_loses_what_was_before_and_gets_work_from_then_on(engine: Engine) -> None:
    early = [row for row in of(engine, "ada") if row[1] < at(3600)]
    rest = [row for row in of(engine, "ada") if row[1] >= at(3600)]
    assert early
    found = arrive_late(engine, OPERATIONS, "ada", WORK_DATE, at(3600), at(60))
    assert (found.there, found.there_from, len(found.taken_back)) == ("late", at(3600), len(early))
    assert of(engine, "ada") == rest
    planned(engine, WORK_DATE, at(120))
    assert of(engine, "ada")
    assert all(start >= at(3600) for _, start in of(engine, "ada"))
    out = exported(engine, WORK_DATE, at(120))
    assert out.plan is not None
    assert verify(out.instance, out.plan) == []


def test_who_is_there_after_all_is_planned_for_again(engine: Engine) -> None:
    mark_absent(engine, LEAD, "ada", WORK_DATE, at(60))
    planned(engine, WORK_DATE, at(70))
    assert of(engine, "ada") == []
    assert mark_present(engine, LEAD, "ada", WORK_DATE, at(120)).there == "there"
    inputs = inputs_of(engine, WORK_DATE, at(130))
    assert inputs.instance.auditors["shift_start"].to_list() == [NINE] * 3
    assert arrive_late(engine, LEAD, "ada", WORK_DATE, at(1800), at(140)).there == "late"
    assert arrive_late(engine, LEAD, "ada", WORK_DATE, at(0), at(150)).there == "there"


def test_the_absent_may_still_come_late(engine: Engine) -> None:
    mark_absent(engine, LEAD, "ada", WORK_DATE, at(60))
    found = arrive_late(engine, LEAD, "ada", WORK_DATE, at(1800), at(120))
    assert (found.there, found.there_from, found.there_until) == ("late", at(1800), at(3 * 3600))


REFUSED: dict[str, tuple[str, Callable[[Engine], object]]] = {
    "another lead's": (
        "not-found",
        lambda engine: mark_absent(engine, OTHER_LEAD, "ada", WORK_DATE, at(0)),
    ),
    "nobody": ("not-found", lambda engine: arrive_late(engine, LEAD, "zoe", WORK_DATE, at(60), at(0))),
    "a shift that is over": (
        "conflict",
        lambda engine: mark_absent(engine, LEAD, "ada", WORK_DATE, at(3 * 3600)),
    ),
    "after the shift": (
        "invalid",
        lambda engine: arrive_late(engine, LEAD, "ada", WORK_DATE, at(3 * 3600), at(0)),
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_said(engine: Engine, what: str) -> None:
    kind, say = REFUSED[what]
    before = contents(engine)
    with pytest.raises(Refusal) as refused:
        say(engine)
    assert refused.value.kind == kind
    assert contents(engine) == before


def first_review(engine: Engine, person: str) -> int:
    """Their first planned review of an escalation or a sample; the slot."""
    found = "select id from slot where auditor = :who and kind = 'work' order by planned_start limit 1"
    return int(rows(engine, found, who=person)[0][0])


def begun(engine: Engine) -> int:
    """Ada has begun her first review a second after her shift did; the slot."""
    return start(engine, ADA, first_review(engine, "ada"), at(1)).slot


def row_of(engine: Engine, slot: int) -> tuple[Any, ...]:
    return rows(engine, "select state, ended_by, ended_at, seen_seconds from slot where id = :s", s=slot)[0]


AWAY: dict[str, ModuleType] = {"absent": marking_absent, "late": arriving_late}
"""What says that somebody is not there now, and where it is done."""


@pytest.mark.parametrize("there", AWAY)
def test_who_has_a_review_on_the_screen_is_at_work(engine: Engine, there: str) -> None:
    slot = begun(engine)
    pause(engine, ADA, slot, at(20))
    resume(engine, ADA, slot, at(40))
    before = contents(engine)
    with pytest.raises(Refusal) as refused:
        SAID[there](engine, at(60))
    assert refused.value.kind == "conflict"
    assert refused.value.sentence == "They are at work: a review of theirs is on the screen."
    assert contents(engine) == before


def test_who_is_at_work_may_have_come_late(engine: Engine) -> None:
    slot = begun(engine)
    assert arrive_late(engine, LEAD, "ada", WORK_DATE, at(1), at(20)).there == "late"
    pause(engine, ADA, slot, at(30))
    assert arrive_late(engine, LEAD, "ada", WORK_DATE, at(30), at(60)).there == "late"
    assert row_of(engine, slot)[0] == "started"


@pytest.mark.parametrize("there", AWAY)
def test_a_break_that_runs_holds_nobody_at_work(engine: Engine, there: str) -> None:
    rest = take_break(engine, ADA, at(10)).slot
    found = SAID[there](engine, at(60))
    assert found.there == there
    assert rest not in found.taken_back
    assert row_of(engine, rest)[0::2] == ("done", at(60))
    assert [start for _, start in of(engine, "ada") if start < found.there_from] == []
    ((sentence,),) = rows(engine, "select sentence from notice")
    assert sentence.endswith(" Your break has ended.")
    before = contents(engine)
    assert SAID[there](engine, at(90)).there == there
    assert contents(engine) == before
    planned(engine, WORK_DATE, at(100))
    out = exported(engine, WORK_DATE, at(100))
    assert out.plan is not None
    assert verify(out.instance, out.plan) == []


def test_a_break_ends_no_earlier_than_it_began(engine: Engine) -> None:
    """By another server's clock it begins in a moment."""
    rest = take_break(engine, ADA, at(10)).slot
    mark_absent(engine, LEAD, "ada", WORK_DATE, at(5))
    assert row_of(engine, rest)[0::2] == ("done", at(10))


@pytest.mark.parametrize("there", AWAY)
def test_a_paused_review_goes_back(engine: Engine, there: str) -> None:
    slot = begun(engine)
    ((item,),) = rows(engine, "select item from slot where id = :slot", slot=slot)
    pause(engine, ADA, slot, at(31))
    found = SAID[there](engine, at(1200))
    assert found.there == there
    assert slot not in found.taken_back
    assert row_of(engine, slot) == ("skipped", "day", at(1200), 30)
    posted = rows(engine, "select entry, seconds from ledger where slot = :slot order by id", slot=slot)
    assert [entry for entry, _ in posted] == ["reserve", "release", "post"]
    assert posted[-1] == ("post", 30)
    assert rows(engine, UNTRUE_SUMS) == [(0,)]
    # Hers goes to others, and is not hers again by another plan.
    planned(engine, WORK_DATE, at(1300))
    assert item not in {mine for mine, _ in of(engine, "ada")}
    assert item in {theirs for other in ("bo", "cy") for theirs, _ in of(engine, other)}
    out = exported(engine, WORK_DATE, at(1300))
    assert out.plan is not None
    assert verify(out.instance, out.plan) == []


def test_she_may_say_more_of_it_and_complete_it(engine: Engine) -> None:
    slot = begun(engine)
    pause(engine, ADA, slot, at(31))
    mark_absent(engine, LEAD, "ada", WORK_DATE, at(60))
    ((sentence,),) = rows(engine, "select sentence from notice")
    assert sentence.endswith(
        " The review that you had paused has gone back: what you saw of it counts, and you may complete it "
        "as long as nobody else has it."
    )
    done = complete(engine, ADA, slot, Seen(45), Outcome("agree"), at(70))
    assert (done.state, done.seen_seconds) == ("done", 45)


@pytest.mark.parametrize("there", AWAY)
def test_urgent_reviews_of_who_has_left_find_a_place(database: Database, there: str) -> None:
    """The paused one and those that were to follow it, in the order in which they came."""
    urgent = tuple(escalation(f"e{n}", severity=1) for n in range(3))
    with engine_of(database) as engine:
        load(engine, instance(Day(policy(), (auditor("ada", shift_end=NINE + 2 * 3600),), urgent)))
        planned(engine, WORK_DATE)
        ((second,),) = rows(engine, "select id from slot where item = 'e1'")
        start(engine, ADA, second, at(1))
        pause(engine, ADA, second, at(31))
        taken_back = SAID[there](engine, at(60)).taken_back
        assert len(taken_back) == 2
        tasks = rows(engine, "select payload ->> 'item' from task where kind = 'place' order by id")
        assert tasks == [("e0",), ("e1",), ("e2",)]
        assert outstanding(engine, "ada") == 0


def test_what_runs_on_another_date_is_not_this_shifts(engine: Engine) -> None:
    rest = take_break(engine, ADA, at(10)).slot
    write(
        engine,
        """
        insert into work_day (work_date, name) select work_date + 1, name from work_day;
        insert into shift
        select (jsonb_populate_record(shift, jsonb_build_object('work_date', work_date + 1,
            'shift_start', shift_start + interval '1 day', 'shift_end', shift_end + interval '1 day'))).*
        from shift where auditor = 'ada'
        """,
    )
    ((tomorrow,),) = rows(engine, "select max(work_date) from shift")
    assert mark_absent(engine, LEAD, "ada", tomorrow, at(60)).there == "absent"
    assert row_of(engine, rest)[0] == "started"


def test_who_has_worked_and_goes_keeps_what_they_did(engine: Engine) -> None:
    write(
        engine,
        """
        update slot set state = 'done', started_at = planned_start, ended_at = planned_end
        where id = (select id from slot where auditor = 'ada' order by planned_start limit 1)
        """,
    )
    mark_absent(engine, LEAD, "ada", WORK_DATE, at(900))
    planned(engine, WORK_DATE, at(910))
    assert of(engine, "ada") == []
    out = exported(engine, WORK_DATE, at(910))
    assert out.plan is not None
    assert "ada" in out.instance.auditors["id"].to_list()
    assert verify(out.instance, out.plan) == []


def test_who_has_ended_their_day_is_not_called_back(engine: Engine) -> None:
    write(engine, "update shift set available_until = :at where auditor = 'ada'", at=at(600))
    before = contents(engine)
    assert mark_absent(engine, LEAD, "ada", WORK_DATE, at(700)).there == "left"
    for say in (SAID["late"], SAID["there"]):
        with pytest.raises(Refusal) as refused:
            say(engine, at(700))
        assert refused.value.kind == "conflict"
    assert contents(engine) == before


def test_no_plan_that_does_not_know_of_it_is_published(engine: Engine) -> None:
    made = make(engine, WORK_DATE, at(60))
    mark_absent(engine, LEAD, "ada", WORK_DATE, at(70))
    with pytest.raises(Refusal) as refused:
        publish(engine, made, at(80))
    assert refused.value.kind == "stale"
    # It was asked for already: the same task makes it anew.
    assert rows(engine, "select count(*) from task where kind = 'plan' and state <> 'done'") == [(1,)]


def test_nor_the_first_of_its_date(database: Database) -> None:
    day = instance(Day(policy=policy(), auditors=(auditor("ada"), auditor("bo")), items=(sample("s1"),)))
    with engine_of(database) as engine:
        load(engine, day)
        made = make(engine, WORK_DATE, at(-600))
        mark_absent(engine, LEAD, "ada", WORK_DATE, at(-500))
        with pytest.raises(Refusal) as refused:
            publish(engine, made, at(-400))
    assert refused.value.kind == "stale"


def test_when_nobody_is_left_nothing_is_planned(engine: Engine) -> None:
    for who in ("ada", "bo", "cy"):
        mark_absent(engine, LEAD, who, WORK_DATE, at(60))
    assert planned(engine, WORK_DATE, at(70)).slots == 0
    assert rows(engine, UNTRUE_SUMS) == [(0,)]


def test_who_comes_after_midnight_to_a_shift_before_it(database: Database, tmp_path: Path) -> None:
    """The shift keeps its date; the time before is taken. The day can be written and read."""
    evening = NINE + 14 * 3600  # eleven at night
    night = {"shift_start": evening, "shift_end": evening + 6 * 3600}
    day = instance(
        Day(
            policy=policy(), auditors=(auditor("ada", **night), auditor("bo", **night)), items=(sample("s1"),)
        )
    )
    with engine_of(database) as engine:
        load(engine, day)
        planned(engine, WORK_DATE)
        arrive_late(engine, LEAD, "ada", WORK_DATE, at(14 * 3600 + 7200), at(0))
        mark_absent(engine, LEAD, "bo", WORK_DATE, at(0))
        planned(engine, WORK_DATE, at(0))
        ((item, start),) = of(engine, "ada")
        assert (item, start) == ("s1", at(14 * 3600 + 7200))
        out = exported(engine, WORK_DATE, at(0))
    assert out.plan is not None
    assert verify(out.instance, out.plan) == []
    write_instance(out.instance, tmp_path / "day", "ndjson")
    assert read_instance(tmp_path / "day").work_date == WORK_DATE


@pytest.mark.parametrize("asked_before", [False, True])
@pytest.mark.parametrize("there", AWAY)
def test_a_day_is_loaded_meanwhile(
    database: Database, monkeypatch: pytest.MonkeyPatch, there: str, asked_before: bool
) -> None:
    """It takes the same urgent item from somebody else, and neither waits for what the other holds while that
    one waits for it."""
    ada, ben = (auditor(name, shift_end=NINE + 2 * 3600) for name in ("ada", "ben"))
    items = (sample("s1"), escalation("e1", reviews=2))
    material = {"category": "hate", "severity": 3, "modality": "image"}
    seen = {"auditor": "ben", "work_date": WORK_DATE, "seconds": 1900, "items": 1} | material
    more = instance(Day(rules(), (ben,), items, (seen,)))
    waits = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    asking, loaded, ask_replan = Event(), Event(), AWAY[there].ask_replan

    with (
        engine_of(database) as engine,
        psycopg.connect(database.url, autocommit=True) as watching,
        ThreadPoolExecutor(2) as pool,
    ):
        load(engine, instance(Day(rules(), (ada, ben), items)))
        planned(engine, WORK_DATE)
        assert len(rows(engine, "select from slot where item = 'e1' and state = 'planned'")) == 2

        def is_stopped() -> bool:
            return loaded.is_set() or watching.execute(waits).fetchone() is not None

        def ask(*given: Any) -> None:
            if asked_before:
                ask_replan(*given)
            asking.set()
            wait_for(is_stopped, "the day is loaded, or waits")
            if not asked_before:
                ask_replan(*given)

        def load_more() -> None:
            try:
                load(engine, more, at(1))
            finally:
                loaded.set()

        monkeypatch.setattr(AWAY[there], "ask_replan", ask)
        saying = pool.submit(SAID[there], engine, at(1))
        assert asking.wait(20)
        loading = pool.submit(load_more)
        assert [one.exception(60) for one in (saying, loading)] == [None, None]
        assert rows(engine, "select from slot where item = 'e1' and state = 'planned'") == []
        assert rows(engine, "select payload ->> 'item' from task where kind = 'place'") == [("e1",)]
