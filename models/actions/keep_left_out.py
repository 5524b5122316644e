"""Escalations that a plan has no place for: they wait for one from its publication on, and leads are told."""

from __future__ import annotations

import json
from datetime import date, datetime

import polars as pl
from sqlalchemy import Connection, text

from allocator.figures import several
from models.actions.notify import notify
from models.actions.wait_for_place import TEAMS, wait_for_place
from models.queries import left_out

# Some may have been given a place while the plan was made.
LACKING = text("""
    select id, language, market from item
    where id = any (:items) and kind = 'escalation' and withdrawn_at is null and reviews > (
        select count(*) from slot
        where slot.item = item.id and slot.kind = 'work' and slot.state in ('planned', 'started', 'done'))
    order by id
""")


def keep_left_out(connection: Connection, work_date: date, unplanned: pl.DataFrame, now: datetime) -> None:
    """Part of the plan's publication, after its slots. `unplanned` (UNPLANNED) is what it leaves out."""
    rows = {row["item"]: row for row in unplanned.iter_rows(named=True)}
    new = 0
    for item, language, market in connection.execute(LACKING, {"items": list(rows)}):
        row = rows[item]
        ruled_out = json.loads(row["ruled_out"])
        sentence = left_out.sentence(left_out.told(ruled_out, apart=False), language, market)
        new += wait_for_place(connection, item, work_date, row["missing"], None, ruled_out, sentence, now)
    if new:
        said = (
            f"The plan of {work_date.isoformat()} has no safe place for {several(new, 'escalation')}; what "
            "waits is tried again by itself."
        )
        for team in connection.execute(TEAMS, {"work_date": work_date}).scalars():
            notify(connection, f"team:{team}", work_date, "escalations-left-out", said, now, count=new)
