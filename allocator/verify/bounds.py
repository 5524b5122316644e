"""What no legal plan can pass, from the certificate's prices alone, exactly.

Whoever pays for every second and every unit of a limit at the certificate's prices can earn from a review at
most its worth less its cost; the earnings and the worth of all time and room together bound every plan.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from allocator.plan import Certificate, Prices
from allocator.verify.capacity import capacities
from allocator.verify.day import Day
from allocator.verify.draw_order import samples_in_reach
from allocator.verify.exact import Exact, Ints
from allocator.verify.goals import values_of, wanted_by_stratum
from allocator.verify.limits import Amounts, Uses
from allocator.verify.prices import by_person, costs, worth_of_room
from allocator.verify.reach import Reach, groups


def escalations_bound(
    day: Day, known: Amounts, used: Uses, reach: Reach, certificate: Certificate
) -> Fraction:
    """`used`: history and fixed work."""
    cost, room = _cost_and_room(day, known, used, reach, certificate.escalations)
    earned = earned_by_g1(day, reach, cost, certificate.scale)
    return (room + earned) / certificate.scale


def coverage_bound(
    day: Day, known: Amounts, used: Uses, reach: Reach, certificate: Certificate, g1: Fraction
) -> Fraction:
    """`g1`: the G1 that the plan reaches and that no plan of interest may fall below."""
    cost, room = _cost_and_room(day, known, used, reach, certificate.coverage)
    earned = earned_by_strata(day, reach, cost, certificate.scale)
    earned += earned_by_g1(day, reach, cost, certificate.g1) - certificate.g1 * g1
    return (room + earned) / certificate.scale


def _cost_and_room(day: Day, known: Amounts, used: Uses, reach: Reach, prices: Prices) -> tuple[Exact, int]:
    cost = costs(day, known, reach, by_person(day, prices))
    return cost, worth_of_room(day, known, prices, capacities(day), used)


def earned_by_g1(day: Day, reach: Reach, cost: Exact, rate: int) -> Fraction:
    """Σ over escalations and calibrations of reviews × max(0, weight × rate − cost).

    Fixed reviews cost nothing and all count; further ones, up to what is wanted, are to be had where somebody
    could take the item. The weight is a tenth where nobody could end the item by its due and no review of it
    is fixed.
    """
    items = np.flatnonzero(day.is_g1 & (reach.takeable | (day.fixed_reviews > 0)))
    late = (reach.earliest_end[items] > day.due[items]) & (day.fixed_reviews[items] == 0)
    further = np.where(reach.takeable[items], np.maximum(day.wanted[items] - day.fixed_reviews[items], 0), 0)
    earned = Fraction(0)
    for priority, full in day.policy.escalation_weights.items():
        for is_late, weight in ((False, full * rate), (True, full * rate / 10)):
            chosen = (day.priority[items] == priority) & (late == is_late)
            earned += weight * int(day.fixed_reviews[items[chosen]].sum())
            for price, reviews in zip(cost[items[chosen]].tolist(), further[chosen].tolist(), strict=True):
                if reviews and price < weight:
                    earned += reviews * (weight - price)
    return earned


def earned_by_strata(day: Day, reach: Reach, cost: Exact, scale: int) -> Fraction:
    """Σ over strata of the greatest, over k and j, of value(k + j) × scale − the first reviews of the first k
    samples in reach, in draw order − the j cheapest further reviews."""
    in_reach = np.flatnonzero(samples_in_reach(day, reach.takeable))
    wanted = wanted_by_stratum(day)
    earned, unit = 0, 1
    for stratum, places in groups(day.stratum[in_reach]):
        samples = in_reach[places]
        samples = samples[np.argsort(day.draw[samples], kind="stable")]
        firsts = np.where(day.fixed_reviews[samples] > 0, 0, cost[samples]).tolist()
        further = further_costs(day, reach, samples, cost)
        total = np.arange(len(firsts) + len(further) + 1, dtype=np.int64)
        values, unit = values_of(day, int(wanted[stratum]), total)
        earned += best_of_stratum(values.tolist(), firsts, further, scale, unit)
    return Fraction(earned, unit)


def further_costs(day: Day, reach: Reach, samples: Ints, cost: Exact) -> list[int]:
    """The costs of all reviews of these samples but the first of each, ascending: fixed ones cost nothing,
    others are to be had where somebody could take the sample, up to what is wanted."""
    fixed = day.fixed_reviews[samples]
    free = int(np.maximum(fixed - 1, 0).sum())
    more = np.where(reach.takeable[samples], np.maximum(day.wanted[samples] - np.maximum(fixed, 1), 0), 0)
    return [0] * free + sorted(np.repeat(cost[samples], more).tolist())


def best_of_stratum(values: list[int], firsts: list[int], further: list[int], scale: int, unit: int) -> int:
    """max over k, j of values[k + j] × scale − unit × (Σ of the first k of `firsts` + Σ of the first j of
    `further`); values is concave and `further` ascending.

    So for a given k the best j is where the next further review costs more than it adds, and that j never
    grows with k: one walk forward in k and backward in j meets every best pair.
    """
    j, paid = 0, 0
    while j < len(further) and (values[j + 1] - values[j]) * scale > unit * further[j]:
        paid += further[j]
        j += 1
    best = values[j] * scale - unit * paid
    for k, price in enumerate(firsts, start=1):
        paid += price
        while j and (values[k + j] - values[k + j - 1]) * scale <= unit * further[j - 1]:
            j -= 1
            paid -= further[j]
        best = max(best, values[k + j] * scale - unit * paid)
    return best
