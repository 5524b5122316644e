"""The most work seconds each person could still do: shift time less what stands, less the rests that
stretches over all work enforce."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np

from allocator.rules.policy import Stretch
from allocator.verify.day import Day
from allocator.verify.exact import Ints, cut


def time_left(day: Day) -> Ints:
    """T: seconds from the later of shift start, now and the end of the rest between shifts to the shift's
    end, less the seconds in between that fixed work or busy slots cover, each once."""
    start = np.maximum(np.maximum(day.shift_start, day.rested), day.now)
    left = np.maximum(day.shift_end - start, 0)
    place = {name: person for person, name in enumerate(day.people)}
    covered_to = start.copy()
    standing = day.instance.fixed.filter(day.instance.fixed["kind"].is_in(["work", "busy"])).sort("start")
    for name, begin, end in standing.select("auditor", "start", "end").iter_rows():
        person = place.get(name, -1)
        if person >= 0:
            begin, end = max(begin, int(covered_to[person])), min(end, int(day.shift_end[person]))
            left[person] -= max(0, end - begin)
            covered_to[person] = max(int(covered_to[person]), end)
    return left


def between_rests(time: Ints, first: Stretch, second: Stretch) -> Ints:
    """The most work in `time` seconds under two stretches over all work with rests r1 <= r2: the greatest
    over 0 <= m <= n of min((n + 1) a1, (m + 1) a2 − (n − m) r1, T − m r2 − (n − m) r1), where
    (n − m) r1 falls away in the second term if the second stretch measures seconds.

    With d = n − m the first term grows in d and the others do not, so for each m the best d is one of the two
    whole numbers around the first crossing.
    """
    longest = int(time.max(initial=0)) + 1  # larger numbers would say the same
    r1, r2 = cut(first.rest, longest), cut(second.rest, longest)
    a1, a2 = cut(first.amount, longest), cut(second.amount, longest)
    slack = r1 if second.measure == "span" else 0
    rests = np.arange(longest // r2 + 1, dtype=np.int64)[None, :]
    left = time[:, None] - rests * r2
    # Where (m + d + 1) a1 meets T − m r2 − d r1, and where it meets (m + 1) a2 − d × slack.
    crossing = (left - (rests + 1) * a1) // (a1 + r1)
    if a1 + slack > 0:
        crossing = np.minimum(crossing, (rests + 1) * (a2 - a1) // (a1 + slack))
    best = np.full(left.shape, np.iinfo(np.int64).min, dtype=np.int64)
    for near in (crossing, crossing + 1):
        short = np.maximum(near, 0)
        work = np.minimum((rests + short + 1) * a1, (rests + 1) * a2 - short * slack)
        best = np.maximum(best, np.minimum(work, left - short * r1))
    greatest: Ints = best.max(axis=1)
    return greatest


def capacities(day: Day) -> Ints:
    """capacity(a): the least over all pairs of such stretches, and T itself; at least 0."""
    time, of_person = np.unique(time_left(day), return_inverse=True)
    capacity = time.copy()
    everything = [
        stretch
        for stretch in sorted(day.policy.stretches, key=lambda stretch: stretch.rest)
        if stretch.selects_everything and stretch.measure in ("span", "seconds")
    ]
    for first, second in combinations_with_replacement(everything, 2):
        capacity = np.minimum(capacity, between_rests(time, first, second))
    result: Ints = np.maximum(capacity, 0)[of_person]
    return result
