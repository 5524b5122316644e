"""The audit trail: who did what to what, written in the transaction that does it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from models.actor import Actor

ENTRY = text(
    "insert into audit (at, actor, verb, subject, detail) values (:at, :actor, :verb, :subject, :detail)"
)


def record(
    connection: Connection, actor: Actor, verb: str, subject: str, now: datetime, **detail: Any
) -> None:
    """One entry. `subject` is a kind and an id such as `plan:7`; `detail` never holds anybody's exposure."""
    row = {"at": now, "actor": actor.name, "verb": verb, "subject": subject, "detail": Jsonb(detail)}
    connection.execute(ENTRY, row)
