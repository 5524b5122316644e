"""Small random days: what comes out is legal, and nothing better was to be had."""

from __future__ import annotations

import pytest

from allocator.placing import Placement, place
from tests.placing.every_way import Way, ways
from tests.placing.small_days import SmallDay, faults, random_day


def cost(day: SmallDay, placed: Placement) -> Way:
    person = next(one for one in day.people if one.auditor == placed.auditor)
    slots = {slot.slot: slot for slot in person.planned}
    return Way(
        placed.late,
        len(placed.dropped),
        sum(slots[slot].behind for slot in placed.dropped),
        sum(slots[one.slot].kind == "work" for one in placed.moved),
    )


@pytest.mark.parametrize("start", range(0, 300, 50))
def test_the_day_that_results_is_legal(start: int) -> None:
    for seed in range(start, start + 50):
        day = random_day(seed, people=3, slots=12)
        placed = place(day.policy, day.wanted, day.people, day.now)
        if placed is not None:
            assert faults(day, placed) == set(), seed


@pytest.mark.parametrize("start", range(0, 60, 20))
def test_nothing_better_was_to_be_had(start: int) -> None:
    for seed in range(start, start + 20):
        day = random_day(seed, people=2, slots=5)
        placed = place(day.policy, day.wanted, day.people, day.now)
        every = {way for person in day.people for way in ways(day, person, most_dropped=2)}
        if not every:
            continue
        assert placed is not None, seed
        best = min((way.late, way.dropped) for way in every)
        assert (placed.late, len(placed.dropped)) <= best, (seed, cost(day, placed), best)
