"""What was left out and why: the plan's own sentences, put together by what stood in the way last."""

from __future__ import annotations

import json
from dataclasses import dataclass

import polars as pl
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from allocator.figures import grouped
from allocator.instance import Instance
from allocator.plan import Plan

LAST = (
    ("capacity", "Everybody left who could take it is full."),
    ("shift", "Nobody who could take it is on shift at a time that fits."),
    ("protected", "Nobody who could take it is free for this work."),
    ("has-it", "Everybody who could take it has it already, and it wants one more."),
)
SKILLS = "Nobody has the language, the market and the clearance that it needs."
EXAMPLES = 2


@dataclass(frozen=True, slots=True)
class Gap:
    """Items left out for one reason: `items` and missing `reviews`, and the most telling sentences."""

    reason: str
    items: int
    reviews: int
    examples: tuple[tuple[str, str], ...]


def last_reason(ruled_out: str) -> str:
    """The one reason, of all that are named, which had to fall away last for the item to be planned."""
    counts: dict[str, int] = json.loads(ruled_out)
    return next((sentence for key, sentence in LAST if counts.get(key)), SKILLS)


def gaps(instance: Instance, plan: Plan) -> list[Gap]:
    """The gaps, the greatest first; examples are (what the item is, its sentence), one for each sentence."""
    items = instance.items.select("id", "kind", "market", "language", "category", "severity", "priority")
    left = plan.unplanned.join(items, left_on="item", right_on="id", how="left").with_columns(
        pl.col("ruled_out").map_elements(last_reason, return_dtype=pl.String).alias("reason")
    )
    found = []
    for (reason,), rows in left.group_by(["reason"], maintain_order=True):
        # Escalations first, then the severest: the gaps that a person asks about.
        telling = rows.sort(pl.col("kind") != "escalation", "priority", -pl.col("severity"), "item")
        telling = telling.unique("sentence", keep="first", maintain_order=True).head(EXAMPLES)
        examples = tuple(
            ("{item}, {market}/{language}/{category}/{severity}".format(**row), row["sentence"])
            for row in telling.iter_rows(named=True)
        )
        found.append(Gap(str(reason), rows.height, int(rows["missing"].sum()), examples))
    return sorted(found, key=lambda gap: (-gap.reviews, gap.reason))


def unplanned(instance: Instance, plan: Plan) -> RenderableType:
    found = gaps(instance, plan)
    if not found:
        return Text("Nothing was left out.")
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("reviews", justify="right", no_wrap=True)
    table.add_column("why they are missing")
    for gap in found:
        text = Text(gap.reason, style="bold")
        for what, sentence in gap.examples:
            text.append(f"\n{what}\n  {sentence}", style="not bold")
        table.add_row(grouped(gap.reviews), text)
    return table
