"""Who could take what on an otherwise empty day, asked for whole classes at a time.

Within a class only the seconds differ, and whatever a person could take, they could also take if it were
shorter. So one number per person and class says it all for items without a release or a name of their own:
the longest review within reach.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allocator.optimise.day import NEVER, Bools, Day, Ints


@dataclass(frozen=True, slots=True)
class Reach:
    """`people[k]` (q,) the auditors who could take some review of class k, those with the longest reach
    first, and `longest[k]` (q,) how long a review each of them could take; `takers` (I,) how many could
    take each item."""

    people: list[Ints]
    longest: list[Ints]
    takers: Ints


def longest_review(day: Day, k: int, people: Ints) -> Ints:
    """(q,) seconds of the longest review of class k that each of `people` could take; -1: none."""
    classes = day.classes
    opening = day.work_from[people]
    if classes.first[k]:
        opening = np.maximum(opening, day.shift_start[people] + classes.first[k])
    longest: Ints = day.shift_end[people] - classes.last[k] - opening
    longest = np.minimum(longest, classes.longest_alone[k])
    for number in np.flatnonzero(classes.rate[k] + classes.count[k]).tolist():
        free = day.allowed[people, number] - day.history_use[people, number]
        rate = int(classes.rate[k, number])
        most = free // rate if rate else np.where(free >= classes.count[k, number], NEVER, -1)
        longest = np.where(day.binds[people, number], np.minimum(longest, most), longest)
    return np.maximum(longest, -1)


def find_reach(day: Day) -> Reach:
    size = len(day.classes)
    members: list[Ints] = [np.flatnonzero(day.qualified[:, k]) for k in range(size)]
    by_type = [np.flatnonzero(day.type_of == number) for number in range(day.qualified.shape[0])]
    people, longest = [], []
    for k in range(size):
        able = (
            np.concatenate([by_type[number] for number in members[k].tolist()])
            if members[k].size
            else np.zeros(0, dtype=np.int64)
        )
        reach = longest_review(day, k, able)
        order = np.lexsort((able, -reach))
        order = order[reach[order] > 0]
        people.append(able[order])
        longest.append(reach[order])
    return Reach(people, longest, _takers(day, longest))


def _takers(day: Day, longest: list[Ints]) -> Ints:
    takers = np.zeros(len(day.items), dtype=np.int64)
    order = np.argsort(day.item_class, kind="stable")
    starts = np.searchsorted(day.item_class[order], np.arange(len(day.classes) + 1))
    for k in range(len(day.classes)):
        mine = order[starts[k] : starts[k + 1]]
        takers[mine] = np.searchsorted(-longest[k], -day.seconds[mine], side="right")
    earliest = int(day.work_from.min()) if len(day.auditors) else NEVER
    named: set[int] = {*day.excluded, *day.only, *np.flatnonzero(day.release > earliest).tolist()}
    for i in named:
        takers[i] = int(day.could_take(i).sum())
    return takers


def takers_of(day: Day, reach: Reach, i: int) -> Ints:
    """The auditors who could take item i, the same answer as `Day.could_take` but dear only where it must
    be."""
    if i in day.only or day.release[i] > -NEVER:
        return np.flatnonzero(day.could_take(i))
    k = int(day.item_class[i])
    able = reach.people[k][: np.searchsorted(-reach.longest[k], -day.seconds[i], side="right")]
    if i in day.excluded:
        able = able[~np.isin(able, list(day.excluded[i]))]
    return np.sort(able)


def in_reach(day: Day, reach: Reach) -> Bools:
    """(I,) is there somebody who could take the item, or a fixed review of it?"""
    reached: Bools = reach.takers > 0
    reached[list(day.fixed_reviews)] = True
    return reached
