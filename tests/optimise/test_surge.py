"""A day with more urgent work than hours is planned legally, and in time."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from allocator.optimise.planner import make_plan
from allocator.verify import verify
from tests.optimise.generated import demo


def test_everything_is_an_escalation() -> None:
    day = demo()
    sample = pl.col("kind") == "sample"
    surge = replace(
        day,
        items=day.items.with_columns(
            kind=pl.when(sample).then(pl.lit("escalation")).otherwise("kind"),
            priority=pl.when(sample).then(pl.int_range(pl.len()) % 4 + 1).otherwise("priority"),
            stratum=pl.lit(None, dtype=pl.String),
            draw=pl.lit(None, dtype=pl.Int64),
        ),
    )
    plan = make_plan(surge)
    assert verify(surge, plan) == []
    assert plan.goals["escalations"] >= 0.97 * plan.bounds["escalations"]
    assert plan.goals["coverage"] == 0


def test_nobody_sees_anything_for_nothing() -> None:
    """Where neither goal pays for a review, it is not planned."""
    day = demo()
    worthless = replace(
        day.policy,
        escalation_weights={
            priority: 0 * weight for priority, weight in day.policy.escalation_weights.items()
        },
        coverage_bands=tuple((share, 0 * weight) for share, weight in day.policy.coverage_bands),
    )
    idle = replace(day, policy=worthless)
    plan = make_plan(idle)
    assert plan.counts["reviews_planned"] == 0
    assert make_plan(idle, plan).counts["reviews_planned"] == 0
    assert verify(idle, plan) == []
