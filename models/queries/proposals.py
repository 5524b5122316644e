"""Proposals to raise a limit, for those who decide."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from sqlalchemy import Connection, text

from models.queries.limits import UNITS

State = Literal["pending", "approved", "refused", "withdrawn"]
STATES: tuple[State, ...] = get_args(State)

COLUMNS = """
    p.id, p.limit_key as key, p.amount, p.reason, p.proposed_by, p.proposed_at, p.state, p.decided_by,
    p.decided_at, l.scope, l.amount as amount_now, l.ceiling, u.measure
    from limit_proposal p
    join exposure_limit l on l.key = p.limit_key
    join exposure_use u on u.id = l.use
"""
LISTED = text(f"""
    select {COLUMNS}
    where p.state = :state and (cast(:before as bigint) is null or p.id < :before)
    order by p.id desc limit :rows
""")
ONE = text(f"select {COLUMNS} where p.id = :id")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposed raise; `amount`, `amount_now` (the limit's) and `ceiling` in the limit's unit."""

    id: int
    key: str
    scope: str
    measure: str
    amount_now: int
    amount: int
    ceiling: int | None
    reason: str
    proposed_by: str
    proposed_at: datetime
    state: State
    decided_by: str | None
    decided_at: datetime | None

    @property
    def unit(self) -> str:
        return f"{UNITS[self.measure]}s"


def proposals(connection: Connection, state: State, before: int | None, rows: int) -> list[Proposal]:
    """The newest first, at most `rows`; those with an id below `before` if that is given."""
    found = connection.execute(LISTED, {"state": state, "before": before, "rows": rows})
    return [Proposal(**row._mapping) for row in found]


def proposal_of_id(connection: Connection, proposal: int) -> Proposal | None:
    row = connection.execute(ONE, {"id": proposal}).one_or_none()
    return None if row is None else Proposal(**row._mapping)
