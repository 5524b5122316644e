"""Plans of a work date: those asked for, in the making, in force and superseded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, text

COLUMNS = """
    select id, work_date, version, state, stage, requested_at, published_at, failure,
           goals, bounds, counts, seconds
    from plan
"""
ONE = text(f"{COLUMNS} where id = :plan")
OF_DATE = text(f"{COLUMNS} where work_date = :work_date order by id desc limit :most")
MOST = 100
"""Plans of one date that are shown, the newest first."""


@dataclass(frozen=True, slots=True)
class PlanState:
    """`version` from 1, none before it is published; `failure` a sentence; figures as in `plan.json`."""

    id: int
    work_date: date
    version: int | None
    state: str
    stage: str | None
    requested_at: datetime
    published_at: datetime | None
    failure: str | None
    goals: dict[str, float] | None
    bounds: dict[str, float] | None
    counts: dict[str, int] | None
    seconds: dict[str, float] | None


def plan(connection: Connection, wanted: int) -> PlanState | None:
    row = connection.execute(ONE, {"plan": wanted}).one_or_none()
    return None if row is None else _state(row)


def plans(connection: Connection, work_date: date) -> list[PlanState]:
    """The newest request first, at most `MOST`."""
    return [_state(row) for row in connection.execute(OF_DATE, {"work_date": work_date, "most": MOST})]


def _state(row: Row[Any]) -> PlanState:
    return PlanState(**row._mapping)
