"""Plans of a work date: those asked for, in the making, in force and superseded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from models.queries.disclosure import FEWEST

# Of few people, how heavy their exposure is says how heavy somebody's is.
COLUMNS = f"""
    select id, work_date, version, state, stage, reason, requested_at, published_at, failure,
           begins_at, case when people >= {FEWEST} then goals else goals - 'exposure' end as goals,
           bounds, counts, seconds, coalesce(left_alone, 0) as left_alone, coalesce(dropped, 0) as dropped
    from plan
"""
ONE = text(f"{COLUMNS} where id = :plan")
OF_DATE = text(f"{COLUMNS} where work_date = :work_date order by id desc limit :most")
MOST = 100
"""Plans of one date that are shown, the newest first."""


@dataclass(frozen=True, slots=True)
class PlanState:
    """`version` from 1, none before it is published; `failure` a sentence; figures as in `plan.json`, but
    without the goal `exposure` where it is that of fewer than eleven people.

    `reason` is why it was asked for while its day ran, a word of `ask_replan`. `begins_at` is the instant
    from which it plans; what people will have begun by then stands. `left_alone` people keep what they had,
    as their day had moved on while it was made, and `dropped` reviews of others were theirs already.
    """

    id: int
    work_date: date
    version: int | None
    state: str
    stage: str | None
    reason: str | None
    requested_at: datetime
    published_at: datetime | None
    failure: str | None
    begins_at: datetime | None
    goals: dict[str, float] | None
    bounds: dict[str, float] | None
    counts: dict[str, int] | None
    seconds: dict[str, float] | None
    left_alone: int
    dropped: int


def plan(connection: Connection, wanted: int) -> PlanState | None:
    row = connection.execute(ONE, {"plan": wanted}).one_or_none()
    return None if row is None else _state(row)


def plans(connection: Connection, work_date: date) -> list[PlanState]:
    """The newest request first, at most `MOST`."""
    return [_state(row) for row in connection.execute(OF_DATE, {"work_date": work_date, "most": MOST})]


def _state(row: Row[Any]) -> PlanState:
    return PlanState(**row._mapping)
