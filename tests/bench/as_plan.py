"""A peer's slots made into a plan, so that the verifier can judge it like any other."""

from __future__ import annotations

import polars as pl

from allocator.instance import Instance
from allocator.optimise.day import Day
from allocator.optimise.explain import unplanned
from allocator.optimise.score import Work
from allocator.plan import Certificate, Plan, Prices
from allocator.verify import bound_coverage, bound_escalations, recompute

UNPRICED = Certificate(scale=1, escalations=Prices(), coverage=Prices(), g1=0)
"""Every price zero: true bounds, and loose ones, since a peer has no idea how good it could have been."""


def as_plan(instance: Instance, slots: pl.DataFrame) -> Plan:
    """The plan with these slots (SLOTS): every claim true, its bounds those of `UNPRICED`."""
    figures = recompute(instance, slots)
    return Plan(
        instance=instance.name,
        work_date=instance.work_date,
        goals={name: float(value) for name, value in figures.goals.items()},
        bounds={
            "escalations": float(bound_escalations(instance, slots, UNPRICED)),
            "coverage": float(bound_coverage(instance, slots, UNPRICED)),
        },
        certificate=UNPRICED,
        counts=figures.counts,
        seconds={},
        slots=slots,
        unplanned=unplanned(Day(instance), _work(instance, slots)),
    )


def _work(instance: Instance, slots: pl.DataFrame) -> Work:
    """The reviews among the slots, people and items by their row in the instance."""
    people = instance.auditors.select(pl.col("id").alias("auditor")).with_row_index("a")
    items = instance.items.select(pl.col("id").alias("item")).with_row_index("i")
    reviews = (
        slots.filter(pl.col("kind") == "work")
        .join(people, on="auditor", how="left", maintain_order="left")
        .join(items, on="item", how="left", maintain_order="left")
        .select(pl.col("a", "i", "start", "end").cast(pl.Int64))
    )
    return Work(*(reviews[name].to_numpy() for name in ("a", "i", "start", "end")))
