"""How much of the sampling plan was reached, by market, by language and by severity."""

from __future__ import annotations

import polars as pl
from rich.console import RenderableType
from rich.table import Table

from allocator.figures import grouped, share
from allocator.instance import Instance
from allocator.plan import Plan
from config.demo.view.reviews import planned_reviews
from config.demo.view.signs import STYLES, Signs, bar, severity_kind


def coverage_by(instance: Instance, plan: Plan, column: str) -> pl.DataFrame:
    """Samples only: `group`, `wanted` and `planned` reviews, in order of the group."""
    sample = pl.col("kind") == "sample"
    wanted = instance.items.filter(sample).group_by(column).agg(pl.col("reviews").sum().alias("wanted"))
    planned = planned_reviews(instance, plan).filter(sample).group_by(column).agg(pl.len().alias("planned"))
    return (
        wanted.join(planned, on=column, how="left")
        .with_columns(pl.col("planned").fill_null(0))
        .rename({column: "group"})
        .sort("group")
    )


def coverage(instance: Instance, plan: Plan, signs: Signs, width: int) -> RenderableType:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True, min_width=14)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    length = max(10, min(60, width - 44))
    for column in ("market", "language", "severity"):
        for group, wanted, planned in coverage_by(instance, plan, column).iter_rows():
            style = STYLES[severity_kind(instance.policy, group)] if column == "severity" else ""
            table.add_row(
                f"{column} {group}",
                bar(planned, wanted, length, signs),
                f"{grouped(planned)} of {grouped(wanted)}",
                share(planned, wanted),
                style=style,
            )
        if column != "severity":
            table.add_row()
    return table
