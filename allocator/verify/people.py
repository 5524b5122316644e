"""H1 who may review what, and H2 that nobody does so twice."""

from __future__ import annotations

import numpy as np

from allocator.verify.day import Day, Slots
from allocator.verify.violation import Violation, interval


def check_who(day: Day, slots: Slots) -> list[Violation]:
    """H1, for each review that is not fixed: language, market, clearance, opt-outs, max_severity, excluded
    and only."""
    rows = slots.work()
    rows = rows[~slots.fixed[rows]]
    person, item = slots.person[rows], slots.item[rows]
    category = day.category[item]
    broken = {
        "does not speak the item's language": ~day.speaks[person, day.language[item]],
        "does not review the item's market": ~day.covers[person, day.market[item]],
        "lacks the clearance for the item's category": ~day.cleared[person, category],
        "does not take the item's category": day.opted_out[person, category],
        "does not take the item's severity": day.severity[item] > day.max_severity[person],
        "is excluded from the item": day.is_excluded(item, person),
        "is not among the people whom the item is only for": ~day.is_asked(item, person),
    }
    found = []
    for reason, flags in broken.items():
        for row in rows[flags].tolist():
            when = interval(int(slots.start[row]), int(slots.end[row]))
            text = f"Auditor {slots.who(row)} reviews item {slots.what(row)}, {when}, but {reason}."
            found.append(Violation("H1", text))
    return found


def check_once(day: Day, slots: Slots) -> list[Violation]:
    """H2: no auditor has two reviews of one item, no item more reviews than it wants. Excess that is
    altogether fixed is not judged."""
    rows = slots.work()
    person, item, planned = slots.person[rows], slots.item[rows], ~slots.fixed[rows]
    found = []
    pair, place = np.unique(item * max(1, len(day.people)) + person, return_inverse=True)
    times = np.bincount(place, minlength=len(pair))
    judged = np.bincount(place, weights=planned, minlength=len(pair)) > 0
    for key in np.flatnonzero((times > 1) & judged).tolist():
        item_row, person_row = divmod(int(pair[key]), len(day.people))
        text = f"Auditor {day.people[person_row]} has {times[key]} reviews of item {day.items[item_row]}."
        found.append(Violation("H2", text))
    reviews = np.bincount(item, minlength=len(day.items))
    judged = np.bincount(item, weights=planned, minlength=len(day.items)) > 0
    for row in np.flatnonzero((reviews > day.wanted) & judged).tolist():
        text = f"Item {day.items[row]} wants at most {day.wanted[row]} reviews and has {reviews[row]}."
        found.append(Violation("H2", text))
    return found
