"""G1 to G4, exactly, from the slots and the instance. Illegal plans have figures too: what the instance does
not know adds nothing."""

from __future__ import annotations

from fractions import Fraction
from math import lcm

import numpy as np

from allocator.verify.day import Day, Slots
from allocator.verify.exact import BEYOND, Exact, Flags, Ints, group_sums, product, total
from allocator.verify.limits import history

DAYS_OF_DOSE = 7


def late_reviews(day: Day, slots: Slots) -> Flags:
    """Which of `slots.work()` are G1 reviews that end after their due."""
    rows = slots.work()
    item = slots.item[rows]
    late: Flags = day.is_g1[item] & (slots.end[rows] > day.due[item])
    return late


def escalations(day: Day, slots: Slots) -> Fraction:
    """G1: Σ weight of the priority over planned escalation and calibration reviews, a tenth where late."""
    item = slots.item[slots.work()]
    late = late_reviews(day, slots)
    value = Fraction(0)
    for priority, weight in day.policy.escalation_weights.items():
        chosen = day.is_g1[item] & (day.priority[item] == priority)
        value += weight * int((chosen & ~late).sum()) + weight * int((chosen & late).sum()) / 10
    return value


def values_of(day: Day, wanted: int, planned: Ints) -> tuple[Exact, int]:
    """What `planned` reviews of a stratum that wants `wanted` are worth, each times the second number
    returned, which makes all of them integers.

    value(n) = Σ over bands of weight × the part of n that lies in that band's share of `wanted`. With shares
    s/S and weights w/W: S × W × value(n) = Σ w × clip(n × S − (shares before) × wanted, 0, s × wanted).
    """
    bands = day.policy.coverage_bands
    share_unit = lcm(*(share.denominator for share, _ in bands))
    weight_unit = lcm(*(weight.denominator for _, weight in bands))
    shares = [int(share * share_unit) for share, _ in bands]
    weights = [int(weight * weight_unit) for _, weight in bands]
    greatest = max(wanted, int(planned.max(initial=0))) * share_unit * max(1, sum(weights))
    reviews: Exact = planned if greatest < BEYOND else planned.astype(object)
    value: Exact = reviews * 0
    before = 0
    for share, weight in zip(shares, weights, strict=True):
        part = np.minimum(np.maximum(reviews * share_unit - before * wanted, 0), share * wanted)
        value = value + weight * part
        before += share
    return value, share_unit * weight_unit


def wanted_by_stratum(day: Day) -> Ints:
    samples = np.flatnonzero(day.is_sample)
    return group_sums(day.stratum[samples], day.wanted[samples], day.strata).astype(np.int64)


def coverage(day: Day, reviews: Ints) -> Fraction:
    """G2 of so many reviews of each item: Σ over strata of the value of their sum."""
    samples = np.flatnonzero(day.is_sample)
    planned = group_sums(day.stratum[samples], reviews[samples], day.strata).astype(np.int64)
    wanted = wanted_by_stratum(day)
    worth, unit = 0, 1
    # Strata that want and plan as much are worth as much.
    alike, number = np.unique(np.stack([wanted, planned]), axis=1, return_counts=True)
    for want, plan, count in zip(alike[0].tolist(), alike[1].tolist(), number.tolist(), strict=True):
        values, unit = values_of(day, want, np.array([plan], dtype=np.int64))
        worth += count * int(values[0])
    return Fraction(worth, unit)


def exposure(day: Day, slots: Slots) -> Fraction:
    """G3: Σ over people of u² / c, with u = dose units today + Σ over the six work dates before of that
    date's dose units × (7 − days ago) / 7, and c = shift seconds × exposure_percent / 100."""
    rows = slots.work()
    material = day.material[slots.item[rows]]
    today = product(slots.end[rows] - slots.start[rows], day.units[material])
    past = history(day)
    recent = np.flatnonzero(past.days_ago < DAYS_OF_DOSE)
    before = product(past.seconds[recent], day.units[past.material[recent]])
    before = product(before, DAYS_OF_DOSE - past.days_ago[recent])
    people = len(day.people)
    sevenths = DAYS_OF_DOSE * group_sums(slots.person[rows], today, people).astype(object)
    sevenths = sevenths + group_sums(past.person[recent], before, people).astype(object)
    capacity = (day.shift_end - day.shift_start) * day.percent
    return squares_over(sevenths, capacity) * 100 / DAYS_OF_DOSE**2


def load(day: Day, slots: Slots) -> Fraction:
    """G4: Σ over people of w² / s, w the work seconds and s the shift seconds."""
    rows = slots.work()
    work = group_sums(slots.person[rows], slots.end[rows] - slots.start[rows], len(day.people))
    return squares_over(work.astype(object), day.shift_end - day.shift_start)


def squares_over(values: Exact, divisors: Ints) -> Fraction:
    """Σ value² / divisor, adding up under each divisor first."""
    return sum(
        (
            Fraction(total(values[divisors == divisor] ** 2), divisor)
            for divisor in np.unique(divisors).tolist()
        ),
        Fraction(0),
    )
