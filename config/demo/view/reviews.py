"""The planned reviews of a day, each beside its item: what most of the pictures start from."""

from __future__ import annotations

import polars as pl

from allocator.instance import Instance
from allocator.plan import Plan


def planned_reviews(instance: Instance, plan: Plan) -> pl.DataFrame:
    """One row a work slot: `auditor`, `item`, `start`, `end`, `took` (seconds), and the item's columns."""
    work = plan.slots.filter(pl.col("kind") == "work").select("auditor", "item", "start", "end")
    items = instance.items.rename({"id": "item"})
    return work.join(items, on="item", how="inner").with_columns(
        (pl.col("end") - pl.col("start")).alias("took")
    )
