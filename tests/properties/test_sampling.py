"""What is left out of a stratum is left out by draw, never because it is long."""

from __future__ import annotations

from collections.abc import Set
from datetime import date

import polars as pl
import pytest

from allocator.instance import Instance
from allocator.optimise.day import Day
from allocator.optimise.planner import make_plan
from allocator.optimise.reach import find_reach, in_reach
from allocator.plan import Plan
from allocator.scenarios.generate import generate
from config.policy import default_policy_document
from tests.properties.pressed_day import pressed_day
from tests.properties.sampling import handling_time_z, samples_in_reach

SEEDS = range(8)
ALARM = 4.0


@pytest.fixture(scope="module")
def pressed() -> list[tuple[Instance, Plan]]:
    days = [pressed_day(seed) for seed in SEEDS]
    return [(day, make_plan(day)) for day in days]


def _seen(plan: Plan) -> set[str]:
    return set(plan.slots["item"].drop_nulls())


def test_planned_and_unplanned_samples_take_equally_long(pressed: list[tuple[Instance, Plan]]) -> None:
    days = [(samples_in_reach(day), _seen(plan)) for day, plan in pressed]
    assert abs(handling_time_z(days)) < ALARM


def test_the_days_leave_much_out(pressed: list[tuple[Instance, Plan]]) -> None:
    for day, plan in pressed:
        samples = set(samples_in_reach(day)["id"])
        seen = len(samples & _seen(plan)) / len(samples)
        assert 0.2 < seen < 0.7


def test_inversions_are_fewer_than_one_seen_sample_in_a_hundred(pressed: list[tuple[Instance, Plan]]) -> None:
    inversions = sum(plan.counts["draw_inversions"] for _, plan in pressed)
    seen = sum(plan.counts["samples_seen"] for _, plan in pressed)
    assert inversions < seen / 100


def test_the_figure_stays_calm_where_the_first_in_draw_order_are_taken() -> None:
    days = [samples_in_reach(pressed_day(seed)) for seed in SEEDS]
    assert abs(handling_time_z([(day, _first_third(day, by="draw")) for day in days])) < ALARM


@pytest.mark.parametrize("descending", [False, True])
def test_the_figure_raises_the_alarm_where_the_short_or_the_long_are_preferred(descending: bool) -> None:
    days = [samples_in_reach(pressed_day(seed)) for seed in SEEDS]
    z = handling_time_z([(day, _first_third(day, by="seconds", descending=descending)) for day in days])
    assert z > 5 * ALARM if descending else z < -5 * ALARM


def test_the_figure_raises_the_alarm_where_one_choice_in_ten_prefers_the_short() -> None:
    """In draw order, but the longest tenth of every stratum is passed over."""
    days = [samples_in_reach(pressed_day(seed)) for seed in SEEDS]
    planned = []
    for day in days:
        limit = pl.col("seconds").quantile(0.9).over("stratum")
        planned.append((day, _first_third(day.filter(pl.col("seconds") <= limit), by="draw")))
    assert handling_time_z(planned) < -ALARM


def _first_third(samples: pl.DataFrame, *, by: str, descending: bool = False) -> Set[str]:
    ordered = samples.sort("stratum", by, "id", descending=[False, descending, False])
    place = pl.int_range(pl.len()).over("stratum")
    return set(ordered.filter(place * 3 < pl.len().over("stratum"))["id"])


def test_generated_days_leave_out_at_random_too() -> None:
    """Realistic days leave little out, so the figure is taken over many of them."""
    days = []
    for seed in range(16):
        day = generate("S", seed, default_policy_document(), date(2026, 11, 23))
        arrays = Day(day)
        reached = pl.Series(in_reach(arrays, find_reach(arrays)))
        samples = day.items.filter(reached & (pl.col("kind") == "sample"))
        days.append((samples.select("stratum", "id", "draw", "seconds"), _seen(make_plan(day))))
    assert abs(handling_time_z(days)) < 3.0
