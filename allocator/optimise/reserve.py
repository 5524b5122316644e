"""Samples that few can take, kept for one of them.

A sample released late in the day, or barred to most of a small pool, may be in reach of one or two people.
Left to chance they fill their limits with other work, and everything seen behind that sample becomes an
inversion. So where the relaxation wants such a sample, room for it is set aside before the filling begins.
"""

from __future__ import annotations

from allocator.optimise.day import NEVER, Day
from allocator.optimise.reach import Reach, takers_of
from allocator.optimise.relaxation import Targets
from allocator.optimise.timeline import Kept, Timeline, Workshop

FEW = 4
"""Takers up to which a sample is kept for one of them; more than this many seldom all fill up without it."""


def reserve(
    day: Day, reach: Reach, shop: Workshop, timelines: list[Timeline], targets: Targets
) -> list[list[Kept]]:
    """For each auditor the samples kept for them; their use is taken from the timelines' room."""
    wanted = [0.0] * len(shop.strata)
    for mine in targets.samples:
        for number, reviews in mine.items():
            wanted[number] += reviews
    kept: list[list[Kept]] = [[] for _ in timelines]
    seconds = [0] * len(timelines)
    for number, stratum in enumerate(shop.strata):
        for ticket, i in enumerate(stratum.tickets[: int(wanted[number] + 0.5)]):
            hard = shop.release[i] > -NEVER or i in shop.named
            if not hard or int(reach.takers[i]) > FEW or int(day.reviews[i]) > 1:
                continue
            able = [
                a
                for a in takers_of(day, reach, i).tolist()
                if i not in timelines[a].mine and shop.has_room(timelines[a].room, i)
            ]
            if able:
                a = min(able, key=lambda who: (seconds[who], who))
                kept[a].append(Kept(i, number, ticket))
                seconds[a] += shop.seconds[i]
                shop.spend(timelines[a].room, i)
                shop.kept_for[i] = a
    return kept
