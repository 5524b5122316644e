"""The planner against the best of every legal plan, on tiny days under random policies."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import pytest

from allocator.instance import Instance
from allocator.optimise.planner import make_plan
from allocator.plan import Plan
from allocator.verify import verify
from tests.brute_force.optimum import Optimum, Value, optimum, value_of
from tests.brute_force.tiny_day import GRID, tiny_day

DAYS = 320
CROWDED = range(1000, 1080)
"""Seeds of days with up to eight items: more to leave out, more to get wrong."""
LEAST_MEAN_RATIO = 0.98
ABSOLUTE, RELATIVE = 0.001, 1e-6
"""How far a figure of a plan may be from the exact one."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One tiny day, the planner's plan, its exact value, and the optimum."""

    seed: int
    day: Instance
    plan: Plan
    value: Value
    best: Optimum


@pytest.fixture(scope="module")
def tried() -> list[Tried]:
    result = []
    for seed in (*range(DAYS), *CROWDED):
        day = tiny_day(seed, items=(6, 8) if seed in CROWDED else (2, 6))
        plan = make_plan(day)
        result.append(Tried(seed, day, plan, value_of(day, plan.slots), optimum(day, GRID)))
    return result


def _at_most(value: Fraction, bound: float) -> bool:
    return float(value) <= bound + max(ABSOLUTE, RELATIVE * abs(bound))


def test_at_least_half_the_days_cannot_do_everything(tried: list[Tried]) -> None:
    assert sum(one.best.leaves_out for one in tried) >= len(tried) / 2


def test_every_plan_is_legal_and_its_claims_are_true(tried: list[Tried]) -> None:
    assert {one.seed: found for one in tried if (found := verify(one.day, one.plan))} == {}


def test_no_plan_is_better_than_the_best(tried: list[Tried]) -> None:
    assert [one.seed for one in tried if one.value.order > one.best.best.order] == []


def test_no_legal_plan_passes_the_bound_on_escalations(tried: list[Tried]) -> None:
    passed = [
        one.seed for one in tried if not _at_most(one.best.most_escalations(), one.plan.bounds["escalations"])
    ]
    assert passed == []


def test_no_legal_plan_with_as_high_g1_passes_the_bound_on_coverage(tried: list[Tried]) -> None:
    passed = [
        one.seed
        for one in tried
        if not _at_most(one.best.most_coverage(one.value.escalations), one.plan.bounds["coverage"])
    ]
    assert passed == []


def test_g1_is_within_two_percent_of_the_optimum_on_average(tried: list[Tried]) -> None:
    ratios = {one.seed: _ratio(one.value.escalations, one.best.best.escalations) for one in tried}
    assert sum(ratios.values()) / len(ratios) >= LEAST_MEAN_RATIO, _worst(ratios)


def test_in_order_coverage_is_within_two_percent_of_the_optimum_on_average(tried: list[Tried]) -> None:
    ratios = {one.seed: _ratio(one.value.in_order_coverage, one.best.best.in_order_coverage) for one in tried}
    assert sum(ratios.values()) / len(ratios) >= LEAST_MEAN_RATIO, _worst(ratios)


def _ratio(reached: Fraction, possible: Fraction) -> float:
    """At most 1: a plan with less G1 may well have more coverage, and that makes up for nothing."""
    return min(1.0, float(reached / possible)) if possible else 1.0


def _worst(ratios: dict[int, float]) -> dict[int, float]:
    """The seeds furthest from the optimum, for whoever reads the failure."""
    return dict(sorted(ratios.items(), key=lambda pair: pair[1])[:20])
