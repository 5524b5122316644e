"""A day and its plan as they are in the database, in the form of the files: a stranger can check them.

The plan is the one in force, as it was made: slots that were withdrawn, moved, begun or skipped since come
with the times they were planned for. The day is what that plan was made from: its policy with the limits of
that moment, the ledger as it was then, and the items that it planned or left out. People and items come from
their rows as they are now; where those were changed since, `changed` says so and the plan need not hold.

A plan that was made while people worked may have come into force without what it said for some of them,
whose day had moved on meanwhile: `left_alone` people kept what they had, and `dropped` reviews of others were
theirs already. Then this is the plan as made and checked, and people's queues differ from it by that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl
from sqlalchemy import Connection, text

from allocator.files.instants import instant_from_text
from allocator.files.json_text import parse
from allocator.instance import AUDITORS, FIXED, ITEMS, Instance
from allocator.plan import Plan
from models.frames import copy_out
from models.plans import plan_as_made
from models.policy_in_force import declared
from models.snapshot import (
    AUDITORS_OF_DAY,
    BESIDE,
    at_these_times,
    longest_window,
    read_history,
    read_inputs,
)

PLAN = text("""
    select plan.id, plan.version, plan.document, plan.beside, plan.ledger_snapshot::text as ledger_snapshot,
           plan.left_alone, plan.dropped, plan.input_version <> work_day.input_version as changed
    from plan join work_day on work_day.work_date = plan.work_date
    where plan.work_date = :work_date and plan.state = 'published'
""")
ITEMS_OF_PLAN = """
    select id, kind, market, language, category, severity, modality, seconds,
           case when only_for = '{}' then reviews else cardinality(only_for) end, priority,
           extract(epoch from release)::bigint, extract(epoch from due)::bigint, stratum, draw,
           to_json(excluded), to_json(only_for)
    from item
    where id in (
        select item from slot
        where plan = %(plan)s and kind = 'work' and placed_at is null and not id = any (%(aside)s::bigint[])
    )
       or id in (select item from unplanned where plan = %(plan)s)
       or id = any (%(begun)s)
    order by position
"""


@dataclass(frozen=True, slots=True)
class Exported:
    """`plan` and `version` are None where no plan of that date is in force."""

    instance: Instance
    plan: Plan | None
    version: int | None
    changed: bool
    left_alone: int = 0
    dropped: int = 0


def read_published(connection: Connection, work_date: date, now: datetime) -> Exported:
    """The day and the plan in force; without a plan the day as it would be planned now.

    `connection` sees one moment (`snapshot_transaction`). Raises Refusal (not-found) for an unknown date.
    """
    row = connection.execute(PLAN, {"work_date": work_date}).one_or_none()
    if row is None:
        return Exported(read_inputs(connection, work_date, now).instance, None, None, False)
    document = parse(row.document)
    assert isinstance(document, dict)
    policy = declared(document["policy"])
    fixed = pl.DataFrame(row.beside["fixed"], schema=FIXED, orient="row")
    people = pl.Series(row.beside["auditors"], dtype=pl.String).implode()
    aside = row.beside.get("aside", [])
    shifts = copy_out(connection, AUDITORS_OF_DAY, {"work_date": work_date}, AUDITORS)
    auditors = at_these_times(shifts, row.beside.get("shifts", {}))
    history = read_history(connection, work_date, longest_window(policy), row.ledger_snapshot)
    instance = Instance(
        name=document["name"],
        work_date=work_date,
        policy=policy,
        now=instant_from_text(document["now"]) if "now" in document else None,
        auditors=auditors.filter(pl.col("id").is_in(people)),
        items=_items(connection, row.id, fixed, aside, row.beside["items"]),
        history=history.filter(pl.col("auditor").is_in(people)),
        fixed=fixed,
        document=document,
    )
    return Exported(
        instance,
        plan_as_made(connection, row.id, fixed, aside),
        row.version,
        row.changed,
        row.left_alone or 0,
        row.dropped or 0,
    )


def _items(
    connection: Connection,
    plan: int,
    fixed: pl.DataFrame,
    aside: Sequence[int],
    beside: dict[str, dict[str, Any]],
) -> pl.DataFrame:
    """The plan's items, each wanted as often and of the same people as when it was planned."""
    begun = fixed["item"].drop_nulls().to_list()
    items = copy_out(connection, ITEMS_OF_PLAN, {"plan": plan, "begun": begun, "aside": aside}, ITEMS)
    if not beside:
        return items
    asked = pl.DataFrame(
        [{"id": item, **as_asked} for item, as_asked in beside.items()],
        schema={"id": ITEMS["id"], **{name: ITEMS[name] for name in BESIDE}},
    )
    return items.update(asked, on="id").select(list(ITEMS))
