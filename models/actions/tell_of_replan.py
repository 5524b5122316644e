"""Everybody whose queue a new plan changes is told what has changed, and why."""

from __future__ import annotations

import json
from datetime import date, datetime

import polars as pl
from sqlalchemy import Connection, text

from allocator.figures import several
from allocator.moment.words import clock
from models.frames import copy_in

KIND = "day-replanned"
TEAM = "the team's day has changed"
WHY = {
    "absence": TEAM,
    "late-arrival": TEAM,
    "day-ended": TEAM,
    "limit-lowered": "the limits have changed",
    "item-withdrawn": "some work is not wanted any more",
    "day-loaded": "the day's work has changed",
    "surge": "more urgent work has come",
}
"""By the plan's reason, what others may know of it: never who is absent, or whose limit it is."""
OTHERWISE = "the day was planned anew"

ZONES = text("select auditor, timezone from shift where work_date = :work_date")


def tell_of_replan(
    connection: Connection, work_date: date, told: pl.DataFrame, reason: str | None, now: datetime
) -> None:
    """Part of the publication. `told` is `merging.TOLD`: a row for each person whose queue has changed."""
    if told.is_empty():
        return
    zones = {row.auditor: row.timezone for row in connection.execute(ZONES, {"work_date": work_date})}
    why = WHY.get(reason or "", OTHERWISE)
    rows = [
        (
            f"auditor:{auditor}",
            work_date,
            KIND,
            sentence(why, added, gone, moved, clock(since, zones.get(auditor, "UTC"))),
            json.dumps({"added": added, "taken_away": gone, "moved": moved, "since": since}),
            int(now.timestamp()),
        )
        for auditor, added, gone, moved, since in told.iter_rows()
    ]
    schema = {
        "addressee": pl.String(),
        "work_date": pl.Date(),
        "kind": pl.String(),
        "sentence": pl.String(),
        "detail": pl.String(),
        "at": pl.Int64(),
    }
    copy_in(connection, "notice", pl.DataFrame(rows, schema=schema, orient="row"), ("at",))


def sentence(why: str, added: int, gone: int, moved: int, since: str) -> str:
    """`Your plan has changed because the team's day has changed: 2 reviews added, 1 taken away, 5 at other
    times, from 13:40.`"""
    counts = [
        (added, "added"),
        (gone, "taken away"),
        (moved, "at other times" if moved > 1 else "at another time"),
    ]
    parts = [(number, what) for number, what in counts if number]
    if not parts:
        return f"Your plan has changed because {why}: breaks at other times, from {since}."
    (first, what), *others = parts
    said = [f"{several(first, 'review')} {what}", *(f"{number} {what}" for number, what in others)]
    return f"Your plan has changed because {why}: {', '.join(said)}, from {since}."
