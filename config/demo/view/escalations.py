"""What became of the escalations and the calibrations: on time, late, or not planned."""

from __future__ import annotations

import polars as pl
from rich.console import RenderableType
from rich.table import Table

from allocator.figures import grouped
from allocator.instance import Instance
from allocator.plan import Plan
from config.demo.view.reviews import planned_reviews

ON_TIME = pl.col("due").is_null() | (pl.col("end") <= pl.col("due"))


def outcomes(instance: Instance, plan: Plan) -> pl.DataFrame:
    """`kind`, `priority` (null for calibrations), then reviews `wanted`, `on_time`, `late`, `unplanned`."""
    no_sample = pl.col("kind") != "sample"
    priority = pl.when(pl.col("kind") == "escalation").then(pl.col("priority")).alias("priority")
    keys = ["kind", "priority"]
    wanted = (
        instance.items.filter(no_sample)
        .with_columns(priority)
        .group_by(keys)
        .agg(pl.col("reviews").sum().alias("wanted"))
    )
    planned = (
        planned_reviews(instance, plan)
        .filter(no_sample)
        .with_columns(priority)
        .group_by(keys)
        .agg(ON_TIME.sum().cast(pl.Int64).alias("on_time"), (~ON_TIME).sum().cast(pl.Int64).alias("late"))
    )
    return (
        wanted.join(planned, on=keys, how="left", nulls_equal=True)
        .with_columns(pl.col("on_time", "late").fill_null(0))
        .with_columns(
            (pl.col("wanted") - pl.col("on_time") - pl.col("late")).clip(lower_bound=0).alias("unplanned")
        )
        .sort("kind", "priority", descending=[True, False])
    )


def escalations(instance: Instance, plan: Plan) -> RenderableType:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("", no_wrap=True, min_width=26)
    for name in ("wanted", "on time", "late", "unplanned"):
        table.add_column(name, justify="right", no_wrap=True)
    for kind, priority, wanted, on_time, late, unplanned in outcomes(instance, plan).iter_rows():
        name = "calibration" if kind == "calibration" else f"escalation, priority {priority}"
        table.add_row(
            name,
            grouped(wanted),
            grouped(on_time),
            f"[yellow]{grouped(late)}[/]" if late else "0",
            f"[bold magenta]{grouped(unplanned)}[/]" if unplanned else "0",
        )
    return table
