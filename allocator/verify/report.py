"""The whole check: a day and its plan in, every violation and false claim out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import polars as pl

from allocator.instance import Instance
from allocator.plan import Certificate, Plan
from allocator.verify.bounds import coverage_bound, escalations_bound
from allocator.verify.claims import check_bounds, check_counts, check_goals
from allocator.verify.day import Day, Slots, make_day, make_slots
from allocator.verify.draw_order import inversions
from allocator.verify.edges import check_edges
from allocator.verify.exact import Flags, Ints, total
from allocator.verify.goals import coverage, escalations, exposure, late_reviews, load
from allocator.verify.limits import Amounts, Uses, added, amounts, check_limits, history_uses, work_uses
from allocator.verify.people import check_once, check_who
from allocator.verify.prices import check_certificate
from allocator.verify.reach import Reach, make_reach
from allocator.verify.shape import check_fixed, check_heading, check_shape
from allocator.verify.stretches import check_stretches
from allocator.verify.times import check_breaks, check_when
from allocator.verify.unplanned import RuledOut, check_unplanned
from allocator.verify.violation import Violation


@dataclass(frozen=True, slots=True)
class Figures:
    """What is true of a plan's slots. `coverage` is G2 with, `in_order_coverage` without the reviews of
    inversions; all four goals exact."""

    escalations: Fraction
    coverage: Fraction
    exposure: Fraction
    load: Fraction
    in_order_coverage: Fraction
    counts: dict[str, int]

    @property
    def goals(self) -> dict[str, Fraction]:
        return {
            "escalations": self.escalations,
            "coverage": self.coverage,
            "exposure": self.exposure,
            "load": self.load,
        }


@dataclass(frozen=True, slots=True)
class Known:
    """What follows from the instance alone."""

    day: Day
    amounts: Amounts
    history: Uses
    standing: Uses
    reach: Reach


def know(instance: Instance) -> Known:
    day = make_day(instance)
    known = amounts(day)
    past = history_uses(day, known)
    fixed = make_slots(day, instance.fixed)
    return Known(day, known, past, work_uses(day, known, fixed, fixed.work()), make_reach(day, known, past))


def reviews_of_items(day: Day, slots: Slots) -> Ints:
    """Planned reviews of each item, shape (I,)."""
    return np.bincount(slots.item[slots.work()], minlength=len(day.items)).astype(np.int64)


def figures(known: Known, slots: Slots) -> Figures:
    day = known.day
    reviews = reviews_of_items(day, slots)
    inverted: Flags = inversions(day, reviews, known.reach.takeable)
    return Figures(
        escalations=escalations(day, slots),
        coverage=coverage(day, reviews),
        exposure=exposure(day, slots),
        load=load(day, slots),
        in_order_coverage=coverage(day, np.where(inverted, 0, reviews)),
        counts={
            "reviews_wanted": total(day.wanted),
            "reviews_planned": int(reviews.sum()),
            "escalations_late": int(late_reviews(day, slots).sum()),
            "draw_inversions": int(inverted.sum()),
            "samples_seen": int((day.is_sample & (reviews > 0)).sum()),
        },
    )


def recompute(instance: Instance, slots: pl.DataFrame) -> Figures:
    """The figures of any slots, legal or not; auditors and items that the instance does not know add
    nothing."""
    known = know(instance)
    return figures(known, make_slots(known.day, slots))


def bound_escalations(instance: Instance, slots: pl.DataFrame, certificate: Certificate) -> Fraction:  # noqa: ARG001
    """What no legal plan's G1 passes. The slots do not matter: it holds for every plan of the instance."""
    known = know(instance)
    used = added(known.history, known.standing)
    return escalations_bound(known.day, known.amounts, used, known.reach, certificate)


def bound_coverage(instance: Instance, slots: pl.DataFrame, certificate: Certificate) -> Fraction:
    """What no legal plan's in-order coverage passes, unless its G1 is below that of these slots."""
    known = know(instance)
    used = added(known.history, known.standing)
    g1 = escalations(known.day, make_slots(known.day, slots))
    return coverage_bound(known.day, known.amounts, used, known.reach, certificate, g1)


def verify(instance: Instance, plan: Plan) -> list[Violation]:
    """Every hard rule and every claim, from the instance and the plan alone; nothing found means legal and
    true."""
    return list(violations(know(instance), plan))


def violations(known: Known, plan: Plan) -> Iterator[Violation]:
    """`verify`, for whoever checks several plans of one instance."""
    day = known.day
    slots = make_slots(day, plan.slots)
    yield from check_heading(day, plan)
    yield from check_shape(slots)
    yield from check_fixed(day, slots)
    yield from check_who(day, slots)
    yield from check_once(day, slots)
    yield from check_when(day, slots)
    rows = slots.work()
    standing = work_uses(day, known.amounts, slots, rows[slots.fixed[rows]])
    planned = work_uses(day, known.amounts, slots, rows[~slots.fixed[rows]])
    yield from check_limits(day, known.amounts, known.history, standing, planned)
    yield from check_stretches(day, slots)
    yield from check_edges(day, slots)
    yield from check_breaks(day, slots)
    true = figures(known, slots)
    yield from check_goals(plan.goals, true.goals)
    yield from check_counts(plan.counts, true.counts)
    unsound = check_certificate(day, known.amounts, plan.certificate)
    yield from unsound
    if not unsound:
        used = added(known.history, known.standing)
        parts = (day, known.amounts, used, known.reach, plan.certificate)
        bounds = {
            "escalations": escalations_bound(*parts),
            "coverage": coverage_bound(*parts, true.escalations),
        }
        yield from check_bounds(plan.bounds, bounds)
    used = added(added(known.history, standing), planned)
    ruled_out = RuledOut(day, known.amounts, slots, used)
    yield from check_unplanned(day, reviews_of_items(day, slots), plan, ruled_out)
