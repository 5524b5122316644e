"""A plan that people have is disturbed only as far as the day demands."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from allocator.instance import Instance
from allocator.optimise.planner import make_plan
from allocator.plan import Plan
from allocator.verify import verify
from tests.optimise.generated import generated, planned

SEEDS = (0, 1)


def at_noon(seed: int) -> Instance:
    """The day as it stands four hours after the median shift began: what has started is fixed."""
    day, plan = generated("S", seed), planned("S", seed)
    now = int(day.auditors["shift_start"].sort()[day.auditors.height // 2]) + 4 * 3600
    started = plan.slots.filter(pl.col("start") < now).select("auditor", "kind", "item", "start", "end")
    return replace(day, now=now, fixed=started)


def still_theirs(day: Instance, before: Plan, after: Plan) -> float:
    """The part of the reviews to come that stayed with the person who had them."""
    assert day.now is not None
    here = day.auditors["id"].to_list()
    to_come = before.slots.filter(
        (pl.col("kind") == "work") & (pl.col("start") >= day.now) & pl.col("auditor").is_in(here)
    )
    kept = to_come.join(after.slots, on=["auditor", "item"], how="semi")
    return kept.height / to_come.height


@pytest.mark.parametrize("seed", SEEDS)
def test_a_day_that_goes_as_planned_is_left_alone(seed: int) -> None:
    day, before = at_noon(seed), planned("S", seed)
    after = make_plan(day, before)
    assert verify(day, after) == []
    moved = before.slots.filter(pl.col("kind") == "work").join(
        after.slots, on=["auditor", "item", "start"], how="anti"
    )
    assert moved.is_empty()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_lowered_limit_binds_at_once_and_moves_little(seed: int) -> None:
    day, before = at_noon(seed), planned("S", seed)
    lower = tuple(
        replace(limit, amount=limit.amount * 9 // 10) if limit.key == "severe-day" else limit
        for limit in day.policy.limits
    )
    day = replace(day, policy=replace(day.policy, limits=lower))
    after = make_plan(day, before)
    assert verify(day, after) == []
    assert still_theirs(day, before, after) >= 0.95


@pytest.mark.parametrize("seed", SEEDS)
def test_somebody_falls_ill_and_the_others_keep_most_of_their_day(seed: int) -> None:
    day, before = at_noon(seed), planned("S", seed)
    ill = day.auditors["id"][3]
    day = replace(
        day,
        auditors=day.auditors.filter(pl.col("id") != ill),
        fixed=day.fixed.filter(pl.col("auditor") != ill),
    )
    after = make_plan(day, before)
    fresh = make_plan(day)
    assert verify(day, after) == []
    assert after.goals["escalations"] >= fresh.goals["escalations"]
    assert still_theirs(day, before, after) >= 0.8


@pytest.mark.parametrize("seed", SEEDS)
def test_new_escalations_find_their_place(seed: int) -> None:
    day, before = at_noon(seed), planned("S", seed)
    assert day.now is not None
    to_come = before.slots.filter((pl.col("kind") == "work") & (pl.col("start") >= day.now))["item"]
    urgent = (pl.col("kind") == "sample") & pl.col("id").is_in(to_come.gather_every(40).to_list())
    day = replace(
        day,
        items=day.items.with_columns(
            kind=pl.when(urgent).then(pl.lit("escalation")).otherwise("kind"),
            priority=pl.when(urgent).then(2).otherwise("priority"),
            release=pl.when(urgent).then(day.now).otherwise("release"),
            due=pl.when(urgent).then(day.now + 4 * 3600).otherwise("due"),
            stratum=pl.when(urgent).then(None).otherwise("stratum"),
            draw=pl.when(urgent).then(None).otherwise("draw"),
        ),
    )
    after, fresh = make_plan(day, before), make_plan(day)
    assert verify(day, after) == []
    assert after.goals["escalations"] >= fresh.goals["escalations"]
    assert after.goals["escalations"] > before.goals["escalations"]
    assert still_theirs(day, before, after) >= 0.8
