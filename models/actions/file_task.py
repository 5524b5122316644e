"""Filing a task: what a worker is to do, kept until it is done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

FILED = "breakwater_filed"
"""Under this name a connection remembers the tasks filed in its transaction (kind and id), so that somebody
can ring for them once it is committed: `models.doorbell`."""
Filed = tuple[str, int]
"""A task's kind and id."""

FILE = text("""
    insert into task (kind, payload, dedupe_key, run_after, filed_at, rung_at)
    values (:kind, :payload, :dedupe_key, :run_after, :now, :now)
    on conflict (dedupe_key) where state in ('waiting', 'claimed') do nothing
    returning id
""")
LIVE = text("select id from task where dedupe_key = :dedupe_key and state in ('waiting', 'claimed')")


def file_task(
    connection: Connection,
    kind: str,
    payload: Mapping[str, Any],
    dedupe_key: str | None,
    run_after: datetime,
    now: datetime,
) -> tuple[int, bool]:
    """Part of the transaction of the action that wants the task, and of its audit entry.

    Returns the task's id and whether it is new: one that waits or is being done under the same key is not
    filed again. After the commit somebody rings (`models.doorbell`); `rung_at` says so beforehand, and if
    nobody did, the reconciler does.
    """
    row = {
        "kind": kind,
        "payload": Jsonb(payload),
        "dedupe_key": dedupe_key,
        "run_after": run_after,
        "now": now,
    }
    while True:
        made = connection.execute(FILE, row).scalar()
        if made is not None:
            connection.info.setdefault(FILED, []).append((kind, made))
            return made, True
        standing = connection.execute(LIVE, {"dedupe_key": dedupe_key}).scalar()
        if standing is not None:  # else it was done just between the two
            return standing, False
