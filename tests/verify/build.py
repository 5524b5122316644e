"""Tiny days with their slots, and a plan of them in which every claim is true."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from allocator.instance import Instance
from allocator.plan import SLOTS, UNPLANNED, Certificate, Plan, Prices
from allocator.verify import bound_coverage, bound_escalations, recompute
from tests.days.build import NINE, Day, Row, auditor, instance, policy
from tests.verify.naive import ruled_out

ADA, BEN, CAS = "ada", "ben", "cas"
FREE = Certificate(1, Prices(), Prices(), 0)
"""Everything costs nothing: the loosest bounds."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A day and slots for it."""

    instance: Instance
    slots: pl.DataFrame


def work(item: str, at: int, seconds: int, who: str = ADA) -> Row:
    """A review from `at` seconds after nine."""
    return {"auditor": who, "kind": "work", "item": item, "start": NINE + at, "end": NINE + at + seconds}


def rest(at: int, seconds: int, who: str = ADA, label: str | None = "short") -> Row:
    return {"auditor": who, "kind": "break", "label": label, "start": NINE + at, "end": NINE + at + seconds}


def busy(at: int, seconds: int, who: str = ADA) -> Row:
    return {"auditor": who, "kind": "busy", "start": NINE + at, "end": NINE + at + seconds}


def fixed_row(slot: Row) -> Row:
    """The slot as a row of `fixed`."""
    return {key: value for key, value in slot.items() if key != "label"}


def scene(
    items: Sequence[Row],
    slots: Iterable[Row],
    *,
    people: Sequence[Row] | None = None,
    rules: dict[str, Any] | None = None,
    fixed: Sequence[Row] = (),
    history: Sequence[Row] = (),
    now: int | None = None,
) -> Scene:
    """A day of `people` (ada alone unless told) under a policy with these `rules`; `now` in seconds after
    nine. The fixed slots are among the slots without being named again."""
    day = Day(
        policy=policy(**(rules or {})),
        auditors=tuple(people if people is not None else (auditor(),)),
        items=tuple(items),
        history=tuple(history),
        fixed=tuple(fixed_row(slot) for slot in fixed),
        now=None if now is None else NINE + now,
    )
    unlabelled = [{**slot, "label": None} for slot in fixed]
    return Scene(instance(day), table([*unlabelled, *slots]))


def table(slots: Iterable[Row]) -> pl.DataFrame:
    return pl.DataFrame([{key: slot.get(key) for key in SLOTS} for slot in slots], schema=SLOTS)


def honest_plan(of: Scene, certificate: Certificate = FREE) -> Plan:
    """A plan of the scene's slots, legal or not, that says nothing untrue of them."""
    true = recompute(of.instance, of.slots)
    return Plan(
        instance=of.instance.name,
        work_date=of.instance.work_date,
        goals={name: float(value) for name, value in true.goals.items()},
        bounds={
            "escalations": float(bound_escalations(of.instance, of.slots, certificate)),
            "coverage": float(bound_coverage(of.instance, of.slots, certificate)),
        },
        certificate=certificate,
        counts=true.counts,
        seconds={},
        slots=of.slots,
        unplanned=pl.DataFrame(ruled_out(of.instance, _of_this_day(of)), schema=UNPLANNED, orient="row"),
    )


def _of_this_day(of: Scene) -> pl.DataFrame:
    """The slots without those of an auditor or on an item that the instance does not know."""
    people, items = of.instance.auditors["id"].to_list(), of.instance.items["id"].to_list()
    knows_item = pl.col("item").is_null() | pl.col("item").is_in(items)
    on_something = (pl.col("kind") != "work") | pl.col("item").is_not_null()
    return of.slots.filter(pl.col("auditor").is_in(people) & knows_item & on_something)
