"""What the reviews cost at given prices, and so how far any plan could get.

A price vector is a pair (time (A,), limits (A, L)) of floats >= 0. `Pricing.costs` finds for every item the
cheapest auditor who could take it. Within a class the people stand with the longest reach first, so those
who could take an item are a prefix, and a running minimum answers for all lengths at once. Items that name
people, or that have a release, and classes that a limit on *items* selects are listed pair by pair.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from allocator.optimise.day import NEVER, Bools, Day, Ints
from allocator.optimise.reach import Reach, takers_of
from allocator.optimise.strata import Stratum

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PriceVector:
    time: Floats  # (A,)
    limits: Floats  # (A, L)


class Pricing:
    def __init__(self, day: Day, reach: Reach, strata: list[Stratum]) -> None:
        self.day = day
        self.reach = reach
        self.room = np.where(day.binds, day.room, 0).astype(np.float64)
        self.capacity = day.capacity.astype(np.float64)
        self._lay_out_items()
        self._lay_out_strata(strata)
        self._lay_out_g1()

    # -- costs -------------------------------------------------------------------------------------------

    def _lay_out_items(self) -> None:
        day, reach = self.day, self.reach
        size = len(day.items)
        k = day.item_class
        counted: Bools = np.array(day.classes.count.any(axis=1), dtype=np.bool_)
        singled: Bools = np.array(counted[k] | (day.release > -NEVER), dtype=np.bool_)
        singled[list(day.excluded)] = True
        singled[list(day.only)] = True
        self.reachable: Bools = np.greater(reach.takers, 0)
        self.by_class = np.flatnonzero(self.reachable & ~singled)
        single = np.flatnonzero(self.reachable & singled)
        takers = [takers_of(day, reach, i) for i in single.tolist()]
        self.singles = single
        self.pair_item = np.repeat(single, [len(t) for t in takers]) if takers else np.zeros(0, np.int64)
        self.pair_person = np.concatenate(takers) if takers else np.zeros(0, np.int64)
        self.pair_start = np.cumsum([0, *(len(t) for t in takers)])[:-1].astype(np.int64)
        width = max((len(p) for p in reach.people), default=0)
        height = len(day.classes)
        self.table_person = np.zeros((height, width), dtype=np.int64)
        self.table_gap = np.ones((height, width), dtype=np.bool_)
        for number, people in enumerate(reach.people):
            self.table_person[number, : len(people)] = people
            self.table_gap[number, : len(people)] = False
        self.last_taker = np.zeros(size, dtype=np.int64)
        self.last_taker[self.by_class] = reach.takers[self.by_class] - 1

    def costs(self, prices: PriceVector) -> Floats:
        """(I,) the least cost of a review of each item; infinite: nobody could take it."""
        day = self.day
        cost = np.full(len(day.items), np.inf)
        active = np.flatnonzero(prices.limits.any(axis=0)).tolist()
        if self.by_class.size:
            rate = prices.time[self.table_person]
            for limit in active:
                per_second = day.classes.rate[:, limit]
                chosen = np.flatnonzero(per_second)
                rate[chosen] += per_second[chosen, None] * prices.limits[self.table_person[chosen], limit]
            rate[self.table_gap] = np.inf
            least = np.minimum.accumulate(rate, axis=1)
            rows, columns = day.item_class[self.by_class], self.last_taker[self.by_class]
            cost[self.by_class] = least[rows, columns] * day.seconds[self.by_class]
        if self.singles.size:
            k, seconds = day.item_class[self.pair_item], day.seconds[self.pair_item]
            pair = prices.time[self.pair_person] * seconds
            for limit in active:
                added = day.classes.rate[k, limit] * seconds + day.classes.count[k, limit]
                pair += added * prices.limits[self.pair_person, limit]
            cost[self.singles] = np.minimum.reduceat(pair, self.pair_start)
        return cost

    def standing(self, prices: PriceVector) -> float:
        """What all capacity and room together cost."""
        return float(self.capacity @ prices.time + (self.room * prices.limits).sum())

    # -- coverage ----------------------------------------------------------------------------------------

    def _lay_out_strata(self, strata: list[Stratum]) -> None:
        """Rows (s, k): the first k samples of stratum s within reach. Further reviews: (s, item) sorted by
        cost at each evaluation; fixed ones beyond the first cost nothing and come first."""
        day = self.day
        first_item: list[int] = []
        starts: list[int] = []
        free_first: list[bool] = []
        further_item: list[int] = []
        further_stratum: list[int] = []
        free_further = []
        values: list[float] = []
        value_start = []
        for number, stratum in enumerate(strata):
            starts.append(len(first_item))
            first_item.append(-1)
            free_first.append(True)
            free = 0
            for i, reached in zip(stratum.items, stratum.reached, strict=True):
                if not reached:
                    continue
                stands = len(day.fixed_reviews.get(i, ()))
                first_item.append(i)
                free_first.append(stands > 0)
                free += max(0, stands - 1)
                if self.reachable[i]:
                    more = int(day.reviews[i]) - max(stands, 1)
                    further_item.extend([i] * more)
                    further_stratum.extend([number] * more)
            free_further.append(free)
            value_start.append(len(values))
            values.extend(stratum.values)
        self.strata = strata
        self.row_item = np.array(first_item, dtype=np.int64)
        self.row_free = np.array(free_first, dtype=np.bool_)
        self.row_start = np.array(starts, dtype=np.int64)
        self.row_end = np.append(self.row_start[1:], len(first_item)).astype(np.int64)
        self.row_stratum = np.repeat(np.arange(len(strata)), self.row_end - self.row_start)
        self.row_k = np.arange(len(first_item)) - self.row_start[self.row_stratum]
        self.further_item = np.array(further_item, dtype=np.int64)
        self.further_stratum = np.array(further_stratum, dtype=np.int64)
        self.free_further = np.array(free_further, dtype=np.int64)
        self.values = np.array(values)
        self.value_start = np.array(value_start, dtype=np.int64)
        self.wanted = np.array([s.wanted for s in strata], dtype=np.int64)
        further = np.bincount(self.further_stratum, minlength=len(strata))
        self.most_further: Ints = further.astype(np.int64) + self.free_further

    def coverage(self, prices: PriceVector, g1_price: float, g1_reached: float) -> float:
        """The coverage bound in worth (not yet times the scale)."""
        cost = self.costs(prices)
        surplus = self.g1_reviews * np.maximum(g1_price * self.g1_weight - cost[self.g1_item], 0.0)
        return (
            self.standing(prices)
            + self._best_stops(cost)
            + float(surplus.sum())
            + g1_price * (self.g1_free - g1_reached)
        )

    def _best_stops(self, cost: Floats) -> float:
        """Sum over strata of the best (value - cost) over how many first and how many further reviews to
        have. For each number j of further reviews, all strata that have so many are tried at once."""
        if not len(self.strata):
            return 0.0
        total = np.cumsum(np.where(self.row_free, 0.0, cost[self.row_item]))
        paid = total - total[self.row_start][self.row_stratum]
        order = np.lexsort((cost[self.further_item], self.further_stratum))
        further_paid = np.concatenate([[0.0], np.cumsum(cost[self.further_item[order]])])
        start = np.searchsorted(self.further_stratum[order], np.arange(len(self.strata)))
        best = np.full(len(self.strata), -np.inf)
        for j in range(int(self.most_further.max(initial=0)) + 1):
            rows = np.flatnonzero(self.most_further[self.row_stratum] >= j)
            stratum = self.row_stratum[rows]
            priced = np.maximum(0, j - self.free_further[stratum])
            n = np.minimum(self.row_k[rows] + j, self.wanted[stratum])
            extra = further_paid[start[stratum] + priced] - further_paid[start[stratum]]
            net = self.values[self.value_start[stratum] + n] - paid[rows] - extra
            edges = np.flatnonzero(np.diff(stratum, prepend=-1))
            owners = stratum[edges]
            best[owners] = np.maximum(best[owners], np.maximum.reduceat(net, edges))
        return float(best.sum())

    # -- G1 ----------------------------------------------------------------------------------------------

    def _lay_out_g1(self) -> None:
        """`g1_item` those that somebody could take, with their further reviews and the weight that they can
        reach; `g1_free` what the fixed reviews are worth, which no price lowers."""
        day = self.day
        items, reviews, weights = [], [], []
        self.g1_free = 0.0
        for i in np.flatnonzero(~day.is_sample).tolist():
            stands = len(day.fixed_reviews.get(i, ()))
            weight = float(day.weight(i))
            self.g1_free += stands * weight
            left = int(day.reviews[i]) - stands
            if left <= 0 or not self.reachable[i]:
                continue
            if not stands and not self._can_be_on_time(i):
                weight /= 10
            items.append(i)
            reviews.append(left)
            weights.append(weight)
        self.g1_item = np.array(items, dtype=np.int64)
        self.g1_reviews = np.array(reviews, dtype=np.float64)
        self.g1_weight = np.array(weights)

    def _can_be_on_time(self, i: int) -> bool:
        day = self.day
        if day.due[i] >= NEVER:
            return True
        return any(
            day.earliest_start(a, i) + int(day.seconds[i]) <= int(day.due[i])
            for a in takers_of(day, self.reach, i).tolist()
        )

    def escalations(self, prices: PriceVector) -> float:
        """The G1 bound in worth."""
        surplus = self.g1_reviews * np.maximum(self.g1_weight - self.costs(prices)[self.g1_item], 0.0)
        return self.standing(prices) + float(surplus.sum()) + self.g1_free
