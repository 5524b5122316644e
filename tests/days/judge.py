"""Asking the verifier about bare slots, and the planner about a day."""

from __future__ import annotations

import polars as pl

from allocator.instance import Instance
from allocator.plan import COUNTS, GOALS, SLOTS, UNPLANNED, Certificate, Plan, Prices
from allocator.verify import verify

HARD_RULES = ("H1", "H2", "H3", "H4", "H5", "H6", "H7")


def bare_plan(instance: Instance, slots: pl.DataFrame) -> Plan:
    """A plan with these slots that claims nothing true but its day."""
    return Plan(
        instance=instance.name,
        work_date=instance.work_date,
        goals=dict.fromkeys(GOALS, 0.0),
        bounds={"escalations": 0.0, "coverage": 0.0},
        certificate=Certificate(1, Prices(), Prices(), 0),
        counts=dict.fromkeys(COUNTS, 0),
        seconds={},
        slots=slots.select(list(SLOTS)),
        unplanned=pl.DataFrame(schema=UNPLANNED),
    )


def hard_rules_named(instance: Instance, slots: pl.DataFrame) -> set[str]:
    """The hard rules that the verifier says these slots break; its other findings aside."""
    return {v.rule for v in verify(instance, bare_plan(instance, slots)) if v.rule in HARD_RULES}


def slots_table(rows: list[tuple[str, str, str | None, int, int]]) -> pl.DataFrame:
    """(auditor, kind, item, start, end) rows as a plan's table, every break labelled short."""
    labelled = [(a, kind, item, "short" if kind == "break" else None, s, e) for a, kind, item, s, e in rows]
    return pl.DataFrame(labelled, schema=SLOTS, orient="row")


def planned(instance: Instance, slots: pl.DataFrame) -> pl.DataFrame:
    """The slots that are not fixed: each fixed row takes one like it away."""
    columns = ["auditor", "kind", "item", "start", "end"]
    nth = pl.int_range(pl.len()).over(columns).alias("nth")
    numbered = slots.with_columns(nth)
    standing = instance.fixed.with_columns(nth).select([*columns, "nth"])
    return numbered.join(standing, on=[*columns, "nth"], how="anti", nulls_equal=True).drop("nth")
