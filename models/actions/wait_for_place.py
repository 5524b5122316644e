"""An escalation has no place yet: it is kept in mind, and tried again by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import Connection, text

from models.actions.notify import notify

# `told_at` stays what it was when leads heard of it first.
EXPLAINED = text("""
    insert into waiting_escalation as known
        (item, since, tried_at, tries, work_date, missing, earliest, ruled_out, sentence, told_at)
    values (:item, :now, :now, 1, :work_date, :missing, :earliest, :ruled_out, :sentence, :now)
    on conflict (item) do update
    set tried_at = excluded.tried_at, tries = known.tries + 1, work_date = excluded.work_date,
        missing = excluded.missing, earliest = excluded.earliest, ruled_out = excluded.ruled_out,
        sentence = excluded.sentence, told_at = coalesce(known.told_at, excluded.told_at)
    returning old.told_at is null as is_new
""")
# What is known of it already says more than this.
FOR_A_PLAN = text("""
    insert into waiting_escalation as known (item, since, tried_at, tries, missing, ruled_out, sentence)
    values (:item, :now, :now, 1, :missing, '{}', :sentence)
    on conflict (item) do update set tried_at = excluded.tried_at, missing = excluded.missing
""")
PARKED = text("""
    insert into waiting_escalation as known
        (item, since, tried_at, tries, missing, ruled_out, sentence, told_at)
    select item.id, :now, :now, 1, item.reviews - live.number, '{}', :sentence, :now
    from item cross join lateral (
        select count(*) as number from slot
        where slot.item = item.id and slot.kind = 'work' and slot.state in ('planned', 'started', 'done')
    ) live
    where item.id = :item and item.withdrawn_at is null and item.reviews > live.number
    on conflict (item) do update
    set tried_at = excluded.tried_at, missing = excluded.missing,
        sentence = case when known.told_at is null then excluded.sentence else known.sentence end,
        told_at = coalesce(known.told_at, excluded.told_at)
""")
TEAMS = text("select distinct team from shift where work_date = :work_date order by team")
NO_PLAN_YET = "No plan that it could go into is in force; the next one takes it up."
UNABLE = "It could not be placed, for a reason that lies with no person; operations have been told."


def wait_for_place(
    connection: Connection,
    item: str,
    work_date: date,
    missing: int,
    earliest: datetime | None,
    ruled_out: Mapping[str, int],
    sentence: str,
    now: datetime,
) -> bool:
    """Nobody can take it safely on this date, and why; whether leads have not heard of it before."""
    row = {
        "item": item,
        "work_date": work_date,
        "missing": missing,
        "earliest": earliest,
        "ruled_out": json.dumps(ruled_out),
        "sentence": sentence,
        "now": now,
    }
    return bool(connection.execute(EXPLAINED, row).scalar_one())


def wait_for_plan(connection: Connection, item: str, missing: int, now: datetime) -> None:
    """There is no plan that it could go into. Nobody is told: that is as it should be in the evening."""
    row = {"item": item, "missing": missing, "sentence": NO_PLAN_YET, "now": now}
    connection.execute(FOR_A_PLAN, row)


def wait_for_operations(connection: Connection, item: str, now: datetime) -> None:
    """Its task was parked."""
    connection.execute(PARKED, {"item": item, "sentence": UNABLE, "now": now})


def tell_that_it_waits_no_longer(
    connection: Connection, work_date: date, items: Sequence[str], now: datetime
) -> None:
    """Leads whose people are on shift then hear that these, of which they were told, have found a place."""
    said = "An escalation that waited has found its place."
    if len(items) > 1:
        said = f"{len(items)} escalations that waited have found their places."
    for team in connection.execute(TEAMS, {"work_date": work_date}).scalars():
        notify(
            connection, f"team:{team}", work_date, "escalation-no-longer-waits", said, now, items=list(items)
        )
