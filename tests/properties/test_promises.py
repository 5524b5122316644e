"""Promises that hold whatever the day: what stands stands, the same day gives the same plan, and the like."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import polars as pl
import pytest

from allocator.files.plan import write_plan
from allocator.instance import HISTORY, Instance
from allocator.optimise.planner import make_plan
from allocator.plan import SLOTS, Plan
from allocator.rules.policy import Limit
from allocator.verify import verify
from tests.brute_force.legality import binds, most
from tests.days.build import Day, auditor, instance, policy, sample
from tests.days.judge import hard_rules_named, planned
from tests.days.random_day import random_day
from tests.properties.pressed_day import pressed_day

SEEDS = range(1000, 1024)
SLACK = 1e-6


def _day(seed: int, *, replan: bool | None = None) -> Instance:
    return random_day(seed, auditors=(1, 8), items=(5, 60), replan=replan)


def _rows(slots: pl.DataFrame) -> Counter[tuple[object, ...]]:
    return Counter(slots.select("auditor", "kind", "item", "start", "end").iter_rows())


@pytest.mark.parametrize("seed", SEEDS)
def test_planning_never_moves_what_is_fixed(seed: int) -> None:
    day = _day(seed, replan=True)
    assert day.now is not None
    plan = make_plan(day)
    assert _rows(day.fixed) <= _rows(plan.slots)
    fresh = planned(day, plan.slots)
    assert fresh.height == plan.slots.height - day.fixed.height
    assert fresh.filter((pl.col("start") < day.now) | (pl.col("kind") == "busy")).is_empty()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_day_gives_the_same_plan_byte_for_byte(seed: int, tmp_path: Path) -> None:
    day = _day(seed)
    for name in ("one", "two"):
        write_plan(make_plan(day), tmp_path / name, "ndjson")
    for name in ("slots.ndjson", "unplanned.ndjson"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    one, two = (json.loads((tmp_path / name / "plan.json").read_text()) for name in ("one", "two"))
    assert one.pop("seconds").keys() == two.pop("seconds").keys()
    assert one == two


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_rows_has_no_part_in_what_is_legal(seed: int) -> None:
    day = _day(seed)
    shuffled = replace(
        day,
        auditors=day.auditors.sample(fraction=1, shuffle=True, seed=seed),
        items=day.items.sample(fraction=1, shuffle=True, seed=seed),
        history=day.history.sample(fraction=1, shuffle=True, seed=seed),
        fixed=day.fixed.sample(fraction=1, shuffle=True, seed=seed),
    )
    plan = make_plan(day)
    assert verify(shuffled, plan) == []
    assert verify(day, make_plan(shuffled)) == []
    mixed = replace(plan, slots=plan.slots.sample(fraction=1, shuffle=True, seed=seed))
    assert verify(day, mixed) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_tightening_a_limit_never_beats_the_bound_and_stays_legal(seed: int) -> None:
    """A plan under tighter limits is a plan under the looser ones: it breaks none of their rules, and it is
    worth no more than their bound."""
    day = _day(seed)
    rng = Random(seed)
    tighter = [replace(limit, amount=limit.amount * rng.randint(0, 9) // 10) for limit in day.policy.limits]
    severe = Limit(
        "one-more", frozenset(), 2, scope="org", measure="items", window_days=1, amount=rng.randint(0, 3)
    )
    tight = replace(day, policy=replace(day.policy, limits=(*tighter, severe)))
    plan, under_limits = make_plan(day), make_plan(tight)
    assert hard_rules_named(day, under_limits.slots) == set()
    bound = plan.bounds["escalations"]
    assert under_limits.goals["escalations"] <= bound + SLACK * max(1.0, bound)


@pytest.mark.parametrize("seed", SEEDS)
def test_one_more_person_never_makes_the_old_plan_illegal_nor_lowers_the_bound_below_it(seed: int) -> None:
    day = _day(seed, replan=False)
    twin = day.auditors.head(1).with_columns(id=pl.lit("one-more"))
    more = replace(day, auditors=pl.concat([day.auditors, twin]))
    plan = make_plan(day)
    assert hard_rules_named(more, plan.slots) == set()
    bound = make_plan(more).bounds["escalations"]
    assert plan.goals["escalations"] <= bound + SLACK * max(1.0, bound)


@pytest.mark.parametrize("seed", range(4))
def test_planning_a_day_again_keeps_nearly_everything(seed: int) -> None:
    day = pressed_day(seed, people=4, samples=200)
    first = make_plan(day)
    again = make_plan(day, previous=first)
    assert verify(day, again) == []
    reviews = first.slots.filter(pl.col("kind") == "work")
    kept = reviews.join(again.slots, on=["auditor", "item"], how="semi").height
    unmoved = reviews.join(again.slots, on=["auditor", "item", "start"], how="semi").height
    assert reviews.height > 100
    assert kept >= 0.97 * reviews.height
    assert unmoved >= 0.9 * reviews.height


@pytest.mark.parametrize("seed", SEEDS)
def test_planning_again_with_any_previous_plan_is_legal(seed: int) -> None:
    """The previous plan may be of a day with other people and other items."""
    day = _day(seed)
    for previous in (make_plan(day), make_plan(_day(seed + 1)), _nonsense(day)):
        assert verify(day, make_plan(day, previous=previous)) == []


def _nonsense(day: Instance) -> Plan:
    """A previous plan that gives every item to the first person at once."""
    rows = [(day.auditors["id"][0], "work", item, None, 0, 60) for item in day.items["id"]]
    plan = make_plan(replace(day, items=day.items.clear(), fixed=day.fixed.clear()))
    return replace(plan, slots=pl.DataFrame(rows, schema=SLOTS, orient="row"))


def test_nobody_on_shift_gives_an_empty_plan_that_says_so() -> None:
    day = instance(Day(policy=policy(), items=(sample("s1"), sample("s2", draw=2))))
    plan = make_plan(day)
    assert plan.slots.is_empty()
    assert plan.unplanned["item"].sort().to_list() == ["s1", "s2"]
    assert verify(day, plan) == []


def test_nothing_to_do_gives_an_empty_plan() -> None:
    day = instance(Day(policy=policy(), auditors=(auditor("ada"), auditor("bo"))))
    plan = make_plan(day)
    assert plan.slots.is_empty()
    assert plan.unplanned.is_empty()
    assert verify(day, plan) == []


def test_neither_people_nor_work_gives_an_empty_plan() -> None:
    day = instance(Day(policy=policy()))
    assert verify(day, make_plan(day)) == []
    assert make_plan(day).slots.is_empty()


@pytest.mark.parametrize("seed", SEEDS)
def test_who_is_past_every_limit_gets_nothing_that_adds_to_one(seed: int) -> None:
    day = _day(seed)
    rng = Random(seed)
    worn = rng.choice(day.auditors.to_dicts())
    limit = Limit("yesterday", frozenset(), 1, scope="org", measure="seconds", window_days=2, amount=7200)
    past = {
        "auditor": worn["id"],
        "work_date": day.work_date - timedelta(days=1),
        "category": day.items["category"][0],
        "severity": 3,
        "modality": "video",
        "seconds": most(limit, worn) + 1,
        "items": 10,
    }
    tired = replace(
        day,
        policy=replace(day.policy, limits=(*day.policy.limits, limit)),
        history=pl.concat([day.history, pl.DataFrame([past], schema=HISTORY)]),
    )
    assert binds(limit, worn)
    plan = make_plan(tired)
    work = planned(tired, plan.slots).filter((pl.col("kind") == "work") & (pl.col("auditor") == worn["id"]))
    severities = work.join(tired.items, left_on="item", right_on="id")["severity"].to_list()
    assert all(severity < 1 for severity in severities)
    assert verify(tired, plan) == []
