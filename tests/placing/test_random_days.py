"""Small random days: what comes out is legal, and nothing better was to be had."""

from __future__ import annotations

import pytest

from allocator.placing import Placement, place
from tests.placing.every_way import Way, ways
from tests.placing.small_days import SmallDay, faults, projected, random_day


def cost(day: SmallDay, placed: Placement) -> Way:
    """As `every_way` counts: what only follows the person's pace is not moved."""
    person = next(one for one in day.people if one.auditor == placed.auditor)
    ahead = projected(day, person)
    slots = {slot.slot: slot for slot in person.planned}
    expected = {slot.slot: start for slot, start in zip(ahead.slots, ahead.start, strict=True)}
    return Way(
        placed.late,
        len(placed.dropped),
        sum(slots[slot].behind for slot in placed.dropped),
        sum(slots[one.slot].kind == "work" and one.start != expected[one.slot] for one in placed.moved),
    )


@pytest.mark.parametrize("start", range(0, 300, 50))
def test_the_day_that_results_is_legal(start: int) -> None:
    placements = []
    for seed in range(start, start + 50):
        day = random_day(seed, people=3, slots=12)
        placed = place(day.policy, day.wanted, day.people, day.now)
        if placed is not None:
            assert faults(day, placed) == set(), seed
            placements.append(placed)
    assert len(placements) >= 40
    assert sum(bool(placed.moved) for placed in placements) >= 3
    assert sum(bool(placed.dropped) for placed in placements) >= 3


@pytest.mark.parametrize("start", range(0, 60, 20))
def test_nothing_better_was_to_be_had(start: int) -> None:
    judged, chosen = 0, 0
    for seed in range(start, start + 20):
        day = random_day(seed, people=2, slots=5)
        placed = place(day.policy, day.wanted, day.people, day.now)
        every = {way for person in day.people for way in ways(day, person, most_dropped=2)}
        if not every:
            continue
        assert placed is not None, seed
        best = min((way.late, way.dropped) for way in every)
        assert (placed.late, len(placed.dropped)) <= best, (seed, cost(day, placed), best)
        judged += 1
        chosen += any((way.late, way.dropped) != best for way in every)
    assert judged >= 15
    assert chosen >= 10


@pytest.mark.parametrize("start", range(0, 100, 50))
def test_no_fewer_were_to_be_moved(start: int) -> None:
    """Where nothing is left out every place is tried, so that the fewest moves can be promised."""
    judged, chosen, moving = 0, 0, 0
    for seed in range(start, start + 50):
        day = random_day(seed, people=2, slots=12)
        every = {way for person in day.people for way in ways(day, person, most_dropped=0)}
        if not every:
            continue
        best = min((way.late, way.moved) for way in every)
        for may_drop in (False, True):
            placed = place(day.policy, day.wanted, day.people, day.now, may_drop=may_drop)
            assert placed is not None, seed
            made = cost(day, placed)
            if not made.dropped:
                assert (made.late, made.moved) <= best, (seed, made, best)
            else:
                assert (may_drop, best[0]) == (True, True), (seed, made, best)
        judged += 1
        chosen += any((way.late, way.moved) != best for way in every)
        moving += best[1] > 0
    assert judged >= 35
    assert chosen >= 25
    assert moving >= 4
