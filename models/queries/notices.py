"""What somebody is told: the notices to one or several addressees, in the order in which they were committed.

A notice is called by its `number`. Numbers are given at the commit, so whoever has seen one could have seen
every lower one; they have gaps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from models.actor import Actor

NEWEST = "select coalesce(max(number), 0) as newest from notice"
COLUMNS = "number, addressee, work_date, kind, sentence, detail, at, seen_at"
# What was seen counts as told up to `seen_until`.
AFTER = f"""
    select {COLUMNS} from notice
    where addressee = any (%(addressees)s) and number > %(after)s
        and (seen_at is null or number > %(seen_until)s)
    order by number limit %(rows)s
"""
LATEST = f"""
    select * from (
        select {COLUMNS} from notice
        where addressee = any (%(addressees)s) and number is not null
        order by number desc limit %(rows)s
    ) latest
    order by number
"""


@dataclass(frozen=True, slots=True, repr=False)
class Notice:
    """`detail` names slots, items or a plan; `seen_at` is when an auditor marked it as seen."""

    number: int
    addressee: str
    work_date: date | None
    kind: str
    sentence: str
    detail: Mapping[str, Any]
    at: datetime
    seen_at: datetime | None


def addressees(actor: Actor) -> tuple[str, ...]:
    """As whom this actor is told things."""
    if actor.persona == "auditor":
        return (f"auditor:{actor.subject}",)
    if actor.persona == "lead":
        return tuple(f"team:{team}" for team in actor.teams)
    if actor.persona in ("wellbeing", "operations"):
        return (actor.persona,)
    return ()


def newest(connection: Connection[Any]) -> int:
    """The highest number of all; 0 if there is none."""
    return int(connection.cursor(row_factory=dict_row).execute(NEWEST).fetchall()[0]["newest"])


def latest(connection: Connection[Any], told: Sequence[str], rows: int) -> list[Notice]:
    """The last `rows` of them, the newest last."""
    return _found(connection, LATEST, {"addressees": list(told), "rows": rows})


def after(
    connection: Connection[Any], told: Sequence[str], number: int, rows: int, seen_until: int = 0
) -> list[Notice]:
    """The first `rows` with a higher number, the newest last; without those up to `seen_until` that were
    marked as seen."""
    asked = {"addressees": list(told), "after": number, "rows": rows, "seen_until": seen_until}
    return _found(connection, AFTER, asked)


def _found(connection: Connection[Any], statement: str, asked: dict[str, Any]) -> list[Notice]:
    cursor = connection.cursor(row_factory=dict_row)
    return [Notice(**row) for row in cursor.execute(statement, asked).fetchall()]
