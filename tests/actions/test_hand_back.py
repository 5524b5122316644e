"""A planned review is handed back: for others, without a reason, and only what has not begun."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from models.actions.complete import complete
from models.actions.hand_back import hand_back
from models.actions.settle_exposure import Seen
from models.actions.skip import skip
from models.refusal import Refusal
from tests.actions.limits_day import at_once
from tests.actions.my_day import ADA, AGREE, BEN, NOW, MyDay, my_day, refusal
from tests.conftest import Database


@pytest.fixture
def day(database: Database) -> Iterator[MyDay]:
    with my_day(database) as made:
        yield made
        assert made.sums_are_true()


def test_it_goes_back_with_its_reservation(day: MyDay) -> None:
    slot = day.slots["one"]
    for _ in range(3):
        back = hand_back(day.engine, ADA, slot, NOW)
        assert (back.state, back.started_at, back.seen_seconds) == ("returned", None, None)
    assert [entry for entry, *_ in day.ledger(slot)] == ["reserve", "release"]
    assert day.verbs() == ["hand_back"]
    assert day.notices("auditor:ada") == []
    assert [day.state(day.slots[name]) for name in ("two", "three", "mild")] == ["planned"] * 3


def test_an_escalation_asks_for_another_place(day: MyDay) -> None:
    hand_back(day.engine, ADA, day.slots["one"], NOW)
    hand_back(day.engine, ADA, day.escalation("urgent"), NOW)
    assert day.tasks("place") == [{"item": "urgent"}]
    day.rows.slot("ben", "urgent", plan=day.plan)


def test_one_that_was_withdrawn_upstream_asks_for_nothing(day: MyDay) -> None:
    slot = day.escalation("urgent")
    day.rows.run("update item set withdrawn_at = now() where id = 'urgent'")
    assert hand_back(day.engine, ADA, slot, NOW).state == "returned"
    assert day.tasks("place") == []


def test_only_what_is_planned_and_ones_own(day: MyDay) -> None:
    assert refusal(hand_back, day.engine, BEN, day.slots["one"], NOW).kind == "not-found"
    assert refusal(hand_back, day.engine, ADA, day.slots["pause"], NOW).kind == "conflict"
    slot = day.begun(day.slots["one"])
    assert refusal(hand_back, day.engine, ADA, slot, NOW).kind == "already-started"
    complete(day.engine, ADA, slot, Seen(1), AGREE, NOW)
    skip(day.engine, ADA, day.slots["two"], None, NOW)
    for name in ("one", "two"):
        assert refusal(hand_back, day.engine, ADA, day.slots[name], NOW).kind == "conflict"
    day.rows.run("update slot set state = 'withdrawn' where item = 'three'")
    assert refusal(hand_back, day.engine, ADA, day.slots["three"], NOW).kind == "stale"


def test_what_was_handed_back_is_neither_skipped_nor_done(day: MyDay) -> None:
    slot = day.slots["one"]
    hand_back(day.engine, ADA, slot, NOW)
    assert refusal(skip, day.engine, ADA, slot, None, NOW).kind == "conflict"
    assert refusal(complete, day.engine, ADA, slot, Seen(1), AGREE, NOW).kind == "conflict"


def test_of_two_tabs_one_hands_back_and_one_skips(day: MyDay) -> None:
    slot = day.slots["one"]
    found = at_once(
        *[lambda: hand_back(day.engine, ADA, slot, NOW)] * 3,
        *[lambda: skip(day.engine, ADA, slot, None, NOW)] * 3,
    )
    ended = [one.state for one in found if not isinstance(one, Exception)]
    assert len(ended) == 3
    assert len(set(ended)) == 1
    assert {one.kind for one in found if isinstance(one, Refusal)} == {"conflict"}
    assert [entry for entry, *_ in day.ledger(slot)] == ["reserve", "release"]
