"""One limit, one person, and entries that fill it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import psycopg
import pytest
from psycopg.types.json import Jsonb

from allocator.rules.policy import Limit, LimitMeasure
from tests.guard.world import DOSE_WEIGHTS, FIRST, Entry, Place, add_people, add_slots, put_in_force

AMOUNT = 10
"""Of every limit here: seconds, items or points."""
WEEK = tuple(FIRST + timedelta(days) for days in range(-6, 7))


def one_limit(
    measure: LimitMeasure = "seconds", window_days: int = 1, scope: str = "org", amount: int = AMOUNT
) -> Limit:
    """A limit on everything from severity 1 on."""
    return Limit(
        "only", min_severity=1, scope=scope, measure=measure, window_days=window_days, amount=amount,
        ceiling=2 * amount,
    )  # fmt: skip


def prepare(
    connection: psycopg.Connection, *limits: Limit, people: int = 1, dates: tuple[date, ...] = WEEK
) -> dict[tuple[str, date], list[Place]]:
    """A day with these limits. Everybody has two slots a date: one not started, one over."""
    names = [f"p{i:02}" for i in range(1, people + 1)]
    with connection.transaction():
        connection.execute("select set_dose_weights(%s)", [Jsonb(DOSE_WEIGHTS)])
        for position, limit in enumerate(limits):
            put_in_force(connection, limit, position)
        add_people(connection, names)
        places = add_slots(connection, names, dates, 2)
    return {
        (name, day): [place for place in places if (place.auditor, place.work_date) == (name, day)]
        for name in names
        for day in dates
    }


def whole(entry: str, place: Place, measure: LimitMeasure = "seconds") -> Entry:
    """All that `one_limit` allows. 40 s of live video at severity 4 would be 8000 units; of video, 6000."""
    seconds, items = {"seconds": (AMOUNT, 0), "items": (0, AMOUNT), "dose": (40, 0)}[measure]
    slot = None if entry == "history" else place.slot
    return Entry(place.auditor, place.work_date, entry, "violence", 4, "video", seconds, items, slot)


def least(entry: str, place: Place, measure: LimitMeasure = "seconds") -> Entry:
    """The least that counts: a second, an item, or a second of text at severity 1."""
    seconds, items = (0, 1) if measure == "items" else (1, 0)
    slot = None if entry == "history" else place.slot
    return Entry(place.auditor, place.work_date, entry, "violence", 1, "text", seconds, items, slot)


@contextmanager
def refused(sqlstate: str) -> Iterator[pytest.ExceptionInfo[psycopg.Error]]:
    """What happens in the block is refused by the database, with this SQLSTATE."""
    with pytest.raises(psycopg.Error) as caught:
        yield caught
    assert caught.value.sqlstate == sqlstate, caught.value
