"""How good plans are, on a seeded slice; the benchmark `tests.bench.compare` has ten seeds and the times."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import polars as pl
import pytest

from allocator.optimise.day import Day
from allocator.optimise.planner import make_plan
from allocator.verify import recompute, verify
from tests.bench.pull_router import pull_router
from tests.optimise.generated import demo, generated, planned


def gap_closed(size: Literal["S", "M"], seed: int) -> float:
    """The part of the gap in in-order coverage between router and bound that the planner closes."""
    day, plan = generated(size, seed), planned(size, seed)
    router = float(recompute(day, pull_router(day)).in_order_coverage)
    reached = float(recompute(day, plan.slots).in_order_coverage)
    return (reached - router) / (plan.bounds["coverage"] - router)


def test_much_of_the_gap_between_the_router_and_the_bound_is_closed() -> None:
    assert gap_closed("M", 1) >= 0.4


def test_a_team_of_twenty_gains_over_the_router_too() -> None:
    """Strata of two or three samples leave less to plan, and the bound is looser."""
    closed = [gap_closed("S", seed) for seed in range(4)]
    assert min(closed) > 0
    assert sum(closed) / len(closed) >= 0.35


@pytest.mark.parametrize(("size", "seed"), [("S", 0), ("S", 1), ("S", 2), ("M", 1)])
def test_generated_days_are_planned_legally_and_in_draw_order(size: Literal["S", "M"], seed: int) -> None:
    plan = planned(size, seed)
    assert verify(generated(size, seed), plan) == []
    assert plan.counts["draw_inversions"] < 0.01 * plan.counts["samples_seen"]
    assert plan.goals["escalations"] >= 0.995 * plan.bounds["escalations"]


@pytest.mark.parametrize("every", [2, 3])
def test_a_light_day_is_shared_evenly(every: int) -> None:
    """With half or less of the demo's work there is room to give everybody the same part of their shift."""
    day = demo()
    light = replace(day, items=day.items.filter(pl.int_range(pl.len()) % every == 0))
    plan = make_plan(light)
    work = plan.slots.filter(pl.col("kind") == "work")
    seconds = int((work["end"] - work["start"]).sum())
    arrays = Day(light)
    least = seconds**2 / int((arrays.shift_end - arrays.shift_start).sum())
    assert plan.goals["load"] <= 1.03 * least
