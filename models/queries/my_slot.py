"""One of a person's slots as it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from sqlalchemy import Connection, text

from models.refusal import Refusal

COLUMNS = """
    id as slot, work_date, kind, state, item, started_at, ended_at, seen_seconds,
    state = 'started' and is_paused(pauses) as is_paused, leased_until, ended_by
"""
SLOT = text(f"select {COLUMNS} from slot where id = :slot and auditor = :auditor")
WITHDRAWN = "Your plan has changed and this is no longer in it; fetch your queue again."
RUNNING = text(f"select {COLUMNS} from slot where auditor = :auditor and state = 'started'")

LATEST = text("""
    select max(ended_at) from slot
    where auditor = :auditor and work_date = :work_date and started_at is not null
""")


@dataclass(frozen=True, slots=True, repr=False)
class MySlot:
    """`item` of work only; `seen_seconds` of work that has ended, as its person said.

    A review that runs is `started`, paused or not. Unpaused it may be on the screen until `leased_until`.
    `ended_by` is what ended a review that has no outcome.
    """

    slot: int
    work_date: date
    kind: Literal["work", "break", "busy"]
    state: Literal["planned", "started", "done", "skipped", "returned", "withdrawn"]
    item: str | None
    started_at: datetime | None
    ended_at: datetime | None
    seen_seconds: int | None
    is_paused: bool = False
    leased_until: datetime | None = None
    ended_by: Literal["person", "limit", "silence", "day"] | None = None


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


def not_before_the_last(connection: Connection, auditor: str, work_date: date, now: datetime) -> datetime:
    """When something that begins now begins, in whole seconds: not before what ended last, even where the
    clock of another server is ahead of this one's."""
    at = now.replace(microsecond=0)
    asked = {"auditor": auditor, "work_date": work_date}
    latest: datetime | None = connection.execute(LATEST, asked).scalar()
    return at if latest is None else max(at, latest)
