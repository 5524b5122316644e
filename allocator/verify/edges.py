"""H6: the first and the last part of a shift, where selected reviews have no place."""

from __future__ import annotations

import numpy as np

from allocator.verify.day import Day, Slots
from allocator.verify.exact import LONG, Ints, cut
from allocator.verify.violation import Violation, interval


def check_edges(day: Day, slots: Slots) -> list[Violation]:
    rows = slots.work()
    rows = rows[~slots.fixed[rows]]
    person, start, end = slots.person[rows], slots.start[rows], slots.end[rows]
    shift_start, shift_end = day.shift_start[person], day.shift_end[person]
    found = []
    for edge in day.policy.edges:
        selected = day.selected(edge)[day.material[slots.item[rows]]]
        opening = np.minimum(shift_start + cut(edge.first, LONG), shift_end)
        closing = np.maximum(shift_end - cut(edge.last, LONG), shift_start)
        parts = (
            ("first", edge.first, shift_start, opening),
            ("last", edge.last, closing, shift_end),
        )
        for word, seconds, left, right in parts:
            inside = (left < right) & (start < right) & (end > left)
            for row in rows[selected & inside].tolist():
                text = (
                    f"Auditor {slots.who(row)} reviews item {slots.what(row)}, "
                    f"{interval(int(slots.start[row]), int(slots.end[row]))}, in the {word} {seconds} s of "
                    f"the shift, which {edge.key} keeps free of it."
                )
                found.append(Violation("H6", text))
    return found


def window(day: Day, material: int) -> tuple[Ints, Ints]:
    """The earliest start and the latest end of a review of this material, releases and other slots aside,
    for each person: within the shift and its edges, after now and the rest between shifts."""
    category, severity = day.material_parts(material)
    selecting = [edge for edge in day.policy.edges if edge.selects(day.categories[category], severity)]
    first = max((cut(edge.first, LONG) for edge in selecting), default=0)
    last = max((cut(edge.last, LONG) for edge in selecting), default=0)
    early = np.maximum(np.maximum(day.shift_start + first, day.rested), day.now)
    return early, day.shift_end - last
