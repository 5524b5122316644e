"""One person's day as it really went up to now, for the rules that are asked at the moment of start."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, text

from allocator.files.json_text import parse
from allocator.moment import Break, Busy, Course, Review, Shift
from allocator.rules.policy import Policy
from models.policy_in_force import declared

RULES = text("select policy.document from installation join policy on policy.id = installation.policy")
# The last work before this shift is what the shift says or what was really done, whichever was later.
SHIFT = text("""
    select extract(epoch from shift_start)::bigint as "start", extract(epoch from shift_end)::bigint as "end",
        extract(epoch from greatest(last_end, (
            select max(ended_at) from slot
            where slot.auditor = shift.auditor and slot.work_date < shift.work_date and slot.kind = 'work'
        )))::bigint as last_end, timezone
    from shift where auditor = :auditor and work_date = :work_date
""")
# A review is what it turned out to be: as it was posted, and of several posts the severest.
HAPPENED = text("""
    select slot.kind, slot.item, floor(extract(epoch from slot.started_at))::bigint as "start",
        ceil(extract(epoch from slot.ended_at))::bigint as "end", slot.seen_seconds,
        coalesce(seen.category, item.category) as category, coalesce(seen.severity, item.severity) as severity
    from slot
    left join item on item.id = slot.item
    left join lateral (
        select category, severity from ledger
        where ledger.slot = slot.id and ledger.work_date = slot.work_date and entry in ('post', 'incident')
        order by severity desc, id desc limit 1
    ) seen on true
    where slot.auditor = :auditor and slot.work_date = :work_date and slot.started_at is not null
    order by slot.started_at, slot.id
""")
AHEAD = text("""
    select extract(epoch from planned_start)::bigint as "start",
        extract(epoch from planned_end)::bigint as "end"
    from slot
    where auditor = :auditor and work_date = :work_date and kind = 'busy' and state = 'planned'
    order by planned_start, id
""")


def day_so_far(connection: Connection, auditor: str, work_date: date) -> Course | None:
    """What the rules say, the shift, and all that was begun in it. None: no shift, or no policy."""
    asked = {"auditor": auditor, "work_date": work_date}
    document = connection.execute(RULES).scalar_one_or_none()
    shift = connection.execute(SHIFT, asked).one_or_none()
    if document is None or shift is None:
        return None
    happened = [_happened(row) for row in connection.execute(HAPPENED, asked)]
    return Course(
        rules(document),
        Shift(**shift._mapping),
        (*happened, *(Busy(row.start, row.end) for row in connection.execute(AHEAD, asked))),
    )


def _happened(row: Row[Any]) -> Review | Break | Busy:
    if row.kind == "break":
        return Break(row.start, row.end)
    if row.kind == "busy":
        return Busy(row.start, row.end)
    return Review(row.category, row.severity, row.start, row.end, row.seen_seconds, row.item)


@lru_cache(maxsize=4)
def rules(document: str) -> Policy:
    """The rules of an adopted policy. Its limits may have changed since; they are asked of the database."""
    found = parse(document)
    assert isinstance(found, dict)
    return declared(found)
