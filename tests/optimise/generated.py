"""Generated days for tests of the planner, each made once."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Literal

from allocator.instance import Instance
from allocator.optimise.planner import make_plan
from allocator.plan import Plan
from allocator.scenarios.demo import demo_day
from allocator.scenarios.generate import generate
from config.policy import default_policy_document


@cache
def generated(size: Literal["S", "M"], seed: int) -> Instance:
    return generate(size, seed, default_policy_document(), date(2026, 11, 23))


@cache
def demo() -> Instance:
    return demo_day(default_policy_document())


@cache
def planned(size: Literal["S", "M"], seed: int) -> Plan:
    return make_plan(generated(size, seed))
