"""How far the limits are used: for each limit one strip with a mark a person, the fullest first.

The strip names nobody: who is how close to a limit is that person's business.
"""

from __future__ import annotations

import math
from datetime import timedelta

import polars as pl
from rich.console import RenderableType
from rich.table import Table

from allocator.figures import grouped
from allocator.instance import Instance
from allocator.plan import Plan
from allocator.rules.policy import Limit
from allocator.scenarios.supply import measured, selection
from config.demo.view.reviews import planned_reviews
from config.demo.view.signs import Signs


def exposure(instance: Instance, plan: Plan) -> pl.DataFrame:
    """What was seen and will be: `auditor, work_date, category, severity, modality, seconds, items`."""
    today = planned_reviews(instance, plan).select(
        "auditor",
        pl.lit(instance.work_date).alias("work_date"),
        "category",
        "severity",
        "modality",
        pl.col("took").alias("seconds"),
        pl.lit(1, pl.Int64).alias("items"),
    )
    return pl.concat([instance.history, today])


def limit_use(instance: Instance, seen: pl.DataFrame, limit: Limit) -> pl.DataFrame:
    """One row for each auditor that the limit binds: `used` and `allowed`, in the limit's unit."""
    bound = pl.DataFrame(
        [
            (row["id"], limit.effective_amount(row["exposure_percent"]))
            for row in instance.auditors.iter_rows(named=True)
            if limit.binds(auditor=row["id"], team=row["team"], home_market=row["home_market"])
        ],
        schema={"auditor": pl.String(), "allowed": pl.Int64()},
        orient="row",
    )
    first_date = instance.work_date - timedelta(days=limit.window_days - 1)
    used = (
        seen.filter(selection(limit) & (pl.col("work_date") >= first_date))
        .group_by("auditor")
        .agg(measured(limit, instance.policy).sum().alias("used"))
    )
    return bound.join(used, on="auditor", how="left").with_columns(pl.col("used").fill_null(0))


def amount_words(limit: Limit) -> str:
    amount = {
        "seconds": f"{limit.amount / 60:g} min",
        "items": f"{limit.amount} items",
        "dose": f"{grouped(limit.amount)} points",
    }[limit.measure]
    return f"{amount} {'a day' if limit.window_days == 1 else f'in {limit.window_days} days'}"


def fill(used: int, allowed: int) -> float:
    """The part that is used, from 0 to 1 and above; a limit of nothing is full."""
    return used / allowed if allowed > 0 else 1.0


def mark(part: float, signs: Signs) -> str:
    """One sign for a fill: the lowest for a little, none for nothing, the highest from about full."""
    top = len(signs.steps) - 1
    return signs.steps[0 if part <= 0 else max(1, min(top, round(part * top)))]


def limits(instance: Instance, plan: Plan, signs: Signs, width: int) -> RenderableType:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("limit", no_wrap=True)
    table.add_column("at most", no_wrap=True)
    table.add_column("one mark a person", no_wrap=True)
    table.add_column("fullest", justify="right", no_wrap=True)
    table.add_column("median", justify="right", no_wrap=True)
    seen = exposure(instance, plan)
    for limit in instance.policy.limits:
        use = limit_use(instance, seen, limit)
        pairs = use.select("used", "allowed").iter_rows()
        fills = sorted((fill(used, allowed) for used, allowed in pairs), reverse=True)
        if not fills:
            continue
        shown = fills[:: max(1, math.ceil(len(fills) / max(12, width - 60)))]
        strip = "".join(mark(part, signs) for part in shown)
        table.add_row(
            limit.key,
            amount_words(limit),
            f"[cyan]{strip}[/]",
            f"{math.floor(100 * fills[0])} %",
            f"{math.floor(100 * fills[len(fills) // 2])} %",
        )
    return table
