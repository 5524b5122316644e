"""A shift is over: what its person did not come to is given back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, text

from models import audit
from models.actions.notify import notify
from models.actions.place_again import place_again
from models.actions.release_reserved import release_reserved
from models.actor import Actor

AT_ONCE = 200
"""People in one transaction: their guards are held for no longer than that takes."""
OVER_SENTENCE = "Your shift is over: what was left of your plan is not yours any more."

# Reviews that still run are `close_silent`'s, paused or not.
OF_SHIFT = """
    shift.auditor = slot.auditor and shift.work_date = slot.work_date and there_until(shift) <= :now
"""
OVER = text(f"""
    select auditor from (
        select slot.auditor from slot join shift on {OF_SHIFT} where slot.state = 'planned'
        union
        select slot.auditor from slot join shift on {OF_SHIFT}
        where slot.state = 'started' and slot.kind = 'break'
    ) found
    order by auditor limit :most
""")
LOCK = text("select lock_guards(:people)")
WITHDRAW = text(f"""
    update slot set state = 'withdrawn' from shift
    where slot.auditor = any (:people) and slot.state = 'planned' and {OF_SHIFT}
    returning slot.id, slot.auditor, slot.work_date, slot.item
""")
END_BREAKS = text(f"""
    update slot set state = 'done', ended_at = greatest(slot.started_at, there_until(shift)) from shift
    where slot.auditor = any (:people) and slot.state = 'started' and slot.kind = 'break' and {OF_SHIFT}
""")


def close_shifts(engine: Engine, actor: Actor, now: datetime) -> int:
    """Withdraw what is still planned in shifts that have ended and release its reservations, and end breaks
    that were not ended; how many slots.

    A review that was planned for somebody who did not come then no longer counts towards their limits, and
    an escalation can be planned again. A review that runs goes on. Safe to repeat, and to run twice.
    """
    closed = 0
    while True:
        with engine.begin() as connection:
            people = connection.execute(OVER, {"now": now, "most": AT_ONCE}).scalars().all()
            if not people:
                return closed
            slots = _close(connection, people, now)
            closed += slots
            if slots:
                audit.record(
                    connection, actor, "close_shifts", "shifts", now, people=len(people), slots=slots
                )


def _close(connection: Connection, people: Sequence[str], now: datetime) -> int:
    theirs = {"people": list(people), "now": now}
    connection.execute(LOCK, {"people": list(people)})
    left = connection.execute(WITHDRAW, theirs).all()
    breaks = connection.execute(END_BREAKS, theirs).rowcount
    release_reserved(connection, [row.id for row in left], now)
    _tell(connection, left, now)
    place_again(connection, [row.item for row in left if row.item is not None], now)
    return len(left) + breaks


def _tell(connection: Connection, left: Sequence[Row[Any]], now: datetime) -> None:
    days: dict[tuple[str, date], list[int]] = defaultdict(list)
    for row in left:
        days[row.auditor, row.work_date].append(row.id)
    for (auditor, work_date), slots in sorted(days.items()):
        notify(
            connection, f"auditor:{auditor}", work_date, "shift-over", OVER_SENTENCE, now, slots=sorted(slots)
        )
