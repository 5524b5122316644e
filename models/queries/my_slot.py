"""One of a person's slots as it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from sqlalchemy import Connection, text

from models.refusal import Refusal

COLUMNS = "id as slot, work_date, kind, state, item, started_at, ended_at, seen_seconds"
SLOT = text(f"select {COLUMNS} from slot where id = :slot and auditor = :auditor")
WITHDRAWN = "Your plan has changed and this is no longer in it; fetch your queue again."
RUNNING = text(f"select {COLUMNS} from slot where auditor = :auditor and state = 'started'")


@dataclass(frozen=True, slots=True, repr=False)
class MySlot:
    """`item` of work only; `seen_seconds` of work that has ended, as its person said."""

    slot: int
    work_date: date
    kind: Literal["work", "break", "busy"]
    state: Literal["planned", "started", "done", "skipped", "withdrawn"]
    item: str | None
    started_at: datetime | None
    ended_at: datetime | None
    seen_seconds: int | None


def my_slot(connection: Connection, auditor: str, slot: int) -> MySlot:
    """
    Raises:
        Refusal: `not-found`, also where it is somebody else's: nobody learns that it exists.
    """
    row = connection.execute(SLOT, {"slot": slot, "auditor": auditor}).one_or_none()
    if row is None:
        raise Refusal("not-found", "You have no such slot.")
    return MySlot(**row._mapping)


def running(connection: Connection, auditor: str) -> MySlot | None:
    """What this person is at now; one thing at most."""
    row = connection.execute(RUNNING, {"auditor": auditor}).one_or_none()
    return None if row is None else MySlot(**row._mapping)
