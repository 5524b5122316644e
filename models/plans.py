"""A plan between its memory form and its rows: `plan`, `slot` and `unplanned`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import polars as pl
from sqlalchemy import Connection, text

from allocator.plan import SLOTS, UNPLANNED, Certificate, Plan, Prices
from models.frames import copy_out

PLAN = text("""
    select plan.work_date, work_day.name, goals, bounds, certificate, counts, seconds
    from plan join work_day on work_day.work_date = plan.work_date
    where plan.id = :plan
""")
# As they were published: whatever was moved since has its first times, and what was added since is left out.
SLOTS_OF_PLAN = """
    select auditor, kind, item, label,
           extract(epoch from coalesce(published_start, planned_start))::bigint,
           extract(epoch from coalesce(published_end, planned_end))::bigint
    from slot where plan = %(plan)s and placed_at is null and not id = any (%(aside)s::bigint[])
"""
UNPLANNED_OF_PLAN = """
    select item, missing, ruled_out::text, sentence from unplanned join item on item.id = unplanned.item
    where plan = %(plan)s order by item.position
"""


def plan_as_made(connection: Connection, plan: int, fixed: pl.DataFrame, aside: Sequence[int] = ()) -> Plan:
    """The plan as it was published, with the slots (FIXED) that stood then, whatever became of it since.
    `aside` are slots that stood beside it: they came with it and are none of its own."""
    own = copy_out(connection, SLOTS_OF_PLAN, {"plan": plan, "aside": list(aside)}, SLOTS)
    standing = fixed.with_columns(label=pl.lit(None, pl.String())).select(list(SLOTS))
    slots = pl.concat([own, standing])
    return plan_with(connection, plan, slots.sort("auditor", "start", "end", "kind", maintain_order=True))


def plan_with(connection: Connection, plan: int, slots: pl.DataFrame) -> Plan:
    """What is kept of a plan beside its slots, with these."""
    row = connection.execute(PLAN, {"plan": plan}).one()
    return Plan(
        instance=row.name,
        work_date=row.work_date,
        goals={name: float(value) for name, value in row.goals.items()},
        bounds={name: float(value) for name, value in row.bounds.items()},
        certificate=certificate_from(row.certificate),
        counts=row.counts,
        seconds=row.seconds,
        slots=slots,
        unplanned=copy_out(connection, UNPLANNED_OF_PLAN, {"plan": plan}, UNPLANNED),
    )


def certificate_text(certificate: Certificate) -> str:
    """JSON: prices are integers of any size, which a database's numbers are not."""
    return json.dumps(
        {
            "scale": certificate.scale,
            "escalations": _prices(certificate.escalations),
            "coverage": _prices(certificate.coverage),
            "g1": certificate.g1,
        },
        default=int,
    )


def certificate_from(document: str) -> Certificate:
    given = json.loads(document)
    return Certificate(
        scale=given["scale"],
        escalations=Prices(**given["escalations"]),
        coverage=Prices(**given["coverage"]),
        g1=given["g1"],
    )


def _prices(prices: Prices) -> dict[str, Any]:
    return {"time": prices.time, "limits": prices.limits}
