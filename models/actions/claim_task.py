"""Claiming a task, and keeping the claim while the work goes on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Engine, TextClause, text

from models import audit
from models.actor import Actor

CLAIM = """
    update task set state = 'claimed', fence = fence + 1, attempts = attempts + 1, lease_until = :until
    where id = (
        select id from task where {wanted} and state = 'waiting' and run_after <= :now
        order by payload ? 'again', run_after, id limit 1 for update skip locked
    )
    returning id, kind, payload, fence, attempts
"""
THIS = text(CLAIM.format(wanted="id = :task"))
NEXT = text(CLAIM.format(wanted="kind = :kind"))
BEGIN = text("update plan set state = 'planning', stage = null where id = :plan and state = 'waiting'")
EXTEND = text("""
    update task set lease_until = :until
    where id = (
        select id from task where id = :task and fence = :fence and state = 'claimed' for update skip locked
    )
    returning id
""")
STANDS = text("select state, fence from task where id = :task")

Held = Literal["held", "ended", "lost"]


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do a task, until somebody else claims it. `fence` is what every write has to show."""

    task: int
    kind: str
    payload: dict[str, Any]
    fence: int
    attempts: int


def claim_task(engine: Engine, actor: Actor, task: int, lease_seconds: float, now: datetime) -> Claim | None:
    """The claim, or None: done already, being done, not due yet, or no such task. Rings are only hints."""
    return _claim(engine, actor, THIS, {"task": task}, lease_seconds, now)


def claim_next(engine: Engine, actor: Actor, kind: str, lease_seconds: float, now: datetime) -> Claim | None:
    """The task of this kind that has been due for longest, if one waits, and what is only tried again after
    all else: for whoever is at it already."""
    return _claim(engine, actor, NEXT, {"kind": kind}, lease_seconds, now)


def _claim(
    engine: Engine,
    actor: Actor,
    statement: TextClause,
    wanted: dict[str, Any],
    lease_seconds: float,
    now: datetime,
) -> Claim | None:
    until = now + timedelta(seconds=lease_seconds)
    with engine.begin() as connection:
        row = connection.execute(statement, wanted | {"until": until, "now": now}).one_or_none()
        if row is None:
            return None
        claim = Claim(row.id, row.kind, row.payload, row.fence, row.attempts)
        if claim.kind == "plan":
            connection.execute(BEGIN, {"plan": claim.payload["plan"]})
        audit.record(connection, actor, "claim_task", f"task:{row.id}", now, attempts=row.attempts)
        return claim


def extend_lease(engine: Engine, claim: Claim, lease_seconds: float, now: datetime) -> Held:
    """Says that the claim's holder is still at it. No audit entry: nothing is decided.

    `ended`: the task is done or parked, by this claim's holder. `lost`: another has it, or it waits again.
    """
    until = now + timedelta(seconds=lease_seconds)
    with engine.begin() as connection:
        row = {"task": claim.task, "fence": claim.fence, "until": until}
        if connection.execute(EXTEND, row).scalar() is not None:
            return "held"
        stands = connection.execute(STANDS, {"task": claim.task}).one_or_none()
        if stands is None or stands.fence != claim.fence or stands.state == "waiting":
            return "lost"
        # Still claimed, but locked: its holder is just publishing.
        return "held" if stands.state == "claimed" else "ended"
