"""The brute force itself: what it finds is legal, and it misses nothing that chance finds."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from allocator.instance import Instance
from tests.brute_force.legality import Row, Slot, broken_by_one, fixed_slots, rules_broken
from tests.brute_force.optimum import optimum, value_of
from tests.brute_force.timelines import Done, timelines
from tests.brute_force.tiny_day import GRID, tiny_day

SEEDS = range(60)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_best_plan_found_is_legal_and_worth_what_is_claimed(seed: int) -> None:
    day = tiny_day(seed)
    found = optimum(day, GRID)
    assert rules_broken(day, found.slots) == set()
    assert value_of(day, found.slots) == found.best
    assert found.best.escalations == found.most_escalations()


@pytest.mark.parametrize("seed", SEEDS)
def test_every_timeline_that_the_search_gives_is_legal(seed: int) -> None:
    day = tiny_day(seed)
    items = {row["id"]: row for row in day.items.to_dicts()}
    for auditor in day.auditors.to_dicts():
        fixed = fixed_slots(day, auditor["id"])
        for slots in timelines(day, auditor, GRID).values():
            assert broken_by_one(day, auditor, items, [*slots, *fixed]) == set()


def test_the_search_knows_every_legal_timeline_that_chance_finds() -> None:
    legal: Counter[int] = Counter()
    for seed in range(150):
        rng = Random(seed)
        day = tiny_day(seed)
        items = {row["id"]: row for row in day.items.to_dicts()}
        for auditor in day.auditors.to_dicts():
            known = timelines(day, auditor, GRID)
            fixed = fixed_slots(day, auditor["id"])
            for _ in range(150):
                slots = _thrown_in(rng, day, auditor, list(items.values()))
                if not broken_by_one(day, auditor, items, [*slots, *fixed]):
                    done = _done(slots, items)
                    legal[len(done[0]) + len(done[1])] += 1
                    assert done in known
    assert legal[1] > 2000
    assert legal[2] > 1000
    assert legal[3] > 200


def _thrown_in(rng: Random, day: Instance, auditor: Row, items: list[Row]) -> list[Slot]:
    """A few reviews one after another in any order, with rests and waits thrown in between."""
    start: int = auditor["shift_start"]
    clock = start if day.now is None else max(start, day.now)
    clock += GRID * rng.choice((0, 0, 0, 1, 2))
    slots: list[Slot] = []
    for item in rng.sample(items, rng.randint(1, min(4, len(items)))):
        if rng.random() < 0.4:
            pause = GRID * rng.randint(1, 3)
            slots.append(Slot("break", None, clock, clock + pause, False))
            clock += pause
        clock += GRID * rng.choice((0, 0, 0, 1, 3))
        slots.append(Slot("work", item["id"], clock, clock + item["seconds"], False))
        clock += item["seconds"]
    return slots


def _done(slots: list[Slot], items: dict[str, Row]) -> Done:
    work = [slot for slot in slots if slot.item is not None]
    late = {slot.item for slot in work if (items[slot.item or ""]["due"] or slot.end) < slot.end}
    names = frozenset(slot.item for slot in work if slot.item is not None)
    return names - late, names & late
