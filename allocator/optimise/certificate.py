"""The certificate: integer prices that prove how much better any plan could be.

The relaxation's duals are a first guess. They see strata as divisible; the bound sees that a stratum stops
after a whole sample in draw order, so better prices exist. They are sought by subgradient steps (Polyak,
1969: step = (value - reached) / |slope|^2) on prices measured in worth per whole capacity or room, and the
best prices met are kept. However the search goes, any non-negative prices prove a true bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from allocator.optimise.day import Day
from allocator.optimise.pricing import Bound, Floats, PriceVector, Pricing
from allocator.optimise.relaxation import Duals
from allocator.optimise.score import Score
from allocator.plan import Certificate, Prices

SCALE = 1_000_000
"""Prices are per million; a bound is then rounded by less than a millionth of a review."""
SAFETY = 1e-7
"""Relative margin on a bound for floating point: a claim may lie above what the prices prove, not below."""
STEPS = 60
"""Subgradient steps for each bound."""


@dataclass(frozen=True, slots=True)
class Proof:
    bounds: dict[str, float]
    certificate: Certificate


def certify(day: Day, pricing: Pricing, duals: Duals, reached: Score, steps: int = STEPS) -> Proof:
    people, limits = len(day.auditors), len(day.policy.limits)
    nothing = PriceVector(np.zeros(people), np.zeros((people, limits)))
    first = PriceVector(np.array(duals.time, dtype=np.float64), np.zeros((people, limits)))
    for a, prices in enumerate(duals.limits):
        for limit, price in prices.items():
            first.limits[a, limit] = price

    g1 = float(reached.escalations)
    urgent = nothing
    if pricing.escalations(nothing).value > g1 * (1 + 1e-9) + 1e-9:
        urgent, _ = descend(pricing, pricing.escalations, [nothing, first], g1, steps)

    in_order = float(reached.in_order)
    g1_price = _best_g1_price(pricing, first, g1)
    starts = [first, nothing]
    best, _ = descend(pricing, lambda p: pricing.coverage(p, g1_price, g1), starts, in_order, steps)
    g1_price = _best_g1_price(pricing, best, g1)

    whole_urgent, whole_best = _whole(urgent), _whole(best)
    whole_g1 = int(np.ceil(g1_price * SCALE))
    bounds = {
        "escalations": pricing.escalations(_worth(whole_urgent)).value,
        "coverage": pricing.coverage(_worth(whole_best), whole_g1 / SCALE, g1).value,
    }
    floor = {"escalations": g1, "coverage": in_order}
    return Proof(
        {name: max(value * (1 + SAFETY), floor[name]) for name, value in bounds.items()},
        Certificate(SCALE, _prices(day, whole_urgent), _prices(day, whole_best), whole_g1),
    )


def _best_g1_price(pricing: Pricing, prices: PriceVector, g1: float) -> float:
    """The bound is convex and piecewise linear in the price of G1, with corners where an item begins to be
    worth its cost: the best is at a corner."""
    if not pricing.g1_item.size:
        return 0.0
    cost, _ = pricing.costs(prices)
    worth = pricing.g1_reviews * pricing.g1_weight
    valued = pricing.g1_weight > 0
    corner = cost[pricing.g1_item][valued] / pricing.g1_weight[valued]
    order = np.argsort(corner)
    slope = pricing.g1_free - g1
    if slope >= -1e-9:
        return 0.0
    for position in order.tolist():
        # The slope behind this corner: once it is not negative, going further gains nothing.
        slope += float(worth[valued][position])
        if slope >= -1e-9:
            return float(corner[position])
    return float(corner[order[-1]]) if order.size else 0.0


def descend(
    pricing: Pricing,
    bound: Callable[[PriceVector], Bound],
    starts: list[PriceVector],
    reached: float,
    steps: int,
) -> tuple[PriceVector, float]:
    """Lower `bound` from the better of `starts`; the best prices met and their value."""
    time_unit = 1.0 / np.maximum(pricing.capacity, 1.0)
    limit_unit = np.where(pricing.day.binds, 1.0 / np.maximum(pricing.room, 1.0), 0.0)
    best, best_value = starts[0], np.inf
    for start in starts:
        value = bound(start).value
        if value < best_value:
            best, best_value = start, value
    prices = best
    current = bound(prices)
    relax, patience = 1.0, 0
    for _ in range(steps):
        gap = best_value - reached
        if gap <= 1e-9 * max(1.0, abs(reached)):
            break
        time_slope = current.time * time_unit
        limit_slope = current.limits * limit_unit
        # A price at zero cannot fall: such directions say nothing about how far to go.
        time_slope[(prices.time <= 0) & (time_slope > 0)] = 0.0
        limit_slope[(prices.limits <= 0) & (limit_slope > 0)] = 0.0
        size = float((time_slope**2).sum() + (limit_slope**2).sum())
        if size <= 1e-18:
            break
        target = best_value - 0.5 * gap
        step = relax * (current.value - target) / size
        prices = PriceVector(
            _lowered(prices.time, step * time_slope * time_unit),
            _lowered(prices.limits, step * limit_slope * limit_unit),
        )
        current = bound(prices)
        if current.value < best_value - 1e-12:
            best, best_value, patience = prices, current.value, 0
        else:
            patience += 1
            if patience >= 5:
                relax, patience = relax * 0.6, 0
                prices, current = best, bound(best)
    return best, best_value


def _lowered(prices: Floats, by: Floats) -> Floats:
    return np.maximum(prices - by, 0.0)


def _whole(prices: PriceVector) -> PriceVector:
    """Rounded to the certificate's integers."""
    return PriceVector(np.rint(prices.time * SCALE), np.rint(prices.limits * SCALE))


def _worth(whole: PriceVector) -> PriceVector:
    return PriceVector(whole.time / SCALE, whole.limits / SCALE)


def _prices(day: Day, whole: PriceVector) -> Prices:
    keys = [limit.key for limit in day.policy.limits]
    time = {name: int(p) for name, p in zip(day.auditors, whole.time.tolist(), strict=True) if p > 0}
    limits = {}
    for name, row in zip(day.auditors, whole.limits.tolist(), strict=True):
        priced = {key: int(p) for key, p in zip(keys, row, strict=True) if p > 0}
        if priced:
            limits[name] = priced
    return Prices(time, limits)
