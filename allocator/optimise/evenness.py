"""Exposure and load, evened out: the same reviews, other hands (G3, then G4).

What is planned stays planned, so neither G1 nor G2 changes. Whoever bears the most for their time swaps a
heavy sample for a light one of about the same length with somebody who bears less; then everyday work moves
from the busiest to those with time, as long as exposure does not grow. The number of tries is fixed, so the
same day gives the same plan.
"""

from __future__ import annotations

import numpy as np

from allocator.optimise.day import Day, Ints
from allocator.optimise.moves import hand_over, swap
from allocator.optimise.reach import Reach
from allocator.optimise.timeline import Timeline, Workshop

TRIES = 300
"""Swaps tried for G3 and moves tried for G4. The relaxation has done the most of it by then: on S, 100 times
as many tries lower G3 by less than 0.01 %."""
PARTNERS = 12
"""How many of the least burdened somebody looks at."""
HEAVIEST = 6
"""How many of their own samples somebody offers."""


class Evener:
    """`u` (A,) dose units that count in G3 and `c` (A,) their weights; `w` and `s` the same for G4."""

    def __init__(
        self, day: Day, reach: Reach, shop: Workshop, timelines: list[Timeline], today: Ints, w: Ints
    ):
        self.day, self.shop, self.timelines = day, shop, timelines
        self.u = (today + day.past_dose_sevenths / 7).tolist()
        self.c = np.maximum((day.shift_end - day.shift_start) * day.percent / 100, 1.0).tolist()
        self.w = w.astype(np.float64).tolist()
        self.s = (day.shift_end - day.shift_start).astype(np.float64).tolist()
        self.longest: list[dict[int, int]] = [{} for _ in timelines]
        for k, (people, longest) in enumerate(zip(reach.people, reach.longest, strict=True)):
            for a, seconds in zip(people.tolist(), longest.tolist(), strict=True):
                self.longest[a][k] = seconds
        self.dose_rate: list[int] = day.classes.dose_rate.tolist()
        self.tries = min(TRIES, 8 * len(timelines))

    def dose(self, i: int) -> int:
        return self.dose_rate[self.shop.class_of[i]] * self.shop.seconds[i]

    def can(self, a: int, i: int) -> bool:
        """By qualification, limits alone and name, could a take item i that they do not have yet?"""
        shop = self.shop
        return (
            self.longest[a].get(shop.class_of[i], -1) >= shop.seconds[i]
            and i not in self.timelines[a].mine
            and (i not in shop.named or self.day.is_asked(a, i))
        )

    def samples(self, a: int) -> list[int]:
        return [p for p, slot in enumerate(self.timelines[a].slots) if slot.stratum >= 0]

    # -- G3 ----------------------------------------------------------------------------------------------

    def even_exposure(self) -> None:
        left = self.tries
        while left > 0:
            order = sorted(range(len(self.timelines)), key=lambda a: (-self.u[a] / self.c[a], a))
            before = left
            for a in order[: max(1, len(order) // 2)]:
                lighter = [b for b in reversed(order) if self.u[b] / self.c[b] < self.u[a] / self.c[a]]
                left = self._swap_with(a, lighter[:PARTNERS], left)
                if left <= 0:
                    return
            if left == before:
                return

    def _swap_with(self, a: int, partners: list[int], left: int) -> int:
        """Try the heaviest samples of a against the lightest of about their length; the tries left."""
        shop, mine = self.shop, self.timelines[a]
        heavy = sorted(self.samples(a), key=lambda p: (-self.dose(mine.slots[p].item), p))[:HEAVIEST]
        asked = 0
        for b in partners:
            theirs = self.timelines[b]
            for p in heavy:
                i = mine.slots[p].item
                if not self.can(b, i):
                    continue
                q = self._light_match(a, b, i)
                if q < 0:
                    continue
                j = theirs.slots[q].item
                moved = self.dose(i) - self.dose(j)
                left -= 1
                asked += 1
                if swap(shop, mine, p, theirs, q):
                    self.u[a] -= moved
                    self.u[b] += moved
                    change = shop.seconds[j] - shop.seconds[i]
                    self.w[a] += change
                    self.w[b] -= change
                    return left
                if left <= 0 or asked >= HEAVIEST:
                    return left
        return left

    def _light_match(self, a: int, b: int, i: int) -> int:
        """The position of b's sample that, swapped for item i of a, lowers G3 the most; -1: none does."""
        shop = self.shop
        best, most = -1, 1e-6
        for q in self.samples(b):
            j = self.timelines[b].slots[q].item
            if abs(shop.seconds[j] - shop.seconds[i]) > 0.15 * shop.seconds[i]:
                continue
            moved = self.dose(i) - self.dose(j)
            gain = moved * (
                2 * self.u[a] / self.c[a]
                - 2 * self.u[b] / self.c[b]
                - moved * (1 / self.c[a] + 1 / self.c[b])
            )
            if moved > 0 and gain > most and self.can(a, j):
                best, most = q, gain
        return best

    # -- G4 ----------------------------------------------------------------------------------------------

    def even_load(self) -> None:
        left = self.tries
        idle = {a: self._idle(a) for a in range(len(self.timelines))}
        while left > 0:
            before = left
            order = sorted(range(len(self.timelines)), key=lambda a: (-self.w[a] / self.s[a], a))
            moved = False
            for a in order[: max(1, len(order) // 2)]:
                for b in reversed(order):
                    if self.w[b] / self.s[b] >= self.w[a] / self.s[a] or left <= 0:
                        break
                    if idle[b] <= 0:
                        continue
                    used = self._hand_over(a, b, idle)
                    left -= max(1, abs(used))
                    if used < 0:
                        moved = True
                        break
            if not moved or left == before:
                return

    def _idle(self, a: int) -> int:
        slots = self.timelines[a].slots
        return int(self.day.open_seconds[a]) - sum(slot.end - slot.start for slot in slots)

    def _hand_over(self, a: int, b: int, idle: dict[int, int]) -> int:
        """Tries used; negative if one of them worked."""
        tried = 0
        for p in self.samples(a):
            i = self.timelines[a].slots[p].item
            seconds, dose = self.shop.seconds[i], self.dose(i)
            lighter = seconds * (
                2 * self.w[a] / self.s[a]
                - 2 * self.w[b] / self.s[b]
                - seconds * (1 / self.s[a] + 1 / self.s[b])
            )
            safer = dose * (
                2 * self.u[a] / self.c[a] - 2 * self.u[b] / self.c[b] - dose * (1 / self.c[a] + 1 / self.c[b])
            )
            if lighter <= 0 or safer < 0 or seconds > idle[b] or not self.can(b, i):
                continue
            tried += 1
            if hand_over(self.shop, self.timelines[a], p, self.timelines[b]):
                self.w[a] -= seconds
                self.w[b] += seconds
                self.u[a] -= dose
                self.u[b] += dose
                idle[a] += seconds
                idle[b] -= seconds
                return -tried
            if tried >= 2:
                break
        return tried


def even_out(
    day: Day, reach: Reach, shop: Workshop, timelines: list[Timeline], today: Ints, load: Ints
) -> None:
    """`today` (A,) dose units and `load` (A,) work seconds of the plan as it stands."""
    evener = Evener(day, reach, shop, timelines, today, load)
    evener.even_exposure()
    evener.even_load()
