"""Which tasks the doorbell is to be rung for again. No audit entry: nothing is decided."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Engine, text

from models.actions.file_task import Filed

RINGS = text("""
    update task set rung_at = :now
    where id in (
        select id from task
        where state = 'waiting' and run_after <= :now and (rung_at is null or rung_at < :before)
        order by run_after, id limit :most for update skip locked
    )
    returning id, kind
""")
MOST = 100
"""Rings in one round, so that a long queue does not get longer by its own length every time."""


def note_rings(engine: Engine, silent_for: float, now: datetime) -> list[Filed]:
    """Tasks (kind and id) that could be done and that nobody answered the ring for, in seconds. Of several
    that ask at once, each task goes to one."""
    before = now - timedelta(seconds=silent_for)
    with engine.begin() as connection:
        rows = connection.execute(RINGS, {"now": now, "before": before, "most": MOST}).all()
        return [(row.kind, row.id) for row in sorted(rows)]
