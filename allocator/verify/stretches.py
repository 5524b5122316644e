"""H5: what may be worked between two rests.

Where fixed slots overlap each other, the readings that reject least are taken: a review that starts before a
rest ends counts as before that rest (it can only be fixed, since nothing else may overlap), and a piece whose
last selected review is fixed is not judged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allocator.rules.policy import Stretch
from allocator.verify.day import Day, Slots
from allocator.verify.exact import BEYOND, Flags, Ints, cut
from allocator.verify.violation import Violation, interval


@dataclass(frozen=True, slots=True)
class Reviews:
    """The reviews of all people, by person, then start, then end."""

    row: Ints
    person: Ints
    start: Ints
    end: Ints
    material: Ints
    severity: Ints
    fixed: Flags


def ordered_reviews(day: Day, slots: Slots) -> Reviews:
    rows = slots.work()
    rows = rows[np.lexsort((rows, slots.end[rows], slots.start[rows], slots.person[rows]))]
    item = slots.item[rows]
    return Reviews(
        rows,
        slots.person[rows],
        slots.start[rows],
        slots.end[rows],
        day.material[item],
        day.severity[item],
        slots.fixed[rows],
    )


def rests_before(slots: Slots, reviews: Reviews, rest: int) -> Ints:
    """How many breaks of at least `rest` seconds of anybody earlier in the order, or of the same person, end
    by the start of each review: two reviews of one person lie in one piece only if the numbers are equal."""
    rows = np.flatnonzero(slots.is_break & (slots.person >= 0) & (slots.end - slots.start >= rest))
    if not rows.size or not reviews.row.size:
        return np.zeros(len(reviews.row), dtype=np.int64)
    first = min(int(slots.end[rows].min()), int(reviews.start.min()))
    width = max(int(slots.end[rows].max()), int(reviews.start.max())) - first + 1
    ends = np.sort(slots.person[rows] * width + (slots.end[rows] - first))
    starts = reviews.person * width + (reviews.start - first)
    return np.searchsorted(ends, starts, side="right").astype(np.int64)


def resets_before(stretch: Stretch, reviews: Reviews, selected: Flags) -> Ints:
    """How many runs of everyday work that end a stretch lie before each review, over all people in order. A
    run is reviews in a row of one person, none selected, none above `max_severity`."""
    if stretch.reset_by is None or not reviews.row.size:
        return np.zeros(len(reviews.row), dtype=np.int64)
    everyday = ~selected & (reviews.severity <= stretch.reset_by.max_severity)
    begins = np.ones(len(everyday), dtype=bool)
    begins[1:] = (everyday[1:] != everyday[:-1]) | (reviews.person[1:] != reviews.person[:-1])
    run = np.cumsum(begins) - 1
    firsts = np.flatnonzero(begins)
    seconds = np.add.reduceat(reviews.end - reviews.start, firsts)
    enough = everyday[firsts] & (seconds >= cut(stretch.reset_by.seconds))
    passed: Ints = np.cumsum(enough) - enough  # before each run
    before: Ints = passed[run]
    return before


def check_stretch(day: Day, slots: Slots, reviews: Reviews, stretch: Stretch) -> list[Violation]:
    selected = day.selected(stretch)[reviews.material]
    rests = rests_before(slots, reviews, cut(stretch.rest))
    resets = resets_before(stretch, reviews, selected)
    at = np.flatnonzero(selected)
    if not at.size:
        return []
    begins = np.zeros(len(at), dtype=bool)
    begins[0] = True
    for column in (reviews.person, rests, resets):
        begins[1:] |= column[at][1:] != column[at][:-1]
    firsts = np.flatnonzero(begins)
    lasts = np.append(firsts[1:], len(at)) - 1
    start, end = reviews.start[at], reviews.end[at]
    if stretch.measure == "span":
        measure = end[lasts] - start[firsts]
    elif stretch.measure == "seconds":
        measure = np.add.reduceat(end - start, firsts)
    else:
        measure = lasts - firsts + 1
    broken = (measure > cut(stretch.amount)) & ~reviews.fixed[at][lasts]
    found = []
    for piece in np.flatnonzero(broken).tolist():
        first, last = at[firsts[piece]], at[lasts[piece]]
        unit = "items" if stretch.measure == "items" else "seconds"
        text = (
            f"Auditor {day.people[reviews.person[first]]} has {measure[piece]} {unit} of stretch "
            f"{stretch.key} without a rest of {stretch.rest} s, "
            f"{interval(int(reviews.start[first]), int(reviews.end[last]))}; at most {stretch.amount} may be."
        )
        found.append(Violation("H5", text))
    return found


def check_stretches(day: Day, slots: Slots) -> list[Violation]:
    reviews = ordered_reviews(day, slots)
    return [
        found for stretch in day.policy.stretches for found in check_stretch(day, slots, reviews, stretch)
    ]


def longest_alone(day: Day, material: int) -> int:
    """The longest review of this material, in seconds, that alone passes no stretch."""
    category, severity = day.material_parts(material)
    longest = BEYOND
    for stretch in day.policy.stretches:
        if stretch.selects(day.categories[category], severity):
            alone = stretch.amount if stretch.measure != "items" else (BEYOND if stretch.amount >= 1 else 0)
            longest = min(longest, cut(alone))
    return longest
