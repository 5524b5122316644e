"""G1 first: who does which escalation and calibration review, before any sample is placed.

Reviews are taken by weight, then by due time. Each goes to somebody who, with all they have promised already
and nothing else to do, would end it in time; among those, to whom the relaxation would give it, then to
whoever has promised the least for the room they have. What nobody can end in time goes to somebody who can
end it late.
"""

from __future__ import annotations

from collections import Counter

from allocator.optimise.day import Day
from allocator.optimise.reach import Reach, takers_of
from allocator.optimise.relaxation import Targets
from allocator.optimise.timeline import Timeline, Workshop

TRIES = 60_000
"""Timelines tried out for all promises together; many times what a day needs whose escalations can be met.
A day with more urgent work than hours would try out everybody for every review."""
TRIES_MAKING_WAY = 2_000
"""How many of these may go into handing promises on."""
REMEMBERED = 2_000
"""Answers kept."""


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
        self.capacity: list[int] = shop.day.capacity.tolist()
        self.tries = TRIES
        self.known: dict[tuple[int, frozenset[int]], float] = {}

    def _worth_of(self, a: int, items: list[int]) -> float:
        """What `items` are worth as all that auditor a promises. Taking something back and giving it again
        asks the same question twice, so the last answers are kept."""
        key = (a, frozenset(items))
        if key not in self.known:
            if len(self.known) >= REMEMBERED:
                self.known.clear()
            self.tries -= 1
            self.known[key] = self.shop.serve_urgent(self.timelines[a].course, a, items).worth
        return self.known[key]

    def gain(self, a: int, i: int) -> float:
        """What G1 gains if auditor a promises item i as well; <= 0 where it may not or cannot be."""
        timeline = self.timelines[a]
        if (
            i in timeline.mine
            or i in self.of[a]
            or self.seconds[a] + self.shop.seconds[i] > self.capacity[a]
            or not self.shop.has_room(timeline.room, i)
        ):
            return 0.0
        return self._worth_of(a, [*self.of[a], i]) - self.worth[a]

    def best_of(self, candidates: list[int], i: int) -> int:
        """The first candidate who gains the item's full worth, else the one who gains the most; -1: none
        gains anything."""
        best, most = -1, 1e-12
        for a in candidates:
            if self.tries <= 0:
                break
            gain = self.gain(a, i)
            if gain > most + 1e-12:
                best, most = a, gain
                if gain >= self.shop.g1_weight[i] - 1e-9:
                    break
        return best

    def add(self, a: int, i: int) -> None:
        self.of[a].append(i)
        self.shop.spend(self.timelines[a].room, i)
        self.seconds[a] += self.shop.seconds[i]
        self.worth[a] = self._worth_of(a, self.of[a])

    def drop(self, a: int, i: int) -> None:
        self.of[a].remove(i)
        self.shop.spend(self.timelines[a].room, i, -1)
        self.seconds[a] -= self.shop.seconds[i]
        self.worth[a] = self._worth_of(a, self.of[a])


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
    order = sorted(wanted, key=lambda i: (-shop.g1_weight[i], shop.due[i], int(reach.takers[i]), i))
    for i in order:
        takers = takers_of(day, reach, i).tolist()
        for _ in range(wanted[i]):
            candidates = sorted(
                takers,
                key=lambda a: (
                    -min(1.0, targets.urgent[a].get(pool_of[i], 0.0)) if i in pool_of else 0.0,
                    promises.seconds[a] / max(1, promises.capacity[a]),
                    a,
                ),
            )
            a = promises.best_of(candidates, i)
            if a < 0:
                break
            promises.add(a, i)
            number = pool_of.get(i, -1)
            if number in targets.urgent[a]:
                targets.urgent[a][number] -= 1.0
    promises.tries = min(promises.tries, TRIES_MAKING_WAY)
    given = Counter(i for mine in promises.of for i in mine)
    for i in order:
        for _ in range(wanted[i] - given[i]):
            if promises.tries <= 0 or not make_way(day, reach, promises, i):
                break
    return promises


def make_way(day: Day, reach: Reach, promises: Promises, i: int) -> bool:
    """Somebody who could do item i if they had promised one thing less hands that on to somebody else, or
    gives it up where it is worth less."""
    for a in takers_of(day, reach, i).tolist():
        for j in sorted(promises.of[a], key=lambda j: promises.shop.g1_weight[j]):
            before = promises.worth[a]
            promises.drop(a, j)
            gained = promises.gain(a, i)
            if gained > 0:
                promises.add(a, i)
                b = promises.best_of([b for b in takers_of(day, reach, j).tolist() if b != a], j)
                change = promises.worth[a] - before + (promises.gain(b, j) if b >= 0 else 0.0)
                if change > 1e-9:
                    if b >= 0:
                        promises.add(b, j)
                    return True
                promises.drop(a, i)
            promises.add(a, j)
    return False
