"""Escalations placed into a day that is under way: what changes, what never does, and what is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from allocator.rules.policy import Edge
from config.settings import settings
from models.actions.claim_task import Claim
from models.actions.escalate import Escalation, escalate
from models.actions.hand_back import hand_back
from models.actions.place_again import place_again
from models.actions.place_escalation import Placed, Waiting, place_escalation
from models.actions.release_reserved import release_reserved
from models.actions.retry_waiting import BETWEEN_SURGES, PARKED, RETRY, SURGE, retry_waiting
from models.actions.settle_exposure import Seen
from models.actions.skip import skip
from models.actions.start import start
from models.actions.withdraw_item import withdraw_item
from models.actor import SYSTEM, Actor
from models.queries.escalations import NOBODY_FREE, waiting_escalations
from models.queries.escalations import escalation as state_of
from models.queries.expected_placement import NEXT_PLAN, expected_placement
from models.refusal import Refusal
from tests.conftest import Database
from tests.days.build import NINE, WORK_DATE, Day, Row, auditor, instance
from tests.days_in_database.steps import engine_of, load, make, planned, publish, rows, write
from tests.workers.world import ASKED, NOON, NOW, TOOL, World, a_day, fields, in_force, rules
from workers.jobs import do_quick

ADA = Actor("auditor", "ada")


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    with engine_of(database, connections=8) as engine:
        yield World(engine)


def test_it_goes_where_there_is_a_gap_and_nothing_else_changes(world: World) -> None:
    in_force(world, a_day(samples=2))
    before = world.live()
    item = world.accept()
    done = world.place(item)
    assert isinstance(done, Placed)
    [review] = done.reviews
    assert not review.late
    after = world.live()
    assert [slot for slot in after if slot[1] != item] == before
    assert world.faults() == set()
    assert world.tasks() == [("place", "done")]
    [(placed_at, published)] = rows(
        world.engine, "select placed_at, published_start from slot where item = :item", item=item
    )
    assert (placed_at, published) == (NOW, None)
    person = rows(world.engine, "select auditor from slot where item = :item", item=item)[0][0]
    [(kind, sentence, detail)] = world.notices(f"auditor:{person}")
    assert kind == "escalation-placed"
    assert "it is due at 10:00" in sentence
    assert (detail["item"], detail["moved"], detail["dropped"]) == (item, [], [])
    assert len(rows(world.engine, "select from notice")) == 1


def test_what_follows_moves_and_keeps_the_plans_times(world: World) -> None:
    # Fifty minutes of work from nine on, in an hour.
    in_force(world, a_day(samples=10, people=("ada",), stretches=()))
    item = world.accept(Escalation(**fields(ASKED, due=NOON + timedelta(minutes=6), seconds=300)))
    before = {slot: (begin, end) for slot, _, _, begin, end in world.live()}
    done = world.place(item)
    assert isinstance(done, Placed)
    assert not done.reviews[0].late
    assert world.faults() == set()
    moved = rows(
        world.engine,
        "select id, (extract(epoch from published_start) - :nine)::float8 / 60,"
        " (extract(epoch from published_end) - :nine)::float8 / 60 from slot"
        " where published_start is not null",
        nine=NINE,
    )
    assert moved
    assert all(before[slot] == (begin, end) for slot, begin, end in moved)
    assert len(world.live()) == len(before) + 1
    person = rows(world.engine, "select auditor from slot where item = :item", item=item)[0][0]
    [(_, sentence, detail)] = world.notices(f"auditor:{person}")
    assert {one["slot"] for one in detail["moved"]} == {slot for slot, _, _ in moved}
    assert "new times" in sentence
    everybody = {row[0] for row in rows(world.engine, "select addressee from notice")}
    assert everybody == {f"auditor:{person}"}


def test_a_sample_gives_way_the_last_that_was_drawn(world: World) -> None:
    in_force(world, a_day(samples=24, stretches=()))
    item = world.accept(Escalation(**fields(ASKED, seconds=300)))
    done = world.place(item)
    assert isinstance(done, Placed)
    [(gone,)] = rows(world.engine, "select item from slot where state = 'withdrawn'")
    assert gone == "s23"
    assert world.faults() == set()


def test_nobody_who_has_begun_something_is_disturbed_in_it(world: World) -> None:
    in_force(world, a_day(samples=24, people=("ada", "ben"), stretches=()))
    running = {}
    at = NOON + timedelta(seconds=30)
    for person in ("ada", "ben"):
        slot = world.live(person)[0][0]
        start(world.engine, Actor("auditor", person), slot, at)
        running[slot] = person
    urgent = Escalation(**fields(ASKED, seconds=300, due=NOON + timedelta(minutes=9)))
    item = world.accept(urgent, now=at)
    done = world.place(item, at)
    assert isinstance(done, Placed)
    [review] = done.reviews
    assert review.start >= NOON + timedelta(seconds=330)
    assert review.late  # whoever runs is left to finish: five and a half minutes, and then five
    states = dict(rows(world.engine, "select id, state from slot"))
    assert all(states[slot] == "started" for slot in running)


def test_several_reviews_go_to_different_people(world: World) -> None:
    in_force(world, a_day(samples=2, people=("ada", "ben", "cy")))
    item = world.accept(Escalation(**fields(ASKED, reviews=3)))
    done = world.place(item)
    assert isinstance(done, Placed)
    assert len(done.reviews) == 3
    people = rows(
        world.engine, "select auditor, review_no from slot where item = :item order by 2", item=item
    )
    assert [number for _, number in people] == [1, 2, 3]
    assert len({person for person, _ in people}) == 3
    assert world.faults() == set()


def test_where_nobody_can_it_waits_and_says_so_once(world: World) -> None:
    in_force(world, a_day(samples=2, people=("ada", "ben")))
    item = world.accept(Escalation(**fields(ASKED, reviews=3)))
    done = world.place(item)
    assert isinstance(done, Waiting)
    assert (len(done.reviews), done.missing) == (2, 1)
    told = world.notices("team:t1")
    assert [kind for kind, _, _ in told] == ["escalation-waits"]
    assert "already review it" in told[0][1]
    assert world.tasks() == [("place", "done")]
    state = state_told(world, item)
    assert (state.missing, state.sentence) == (1, NOBODY_FREE)
    with world.engine.connect() as connection:
        [waiting] = waiting_escalations(connection, NOW)
    assert (waiting.item, waiting.missing, waiting.seconds_left) == (item, 1, 7200)
    # Tried again after a while, and only then; nobody is told a second time.
    assert retry_waiting(world.engine, SYSTEM, NOW + RETRY / 2) == 0
    later = NOW + RETRY
    assert retry_waiting(world.engine, SYSTEM, later) == 1
    assert retry_waiting(world.engine, SYSTEM, later) == 0
    assert isinstance(world.place(item, later), Waiting)
    assert len(world.notices("team:t1")) == 1
    assert rows(world.engine, "select tries from waiting_escalation") == [(2,)]


def state_told(world: World, item: str) -> Any:
    with world.engine.connect() as connection:
        return state_of(connection, TOOL.name, item)


def test_a_limit_is_never_passed_for_it(world: World) -> None:
    in_force(world, a_day(samples=2))
    items = [world.accept(key=str(number)) for number in range(6)]
    done = [world.place(item) for item in items]
    # Twenty severe minutes each: two of ten.
    assert [isinstance(one, Placed) for one in done] == [True] * 4 + [False] * 2
    assert world.faults() == set()
    assert isinstance(done[-1], Waiting)
    assert "2 are not free for it" in done[-1].sentence
    assert rows(world.engine, "select ruled_out::text from waiting_escalation")[0] == ('{"protected": 2}',)


def test_when_somebody_comes_free_it_is_placed_and_the_leads_are_told(world: World) -> None:
    in_force(world, a_day(samples=2, people=("ada",)))
    first, second, third = (world.accept(key=str(number)) for number in range(3))
    assert isinstance(world.place(first), Placed)
    assert isinstance(world.place(second), Placed)
    assert isinstance(world.place(third), Waiting)
    withdraw_item(world.engine, TOOL, first, NOW)
    later = NOW + RETRY
    assert retry_waiting(world.engine, SYSTEM, later) == 1
    assert isinstance(world.place(third, later), Placed)
    assert rows(world.engine, "select from waiting_escalation") == []
    kinds = [kind for kind, _, _ in world.notices("team:t1")]
    assert kinds == ["escalation-waits", "escalation-no-longer-waits"]
    assert world.faults() == set()


def test_what_is_withdrawn_meanwhile_is_not_placed(world: World) -> None:
    in_force(world, a_day(samples=2))
    item = world.accept()
    claim = world.claim(item)
    withdraw_item(world.engine, TOOL, item, NOW)
    assert place_escalation(world.engine, SYSTEM, claim, NOW) == Placed(item, ())
    assert rows(world.engine, "select from slot where item = :item", item=item) == []


def test_it_is_placed_once_however_often_it_is_tried(world: World) -> None:
    in_force(world, a_day(samples=2))
    item = world.accept()
    claim = world.claim(item)
    place_escalation(world.engine, SYSTEM, claim, NOW)
    with pytest.raises(Refusal) as refused:
        place_escalation(world.engine, SYSTEM, claim, NOW)
    assert refused.value.kind == "stale"
    assert len(rows(world.engine, "select from slot where item = :item", item=item)) == 1


def test_without_a_plan_the_next_one_takes_it_up(world: World) -> None:
    load(world.engine, a_day(samples=2))
    asked = expected_placement(world.engine, ASKED.asked(), NOW)
    assert (asked.start, asked.sentence) == (None, NEXT_PLAN)
    item = world.accept()
    assert world.place(item) == Placed(item, ())
    assert rows(world.engine, "select from notice") == []
    with world.engine.connect() as connection:
        assert waiting_escalations(connection, NOW) == []
    planned(world.engine, a_day().work_date)
    assert len(rows(world.engine, "select from slot where item = :item", item=item)) == 1
    assert rows(world.engine, "select from waiting_escalation") == []


def skip_it(world: World, slot: int) -> datetime:
    skip(world.engine, ADA, slot, None, NOW)
    return NOW


def skip_it_once_begun(world: World, slot: int) -> datetime:
    start(world.engine, ADA, slot, NOON)
    at = NOON + timedelta(seconds=30)
    skip(world.engine, ADA, slot, Seen(seconds=30), at)
    return at


def hand_it_back(world: World, slot: int) -> datetime:
    hand_back(world.engine, ADA, slot, NOW)
    return NOW


@pytest.mark.parametrize(
    ("give_up", "becomes"),
    [(skip_it, "skipped"), (skip_it_once_begun, "skipped"), (hand_it_back, "returned")],
)
def test_whoever_gave_it_up_is_not_asked_again(
    world: World, give_up: Callable[[World, int], datetime], becomes: str
) -> None:
    in_force(world, a_day(samples=0, people=("ada",)))
    item = world.accept()
    assert isinstance(world.place(item), Placed)
    [(slot,)] = rows(world.engine, "select id from slot where item = :item", item=item)
    at = give_up(world, slot)
    assert world.tasks() == [("place", "done"), ("place", "waiting")]
    done = world.place(item, at)
    assert isinstance(done, Waiting)
    assert done.reviews == ()
    assert rows(world.engine, "select ruled_out::text from waiting_escalation") == [('{"excluded": 1}',)]
    assert rows(world.engine, "select id, state from slot where item = :item", item=item) == [(slot, becomes)]
    assert world.faults() == set()


def test_an_escalation_that_matters_less_gives_way_and_is_placed_again(world: World) -> None:
    in_force(world, a_day(samples=0, people=("ada",)))
    lesser = [
        world.accept(Escalation(**fields(ASKED, priority=3, due=None)), key=str(number))
        for number in range(2)
    ]
    for item in lesser:
        assert isinstance(world.place(item), Placed)
    urgent = world.accept(key="urgent")
    done = world.place(urgent)
    assert isinstance(done, Placed)
    lost = rows(world.engine, "select item from slot where state = 'withdrawn'")
    assert len(lost) == 1
    assert rows(world.engine, "select payload ->> 'item' from task where state = 'waiting'") == lost
    assert world.faults() == set()
    assert isinstance(world.place(lost[0][0]), Waiting)


def test_many_workers_at_once_lose_and_double_nothing(world: World) -> None:
    in_force(world, a_day(samples=10, people=("ada", "ben", "cy", "di")))
    items = [
        world.accept(Escalation(**fields(ASKED, severity=1, seconds=120)), key=str(number))
        for number in range(24)
    ]
    claims = [world.claim(item) for item in items]

    def one(claim: Claim) -> str:
        while True:
            try:
                return type(place_escalation(world.engine, SYSTEM, claim, NOW)).__name__
            except Refusal as refusal:
                if refusal.kind != "stale":
                    raise

    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(one, claims))
    assert set(done) == {"Placed"}
    assert world.faults() == set()
    counted = rows(
        world.engine,
        "select count(*), count(distinct item) from slot where item like 'esc-%' and state = 'planned'",
    )
    assert counted == [(24, 24)]


def test_what_is_expected_is_what_then_happens(world: World) -> None:
    in_force(world, a_day(samples=12))
    accepted = escalate(world.engine, TOOL, "key", ASKED, NOW)
    done = world.place(accepted.id)
    assert isinstance(done, Placed)
    assert (accepted.expected.start, accepted.expected.end) == (done.reviews[0].start, done.reviews[0].end)
    again = escalate(world.engine, TOOL, "key", ASKED, NOW + timedelta(minutes=50))
    assert (again.expected, again.repeated) == (accepted.expected, True)


def test_where_very_many_wait_the_day_is_planned_anew_and_not_again_at_once(world: World) -> None:
    in_force(world, a_day(samples=2, people=("ada",)))
    items = [world.accept(key=str(number)) for number in range(SURGE + 3)]
    done = [world.place(item) for item in items]
    assert sum(isinstance(one, Waiting) for one in done) == SURGE + 1
    asked = "select count(*) from plan where reason = 'surge'"
    retry_waiting(world.engine, SYSTEM, NOW)
    assert rows(world.engine, asked) == [(1,)]
    write(world.engine, "update task set state = 'done', ended_at = :now where kind = 'plan'", now=NOW)
    retry_waiting(world.engine, SYSTEM, NOW + BETWEEN_SURGES / 2)
    assert rows(world.engine, asked) == [(1,)]


NEXT_DATE = WORK_DATE + timedelta(days=1)
NEXT_SHIFT = NOON + timedelta(hours=2)
"""When Ada's shift of the next date begins: on the other side of the Earth it is tomorrow."""
ENDED = int(NOON.timestamp()) + 3600
BINDING: dict[str, tuple[dict[str, Any], Row, Row, timedelta]] = {
    # Changes of the rules, of that shift and of what is asked for; how long into the shift it may begin.
    "the window of a limit": ({}, {}, {}, timedelta(0)),
    "a release": ({}, {}, {"release": NEXT_SHIFT + timedelta(minutes=20)}, timedelta(minutes=20)),
    "the edge of a shift": (
        {"edges": (Edge("settle", min_severity=3, first=900),)}, {}, {}, timedelta(minutes=15),
    ),
    "the rest between shifts": (
        {"rest_between_shifts": 5400}, {"last_end": ENDED}, {}, timedelta(minutes=30),
    ),
}  # fmt: skip
binding = pytest.mark.parametrize("binds", list(BINDING))


def full_today(world: World, binds: str) -> tuple[Escalation, datetime]:
    """Ada may see no more today, while somebody is there who does not speak its language. What is asked for,
    and when she could begin it: in her next shift, whose date is not planned yet."""
    changes, shift, asked, into = BINDING[binds]
    begins = int(NEXT_SHIFT.timestamp())
    zone = "Pacific/Kiritimati"
    later = auditor("ada", timezone=zone, shift_start=begins, shift_end=begins + 3600, **shift)
    there = auditor("cy", languages=["xx"], shift_end=NINE + 6 * 3600)
    in_force(world, instance(Day(rules(**changes), (auditor("ada"), there))))
    load(world.engine, instance(Day(rules(**changes), (later,), work_date=NEXT_DATE)))
    for number in range(2):
        assert isinstance(world.place(world.accept(key=str(number))), Placed)
    due = {"due": NEXT_SHIFT + timedelta(minutes=50)}
    return Escalation(**fields(ASKED, **due | asked)), NEXT_SHIFT + into


def waits(world: World) -> list[tuple[Any, ...]]:
    return rows(world.engine, "select earliest, tried_at, tries from waiting_escalation")


def begins(world: World, item: str) -> list[tuple[Any, ...]]:
    return rows(
        world.engine,
        "select work_date, planned_start from slot where item = :item and state = 'planned'",
        item=item,
    )


@binding
def test_it_is_said_when_it_could_begin_and_then_it_is_tried_at_once(world: World, binds: str) -> None:
    asked, at = full_today(world, binds)
    now = at - RETRY / 3
    assert expected_placement(world.engine, asked.asked(), now).earliest == at
    item = world.accept(asked, now=now)
    done = world.place(item, now)
    assert isinstance(done, Waiting)
    assert done.earliest == at
    assert waits(world) == [(at, now, 1)]
    [(kind, _, detail)] = world.notices("team:t1")
    assert (kind, detail["item"]) == ("escalation-waits", item)
    assert datetime.fromisoformat(detail["earliest"]) == at
    with world.engine.connect() as connection:
        assert [one.earliest for one in waiting_escalations(connection, now)] == [at]
    assert retry_waiting(world.engine, SYSTEM, at - timedelta(seconds=1)) == 0
    assert retry_waiting(world.engine, SYSTEM, at) == 1
    # That date is not planned even now: it waits on, and is not tried all the time.
    assert isinstance(world.place(item, at), Waiting)
    assert waits(world) == [(at, at, 2)]
    assert retry_waiting(world.engine, SYSTEM, at + RETRY - timedelta(seconds=1)) == 0


@binding
def test_when_it_could_begin_it_is_placed_in_a_plan_that_did_not_know_of_it(world: World, binds: str) -> None:
    asked, at = full_today(world, binds)
    made = make(world.engine, NEXT_DATE, NOW)
    now = at - RETRY / 3
    item = world.accept(asked, now=now)
    assert isinstance(world.place(item, now), Waiting)
    publish(world.engine, made, now)
    assert retry_waiting(world.engine, SYSTEM, at - timedelta(seconds=1)) == 0
    assert retry_waiting(world.engine, SYSTEM, at) == 1
    done = world.place(item, at)
    assert isinstance(done, Placed)
    assert [(review.start, review.late) for review in done.reviews] == [(at, False)]
    assert begins(world, item) == [(NEXT_DATE, at)]
    assert waits(world) == []
    assert world.faults() == set()


@binding
def test_when_it_could_begin_is_when_a_plan_that_knows_of_it_has_it_begin(world: World, binds: str) -> None:
    asked, at = full_today(world, binds)
    item = world.accept(asked)
    assert isinstance(world.place(item), Waiting)
    planned(world.engine, NEXT_DATE, NOW)
    assert begins(world, item) == [(NEXT_DATE, at)]
    assert waits(world) == []
    assert world.faults() == set()


def test_what_is_given_back_while_it_is_being_placed_is_not_overlooked(world: World) -> None:
    in_force(world, a_day(samples=2))
    item = world.accept()
    world.place(item)
    again = world.engine.connect()
    # Its task is under way (nothing is missing yet) when somebody gives it back.
    write(
        world.engine,
        "insert into task (kind, payload, dedupe_key, run_after, filed_at) values"
        " ('place', jsonb_build_object('item', cast(:item as text)), 'place:' || :item, :now, :now)",
        item=item,
        now=NOW,
    )
    claim = world.claim(item)
    [(slot, person)] = rows(world.engine, "select id, auditor from slot where item = :item", item=item)
    with again, again.begin(), ThreadPoolExecutor(1) as pool:
        again.execute(text("select lock_guards(array[cast(:person as text)])"), {"person": person})
        again.execute(text("update slot set state = 'returned' where id = :slot"), {"slot": slot})
        place_again(again, [item], NOW)
        release_reserved(again, [slot], NOW)
        placing = pool.submit(place_escalation, world.engine, SYSTEM, claim, NOW)
        with pytest.raises(TimeoutError):
            placing.result(0.5)  # it waits for whoever gives it back
        again.commit()
        done = placing.result(30)
    assert isinstance(done, Placed)
    assert len(done.reviews) == 1
    assert rows(world.engine, "select state from slot where item = :item order by id", item=item) == [
        ("returned",),
        ("planned",),
    ]


def test_what_was_parked_is_not_tried_again_at_once(world: World) -> None:
    in_force(world, a_day(samples=2, people=("ada",)))
    for number in range(3):
        world.place(world.accept(key=str(number)))
    assert retry_waiting(world.engine, SYSTEM, NOW + RETRY) == 1
    write(world.engine, "update task set state = 'parked', ended_at = :at where state = 'waiting'", at=NOW)
    assert retry_waiting(world.engine, SYSTEM, NOW + PARKED - timedelta(seconds=1)) == 0
    assert retry_waiting(world.engine, SYSTEM, NOW + PARKED) == 1


def test_a_job_goes_on_with_what_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    in_force(world, a_day(samples=2))
    items = [world.accept(key=str(number)) for number in range(3)]
    do_quick(world.engine, settings(), world.claim(items[1]), lambda: NOW)
    assert world.tasks() == [("place", "done")] * 3

    items = [world.accept(key=str(number)) for number in range(3, 6)]
    monkeypatch.setattr("workers.jobs.GOES_ON", 0.0)
    do_quick(world.engine, settings(), world.claim(items[0]), lambda: NOW)
    assert world.tasks().count(("place", "waiting")) == 2
