"""Completing and skipping: what was really seen is recorded, once, whatever it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from models.actions.complete import complete
from models.actions.settle_exposure import Seen
from models.actions.skip import skip
from models.actions.start import start
from models.actor import Actor
from models.queries.my_slot import MySlot
from models.refusal import Refusal
from tests.actions.limits_day import at_once
from tests.actions.my_day import ADA, AGREE, BEN, NOW, MyDay, my_day, refusal
from tests.conftest import Database

LATER = NOW + timedelta(minutes=9)
"""Before the lease of ten minutes is over."""
RESERVED = ("reserve", "violence", 3, "image", 600, 1)
RELEASED = ("release", "violence", 3, "image", 600, 1)


def agreed(engine: Engine, actor: Actor, slot: int, seen: Seen, now: datetime) -> MySlot:
    return complete(engine, actor, slot, seen, AGREE, now)


@pytest.fixture
def day(database: Database) -> Iterator[MyDay]:
    with my_day(database) as made:
        yield made
        assert made.sums_are_true()


def test_the_reservation_goes_and_what_was_seen_comes(day: MyDay) -> None:
    slot = day.slots["one"]
    start(day.engine, ADA, slot, NOW)
    done = complete(day.engine, ADA, slot, Seen(431), AGREE, LATER)
    assert (done.state, done.ended_at, done.seen_seconds) == ("done", LATER, 431)
    assert day.ledger(slot) == [RESERVED, RELEASED, ("post", "violence", 3, "image", 431, 1)]
    assert day.verbs() == ["start", "complete"]


def test_truth_is_never_refused(day: MyDay) -> None:
    """Far beyond what was reserved, what the limit allows and what the clock saw go by."""
    slot = day.slots["one"]
    start(day.engine, ADA, slot, NOW)
    complete(day.engine, ADA, slot, Seen(86_400), AGREE, LATER)
    assert day.ledger(slot)[-1] == ("post", "violence", 3, "image", 86_400, 1)


def test_even_nothing_seen_is_an_item_seen(day: MyDay) -> None:
    slot = day.slots["one"]
    start(day.engine, ADA, slot, NOW)
    complete(day.engine, ADA, slot, Seen(0), AGREE, NOW)
    assert day.ledger(slot)[-1] == ("post", "violence", 3, "image", 0, 1)


@pytest.mark.parametrize(
    ("slot", "seen", "entry"),
    [
        ("one", Seen(60, severity=4), ("incident", "violence", 4, "image", 60, 1)),
        ("one", Seen(60, severity=0), ("post", "violence", 0, "image", 60, 1)),
        ("one", Seen(60, severity=3), ("post", "violence", 3, "image", 60, 1)),
        ("mild", Seen(60, severity=3), ("incident", "violence", 3, "image", 60, 1)),
        ("mild", Seen(60, category="self-harm"), ("post", "self-harm", 1, "image", 60, 1)),
        ("mild", Seen(60, modality="live"), ("post", "violence", 1, "live", 60, 1)),
        ("mild", Seen(60, "self-harm", 4, "live"), ("incident", "self-harm", 4, "live", 60, 1)),
    ],
)
def test_it_is_recorded_as_what_it_was(day: MyDay, slot: str, seen: Seen, entry: tuple[Any, ...]) -> None:
    start(day.engine, ADA, day.slots[slot], NOW)
    complete(day.engine, ADA, day.slots[slot], seen, AGREE, LATER)
    assert day.ledger(day.slots[slot])[-1] == entry


def test_a_category_that_no_limit_knows_is_asked_for_again(day: MyDay) -> None:
    slot = day.slots["one"]
    start(day.engine, ADA, slot, NOW)
    for deed in (agreed, skip):
        found = refusal(deed, day.engine, ADA, slot, Seen(60, category="violense"), LATER)
        assert (found.kind, found.field) == ("invalid", "seen.category")
    assert day.state(slot) == "started"
    assert day.ledger(slot) == [RESERVED]


def test_saying_it_again_changes_nothing(day: MyDay) -> None:
    slot = day.slots["one"]
    start(day.engine, ADA, slot, NOW)
    done = complete(day.engine, ADA, slot, Seen(431), AGREE, LATER)
    for again in (Seen(431), Seen(431, category="violence", severity=3, modality="image")):
        same = complete(day.engine, ADA, slot, again, AGREE, LATER + timedelta(minutes=1))
        assert (same.state, same.ended_at, same.seen_seconds) == (
            done.state,
            done.ended_at,
            done.seen_seconds,
        )
    assert len(day.ledger(slot)) == 3
    assert day.verbs() == ["start", "complete"]


@pytest.mark.parametrize("other", [Seen(432), Seen(431, severity=4), Seen(431, category="self-harm")])
def test_saying_something_else_is_refused(day: MyDay, other: Seen) -> None:
    slot = day.slots["one"]
    start(day.engine, ADA, slot, NOW)
    complete(day.engine, ADA, slot, Seen(431), AGREE, LATER)
    assert refusal(complete, day.engine, ADA, slot, other, AGREE, LATER).kind == "conflict"
    assert refusal(skip, day.engine, ADA, slot, None, LATER).kind == "conflict"
    assert len(day.ledger(slot)) == 3


def test_only_what_is_started_ends(day: MyDay) -> None:
    slot = day.slots["one"]
    assert refusal(complete, day.engine, ADA, slot, Seen(1), AGREE, NOW).kind == "not-started"
    assert refusal(skip, day.engine, ADA, slot, Seen(1), NOW).kind == "not-started"
    start(day.engine, ADA, slot, NOW)
    for deed in (agreed, skip):
        assert refusal(deed, day.engine, BEN, slot, Seen(1), NOW).kind == "not-found"
        pause = day.slots["pause"]
        assert refusal(deed, day.engine, ADA, pause, Seen(1), NOW).kind == "conflict"
    assert day.state(slot) == "started"


def test_what_runs_is_ended_under_whatever_plan_is_in_force_by_then(day: MyDay) -> None:
    """And without the shift, the limit or the clearance that it began with."""
    slot = day.slots["one"]
    start(day.engine, ADA, slot, NOW)
    day.rows.run("update plan set state = 'superseded'")
    day.rows.run("delete from shift where auditor = 'ada'")
    assert complete(day.engine, ADA, slot, Seen(600), AGREE, NOW + timedelta(hours=20)).state == "done"


def test_a_clock_that_goes_back_does_no_harm(day: MyDay) -> None:
    slot = day.slots["one"]
    start(day.engine, ADA, slot, NOW)
    assert complete(day.engine, ADA, slot, Seen(5), AGREE, NOW - timedelta(seconds=3)).ended_at == NOW
    start(day.engine, ADA, day.slots["two"], NOW)
    gone = skip(day.engine, ADA, day.slots["two"], None, NOW - timedelta(seconds=3))
    assert (gone.ended_at, gone.seen_seconds) == (NOW, 0)


def test_skipping_what_is_planned_gives_the_reservation_back(day: MyDay) -> None:
    slot = day.slots["one"]
    gone = skip(day.engine, ADA, slot, None, NOW)
    assert (gone.state, gone.started_at, gone.seen_seconds) == ("skipped", None, None)
    assert day.ledger(slot) == [RESERVED, RELEASED]
    for seen in (None, Seen(0)):
        assert skip(day.engine, ADA, slot, seen, LATER).state == "skipped"
    assert refusal(skip, day.engine, ADA, slot, Seen(1), LATER).kind == "conflict"
    assert refusal(complete, day.engine, ADA, slot, Seen(1), AGREE, LATER).kind == "conflict"
    assert len(day.ledger(slot)) == 2
    assert day.verbs() == ["skip"]


@pytest.mark.parametrize(
    ("seen", "seconds"),
    [(None, 91), (Seen(20), 20), (Seen(900), 900)],
    ids=["all since the start, a begun second in full", "as said", "more than the clock saw"],
)
def test_skipping_what_is_started_counts_what_was_seen(day: MyDay, seen: Seen | None, seconds: int) -> None:
    slot = day.slots["one"]
    start(day.engine, ADA, slot, NOW)
    gone = skip(day.engine, ADA, slot, seen, NOW + timedelta(seconds=90, microseconds=1))
    assert (gone.state, gone.seen_seconds) == ("skipped", seconds)
    assert day.ledger(slot) == [RESERVED, RELEASED, ("post", "violence", 3, "image", seconds, 1)]
    for again in (None, Seen(seconds)):
        assert skip(day.engine, ADA, slot, again, LATER).seen_seconds == seconds
    assert refusal(skip, day.engine, ADA, slot, Seen(seconds + 1), LATER).kind == "conflict"
    assert len(day.ledger(slot)) == 3


def test_who_skips_because_it_was_worse_says_so(day: MyDay) -> None:
    start(day.engine, ADA, day.slots["mild"], NOW)
    skip(day.engine, ADA, day.slots["mild"], Seen(4, severity=4), LATER)
    assert day.ledger(day.slots["mild"])[-1] == ("incident", "violence", 4, "image", 4, 1)


def test_what_was_skipped_is_for_somebody_else(day: MyDay) -> None:
    """The same review of the item can be planned for another person."""
    skip(day.engine, ADA, day.slots["one"], None, NOW)
    day.rows.slot("ben", "one", plan=day.plan)


def test_two_tabs_end_a_review_once(day: MyDay) -> None:
    slot = day.slots["one"]
    start(day.engine, ADA, slot, NOW)
    found = at_once(
        *[lambda: complete(day.engine, ADA, slot, Seen(300), AGREE, LATER)] * 4,
        *[lambda: complete(day.engine, ADA, slot, Seen(200), AGREE, LATER)] * 2,
        *[lambda: skip(day.engine, ADA, slot, None, LATER)] * 2,
    )
    ended = [one for one in found if not isinstance(one, Exception)]
    assert len({(one.state, one.seen_seconds) for one in ended}) == 1
    assert {one.kind for one in found if isinstance(one, Refusal)} == {"conflict"}
    assert len(ended) + sum(isinstance(one, Refusal) for one in found) == 8
    assert [entry for entry, *_ in day.ledger(slot)] == ["reserve", "release", "post"]
    assert len(day.verbs()) == 2
