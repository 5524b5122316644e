"""Claiming a task, and keeping the claim while the work goes on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Engine, text

from models import audit
from models.actor import Actor

CLAIM = text("""
    update task set state = 'claimed', fence = fence + 1, attempts = attempts + 1, lease_until = :until
    where id = (
        select id from task where id = :task and state = 'waiting' and run_after <= :now
        for update skip locked
    )
    returning kind, payload, fence, attempts
""")
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
    until = now + timedelta(seconds=lease_seconds)
    with engine.begin() as connection:
        row = connection.execute(CLAIM, {"task": task, "until": until, "now": now}).one_or_none()
        if row is None:
            return None
        claim = Claim(task, row.kind, row.payload, row.fence, row.attempts)
        if claim.kind == "plan":
            connection.execute(BEGIN, {"plan": claim.payload["plan"]})
        audit.record(connection, actor, "claim_task", f"task:{task}", now, attempts=row.attempts)
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
