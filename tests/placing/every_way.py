"""Every way to get one review into a small day, as slowly as it takes; what is legal the verifier says."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from allocator.placing import Person, Planned
from tests.placing.small_days import WANTED, SmallDay, judged, name_of, projected


@dataclass(frozen=True, slots=True)
class Way:
    """One that is legal and makes nobody else suffer: `late`, how many samples are left out, how many of the
    drawn ones lie behind them, how many reviews move."""

    late: bool
    dropped: int
    behind: int
    moved: int


def ways(day: SmallDay, person: Person, most_dropped: int) -> set[Way]:
    ahead = projected(day, person)
    slots = [(slot, start) for slot, start in zip(ahead.slots, ahead.start, strict=True)]
    samples = [slot for slot, _ in slots if slot.kind == "work" and slot.item_kind == "sample"]
    found = set()
    for number in range(min(most_dropped, len(samples)) + 1):
        for dropped in combinations(samples, number):
            if not all(
                room.left + sum(slot.frees[n] for slot in dropped) >= room.adds
                for n, room in enumerate(person.room)
            ):
                continue
            left = [(slot, start) for slot, start in slots if slot not in dropped]
            for place in range(len(left) + 1):
                way = tried(day, person, left, place, dropped)
                if way is not None:
                    found.add(way)
    return found


def tried(
    day: SmallDay,
    person: Person,
    left: list[tuple[Planned, int]],
    place: int,
    dropped: tuple[Planned, ...],
) -> Way | None:
    wanted = day.wanted
    clock = max(day.now, person.shift_start)
    before, after = left[:place], left[place:]
    rows: list[tuple[str, str | None, int, int]] = []
    for slot, start in before:
        rows.append((slot.kind, name_of(slot), start, start + slot.seconds))
        clock = start + slot.seconds
    first = [edge.first for edge in day.policy.edges if edge.selects(wanted.category, wanted.severity)]
    opens = [wanted.release or 0, person.shift_start + max(first, default=0), person.work_from]
    start = free(person, max(clock, *opens), wanted.seconds, day.now)
    clock = start + wanted.seconds
    late = wanted.due is not None and clock > wanted.due
    rows.append(("work", WANTED, start, clock))
    moved = 0
    for slot, planned in after:
        start = planned if clock <= planned else free(person, clock, slot.seconds, day.now)
        end = start + slot.seconds
        moved += slot.kind == "work" and start != planned
        if slot.due is not None and end > slot.due >= planned + slot.seconds:
            return None
        rows.append((slot.kind, name_of(slot), start, end))
        clock = end
    if judged(day, person, rows) - {"H4"}:
        return None
    return Way(late, len(dropped), sum(slot.behind for slot in dropped), moved)


def free(person: Person, start: int, seconds: int, now: int) -> int:
    taken = [one for one in person.stands if one.end > now]
    while hit := [one.end for one in taken if one.start < start + seconds and one.end > start]:
        start = max(hit)
    return start
