"""Ending a task, in the transaction that does what it was for."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from models.refusal import Refusal

HOLD = text("select id from task where id = :task and fence = :fence and state = 'claimed' for update")
FINISH = text("""
    update task set state = 'done', lease_until = null, ended_at = :now, last_error = null
    where id = :task and fence = :fence and state = 'claimed'
    returning id
""")


def hold_task(connection: Connection, task: int, fence: int) -> None:
    """Lock the claimed task until the transaction ends, so that nobody takes it back meanwhile.

    Raises:
        Refusal: `stale`, if the claim is no longer held.
    """
    if connection.execute(HOLD, {"task": task, "fence": fence}).scalar() is None:
        raise claim_lost()


def finish_task(connection: Connection, task: int, fence: int, now: datetime) -> None:
    """Part of another action's transaction and of its audit entry: the work counts only if this does too.

    Raises:
        Refusal: `stale`, if the claim is no longer held; nothing of the transaction may stand.
    """
    if connection.execute(FINISH, {"task": task, "fence": fence, "now": now}).scalar() is None:
        raise claim_lost()


def claim_lost() -> Refusal:
    return Refusal("stale", "Somebody else has taken over this task.")
