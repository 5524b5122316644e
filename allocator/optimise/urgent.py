"""G1 first: who does which escalation and calibration review, before any sample is placed.

Reviews are taken by weight, then by due time. Each goes to somebody who, with all they have promised already
and nothing else to do, would end it in time; among those, to whom the relaxation would give it, then to
whoever has promised the least for the room they have. What nobody can end in time goes to somebody who can
end it late.
"""

from __future__ import annotations

from allocator.optimise.day import Day
from allocator.optimise.reach import Reach, takers_of
from allocator.optimise.relaxation import Targets
from allocator.optimise.timeline import Timeline, Workshop


def wanted_reviews(day: Day) -> dict[int, int]:
    """G1 items and how many reviews of each are still to be had."""
    wanted = {}
    for i, sample in enumerate(day.is_sample.tolist()):
        if not sample:
            left = int(day.reviews[i]) - len(day.fixed_reviews.get(i, ()))
            if left > 0:
                wanted[i] = left
    return wanted


class Promises:
    """`of[a]` the G1 items each auditor has promised; `worth[a]` what they are worth if nothing else is
    done."""

    def __init__(self, shop: Workshop, timelines: list[Timeline]) -> None:
        self.shop = shop
        self.timelines = timelines
        self.of: list[list[int]] = [[] for _ in timelines]
        self.worth = [0.0] * len(timelines)
        self.seconds = [0] * len(timelines)

    def gain(self, a: int, i: int) -> float:
        """What G1 gains if auditor a promises item i as well; <= 0 where it may not or cannot be."""
        timeline = self.timelines[a]
        if i in timeline.mine or i in self.of[a] or not self.shop.has_room(timeline.room, i):
            return 0.0
        service = self.shop.serve_urgent(timeline.course, a, [*self.of[a], i])
        return service.worth - self.worth[a]

    def add(self, a: int, i: int) -> None:
        self.of[a].append(i)
        self.shop.spend(self.timelines[a].room, i)
        self.seconds[a] += self.shop.seconds[i]
        self.worth[a] = self.shop.serve_urgent(self.timelines[a].course, a, self.of[a]).worth

    def drop(self, a: int, i: int) -> None:
        self.of[a].remove(i)
        self.shop.spend(self.timelines[a].room, i, -1)
        self.seconds[a] -= self.shop.seconds[i]
        self.worth[a] = self.shop.serve_urgent(self.timelines[a].course, a, self.of[a]).worth


def promise(
    day: Day,
    reach: Reach,
    shop: Workshop,
    timelines: list[Timeline],
    targets: Targets,
    pool_of: dict[int, int],
) -> Promises:
    promises = Promises(shop, timelines)
    wanted = wanted_reviews(day)
    capacity = [max(1, int(c)) for c in day.capacity]
    order = sorted(wanted, key=lambda i: (-shop.g1_weight[i], shop.due[i], int(reach.takers[i]), i))
    for i in order:
        takers = takers_of(day, reach, i).tolist()
        for _ in range(wanted[i]):
            candidates = sorted(
                takers,
                key=lambda a: (
                    -min(1.0, targets.urgent[a].get(pool_of[i], 0.0)) if i in pool_of else 0.0,
                    promises.seconds[a] / capacity[a],
                    a,
                ),
            )
            full = shop.g1_weight[i]
            best: tuple[float, int] | None = None
            for a in candidates:
                gain = promises.gain(a, i)
                if gain > 1e-12 and (best is None or gain > best[0] + 1e-12):
                    best = (gain, a)
                    if gain >= full - 1e-9:
                        break
            if best is None:
                break
            a = best[1]
            promises.add(a, i)
            number = pool_of.get(i, -1)
            if number in targets.urgent[a]:
                targets.urgent[a][number] -= 1.0
    return promises
