"""The certificate: integer prices that prove how much better any plan could be.

The prices are the relaxation's duals: what a second of each person's time, and a unit of each limit's room,
is worth at its optimum. For G1 on its own nothing needs a price on most days, since everything can be done;
the better of no prices and the duals is taken. Any non-negative prices prove a true bound, so nothing here
has to be trusted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allocator.optimise.day import Day
from allocator.optimise.pricing import PriceVector, Pricing
from allocator.optimise.relaxation import Duals
from allocator.optimise.score import Score
from allocator.plan import Certificate, Prices

SCALE = 1_000_000
"""Prices are per million; a bound is then rounded by less than a millionth of a review."""


@dataclass(frozen=True, slots=True)
class Proof:
    bounds: dict[str, float]
    certificate: Certificate


def certify(day: Day, pricing: Pricing, duals: Duals, reached: Score) -> Proof:
    people, limits = len(day.auditors), len(day.policy.limits)
    nothing = PriceVector(np.zeros(people), np.zeros((people, limits)))
    found = PriceVector(np.array(duals.time, dtype=np.float64), np.zeros((people, limits)))
    for a, prices in enumerate(duals.limits):
        for limit, price in prices.items():
            found.limits[a, limit] = price
    g1 = float(reached.escalations)
    urgent = min((nothing, found), key=lambda prices: pricing.escalations(prices))
    best = min((found, nothing), key=lambda p: pricing.coverage(p, _best_g1_price(pricing, p, g1), g1))
    g1_price = _best_g1_price(pricing, best, g1)

    whole_urgent, whole_best = _whole(urgent), _whole(best)
    whole_g1 = int(np.ceil(g1_price * SCALE))
    bounds = {
        "escalations": pricing.escalations(_worth(whole_urgent)),
        "coverage": pricing.coverage(_worth(whole_best), whole_g1 / SCALE, g1),
    }
    floor = {"escalations": g1, "coverage": float(reached.in_order)}
    return Proof(
        {name: max(value, floor[name]) for name, value in bounds.items()},
        Certificate(SCALE, _prices(day, whole_urgent), _prices(day, whole_best), whole_g1),
    )


def _best_g1_price(pricing: Pricing, prices: PriceVector, g1: float) -> float:
    """The bound is convex and piecewise linear in the price of G1, with corners where an item begins to be
    worth its cost: the best is at a corner."""
    if not pricing.g1_item.size:
        return 0.0
    cost = pricing.costs(prices)
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
