"""H3 when work may lie, and H7 what a break is."""

from __future__ import annotations

import numpy as np

from allocator.rules.policy import SHORTEST_BREAK
from allocator.verify.day import Day, Slots
from allocator.verify.exact import BEYOND, Flags, Ints
from allocator.verify.violation import Violation, instant, interval


def check_when(day: Day, slots: Slots) -> list[Violation]:
    """H3: work lasts exactly the item's seconds, starts at or after the item's release and the end of the
    rest between shifts, and lies within the shift; nothing that is not fixed starts before now; slots of
    one auditor do not overlap."""
    return [*_work_alone(day, slots), *_before_now(day, slots), *_overlaps(slots)]


def _sentence(slots: Slots, row: int, fault: str) -> str:
    kind, item = slots.frame["kind"][row], slots.frame["item"][row]
    when = interval(int(slots.start[row]), int(slots.end[row]))
    return f"The {kind} slot of {slots.who(row)}{f' on {item}' if item else ''}, {when}, {fault}."


def _work_alone(day: Day, slots: Slots) -> list[Violation]:
    rows = slots.work()
    rows = rows[~slots.fixed[rows]]
    person, item, start, end = slots.person[rows], slots.item[rows], slots.start[rows], slots.end[rows]
    found = []
    for place in np.flatnonzero(end - start != day.seconds[item]).tolist():
        fault = f"lasts {end[place] - start[place]} s, not the {day.seconds[item[place]]} s of the item"
        found.append(_sentence(slots, int(rows[place]), fault))
    for place in np.flatnonzero(start < day.release[item]).tolist():
        fault = f"starts before the item's release at {instant(int(day.release[item[place]]))}"
        found.append(_sentence(slots, int(rows[place]), fault))
    for place in np.flatnonzero(start < day.rested[person]).tolist():
        fault = f"starts before the rest between shifts ends at {instant(int(day.rested[person[place]]))}"
        found.append(_sentence(slots, int(rows[place]), fault))
    outside = outside_shift(day, person, start, end)
    found += [_sentence(slots, row, "is not within the shift") for row in rows[outside].tolist()]
    return [Violation("H3", text) for text in found]


def outside_shift(day: Day, person: Ints, start: Ints, end: Ints) -> Flags:
    return (start < day.shift_start[person]) | (end > day.shift_end[person])


def _before_now(day: Day, slots: Slots) -> list[Violation]:
    early = ~slots.fixed & (slots.is_work | slots.is_break) & (slots.start < day.now)
    fault = f"is not fixed and starts before now, {instant(day.now)}"
    return [Violation("H3", _sentence(slots, row, fault)) for row in np.flatnonzero(early).tolist()]


def _overlaps(slots: Slots) -> list[Violation]:
    """Each slot against those of the same auditor that start no later: two slots that are both fixed may
    overlap, so a fixed slot is held against those that are not."""
    rows = np.flatnonzero((slots.person >= 0) & (slots.end > slots.start))
    rows = rows[np.lexsort((rows, slots.end[rows], slots.start[rows], slots.person[rows]))]
    found = []
    person_before, ends, row_of = -1, [-BEYOND, -BEYOND], [-1, -1]
    columns = (slots.person[rows], slots.start[rows], slots.end[rows], slots.fixed[rows])
    for row, person, start, end, fixed in zip(rows.tolist(), *(c.tolist() for c in columns), strict=True):
        if person != person_before:
            person_before, ends, row_of = person, [-BEYOND, -BEYOND], [-1, -1]
        # ends[0]: the latest end of slots that are not fixed; ends[1]: of fixed ones.
        rivals = (0,) if fixed else (0, 1)
        clash = max(rivals, key=lambda which: ends[which])
        if start < ends[clash]:
            other = row_of[clash]
            times = interval(int(slots.start[other]), int(slots.end[other]))
            found.append(
                Violation("H3", _sentence(slots, row, f"overlaps the one of the same auditor from {times}"))
            )
        if end > ends[int(fixed)]:
            ends[int(fixed)], row_of[int(fixed)] = end, row
    return found


def check_breaks(day: Day, slots: Slots) -> list[Violation]:
    """H7: a break lies within the shift and lasts at least 60 seconds."""
    rows = np.flatnonzero(slots.is_break & ~slots.fixed & (slots.person >= 0))
    person, start, end = slots.person[rows], slots.start[rows], slots.end[rows]
    found = [
        _sentence(slots, row, "is not within the shift")
        for row in rows[outside_shift(day, person, start, end)].tolist()
    ]
    for row in rows[end - start < SHORTEST_BREAK].tolist():
        length = slots.end[row] - slots.start[row]
        found.append(_sentence(slots, row, f"lasts {length} s and a break lasts at least {SHORTEST_BREAK} s"))
    return [Violation("H7", text) for text in found]
