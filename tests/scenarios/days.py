"""Days that several tests look at, each generated once."""

from __future__ import annotations

from datetime import date
from functools import cache

from allocator.instance import Instance
from allocator.scenarios.demo import demo_day
from allocator.scenarios.generate import Size, generate
from config.policy import default_policy_document

MONDAY = date(2026, 11, 23)


@cache
def generated(size: Size, seed: int, work_date: date = MONDAY) -> Instance:
    return generate(size, seed, default_policy_document(), work_date)


@cache
def the_demo_day() -> Instance:
    return demo_day(default_policy_document())


def same(one: Instance, other: Instance) -> bool:
    """Whether two days are the same in every table and number."""
    tables = ("auditors", "items", "history", "fixed")
    return (
        all(getattr(one, name).equals(getattr(other, name)) for name in tables)
        and (one.name, one.work_date, one.policy, one.now)
        == (other.name, other.work_date, other.policy, other.now)
        and one.document == other.document
    )
