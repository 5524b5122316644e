"""To the unit: one beyond the number a review is refused; on the number, and one before it, it is done."""

from __future__ import annotations

import polars as pl
import pytest

from allocator.instance import Instance
from allocator.optimise.planner import make_plan
from allocator.verify import verify
from tests.brute_force.optimum import optimum
from tests.temptations.thresholds import THRESHOLDS, Threshold

SECOND = 1


def _escalations(slots: pl.DataFrame) -> int:
    return int(slots["item"].is_in(["e1", "e2"]).sum())


def _expected(threshold: Threshold) -> dict[int, int]:
    """By number, how many escalation reviews can be done."""
    exact, step, reviews = threshold.exact, threshold.refusing, threshold.reviews
    return {exact - step: reviews, exact: reviews, exact + step: reviews - 1}


def _name(threshold: Threshold) -> str:
    return threshold.name


@pytest.mark.parametrize("threshold", THRESHOLDS, ids=_name)
def test_the_planner_goes_to_the_number_and_no_further(threshold: Threshold) -> None:
    days: dict[int, Instance] = {n: threshold.day(n) for n in _expected(threshold)}
    plans = {n: make_plan(day) for n, day in days.items()}
    assert {n: _escalations(plan.slots) for n, plan in plans.items()} == _expected(threshold)
    assert {n: verify(days[n], plan) for n, plan in plans.items()} == {n: [] for n in plans}


@pytest.mark.parametrize("threshold", THRESHOLDS, ids=_name)
def test_trying_everything_goes_to_the_number_and_no_further(threshold: Threshold) -> None:
    found = {n: _escalations(optimum(threshold.day(n), SECOND).slots) for n in _expected(threshold)}
    assert found == _expected(threshold)
