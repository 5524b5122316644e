"""Whatever the planner calls legal, the guard accepts: also where later dates are planned already, for people
whose team, market or percentage differs from date to date, and after more was seen than planned."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import polars as pl
import pytest
from sqlalchemy import Engine

import models.snapshot
from allocator.instance import Instance
from allocator.plan import Plan
from allocator.verify import verify
from models.refusal import Refusal
from tests.conftest import Database
from tests.days.build import instance
from tests.days.random_day import MARKETS, TEAMS, random_rows
from tests.days.random_policy import random_policy
from tests.days_in_database.steps import (
    Made,
    claimed,
    engine_of,
    exported,
    inputs_of,
    load,
    make,
    on_other_date,
    publish,
)

SEEDS = (0, 1, 6, 9, 14, 17)
REFUSED_WITHOUT = 1


def several_days(seed: int) -> list[Instance]:
    """Some dates within a fortnight, in random order: the same people, who may change team, market and
    percentage from date to date, under one policy with limits over several days."""
    rng = Random(seed)
    rows = random_rows(seed, auditors=(2, 5), items=(25, 45), replan=False)
    categories = sorted({item["category"] for item in rows.items})
    scopes = [f"market:{market}" for market in MARKETS] + [f"team:{team}" for team in TEAMS]
    drawn = random_policy(rng, categories=categories, scopes=[*scopes, f"auditor:{rows.auditors[0]['id']}"])
    limits = drawn.limits or rows.policy.limits
    longer = tuple(
        replace(
            limit,
            window_days=rng.choice((1, 2, 3, 7, 14)),
            ceiling=None,
            amount=limit.amount // rng.choice((1, 4)),
        )
        for limit in limits
    )
    rules = replace(rows.policy, limits=longer)
    first = instance(replace(rows, policy=rules))
    days = [first] + [on_other_date(first, after) for after in sorted(rng.sample(range(1, 10), 3))]
    days = [varied(rng, day) for day in days]
    rng.shuffle(days)
    return days


def varied(rng: Random, day: Instance) -> Instance:
    people = range(day.auditors.height)
    percents = [rng.choice((100, 100, 50, 33, 1)) for _ in people]
    return replace(
        day,
        auditors=day.auditors.with_columns(
            team=pl.Series([rng.choice(TEAMS) for _ in people], dtype=pl.String),
            home_market=pl.Series([rng.choice(MARKETS) for _ in people], dtype=pl.String),
            exposure_percent=pl.Series(percents, dtype=pl.Int64),
        ),
    )


def all_planned(engine: Engine, days: list[Instance]) -> int:
    """Plan every date in turn, twice; how often a limit was tightened."""
    tightened = 0
    for day in [*days, *days]:
        made = make(engine, day.work_date)
        tightened += count_tightened(made)
        publish(engine, made)
        out = exported(engine, day.work_date)
        assert out.plan is not None
        assert verify(out.instance, out.plan) == []
    return tightened


def count_tightened(made: Made) -> int:
    return sum(limit.key.startswith("later-") for limit in made.inputs.instance.policy.limits)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_guard_accepts_every_legal_plan(database: Database, seed: int) -> None:
    days = several_days(seed)
    with engine_of(database) as engine:
        for day in days:
            load(engine, day)
        all_planned(engine, days)


@pytest.mark.parametrize("seed", [1, 6, 9, 17])
def test_the_guard_accepts_what_is_full_to_the_brim(database: Database, seed: int) -> None:
    """Not only what the planner makes: whatever the verifier lets pass of items in any order."""
    rng = Random(seed)
    days = several_days(seed)
    with engine_of(database) as engine:
        for day in days:
            load(engine, day)
        for day in days:
            claim = claimed(engine, day.work_date)
            inputs = inputs_of(engine, day.work_date)
            plan = full(rng, make_empty(inputs.instance), inputs.instance)
            publish(engine, Made(claim, inputs, plan))


def make_empty(day: Instance) -> Plan:
    from allocator.optimise.planner import make_plan

    return make_plan(replace(day, items=day.items.clear()))


def full(rng: Random, plan: Plan, day: Instance) -> Plan:
    """Reviews one after another from the start of the shift, as many as limits and shift let pass: H3 for as
    long as it takes and H4 is kept, which is all that the guard relies on."""
    slots: list[tuple[object, ...]] = []
    shifts = day.auditors.select("id", "shift_start", "shift_end").rows()
    people = {name: (start, end) for name, start, end in shifts}
    items = day.items.select("id", "seconds").rows()
    rng.shuffle(items)
    for item, seconds in items:
        name = rng.choice(list(people))
        start, end = people[name]
        if start + seconds > end:
            continue
        tried = [*slots, (name, "work", item, None, start, start + seconds)]
        fuller = replace(plan, slots=pl.DataFrame(tried, schema=plan.slots.schema, orient="row"))
        if not any(found.rule == "H4" for found in verify(day, fuller)):
            slots, people[name] = tried, (start + seconds, end)
    return replace(plan, slots=pl.DataFrame(slots, schema=plan.slots.schema, orient="row"))


def test_without_tightening_the_guard_refuses(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The property is not idle: some of these days cannot be published otherwise."""
    monkeypatch.setattr(models.snapshot, "_tightened", lambda *_: [])
    days = several_days(REFUSED_WITHOUT)
    with engine_of(database) as engine:
        for day in days:
            load(engine, day)
        with pytest.raises(Refusal, match="has changed"):
            all_planned(engine, days)
