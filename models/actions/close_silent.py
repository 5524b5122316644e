"""Nothing is heard of a review any more: it goes back, and its person is told."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Engine, text

from models import audit
from models.actions.give_back import EndedBy, give_back
from models.actions.hold_person import hold_person
from models.actions.notify import notify
from models.actor import Actor
from models.queries.my_slot import my_slot

SILENCE = timedelta(seconds=900)
"""From the end of a lease until the review goes back. Programs are restarted and networks come back within a
quarter of an hour, so that nobody loses a review for that; an urgent item does not wait for longer."""

SILENT = text("""
    select slot.id, slot.auditor from slot
    left join shift on shift.auditor = slot.auditor and shift.work_date = slot.work_date
    where slot.state = 'started' and slot.kind = 'work'
      and (slot.leased_until < :silent_since or is_paused(slot.pauses) and there_until(shift) <= :now)
    order by slot.id
""")
# Asked again once the person's guard is held: they may have been heard meanwhile.
STILL = text("""
    select case when is_paused(slot.pauses) then 'day' else 'silence' end as ended_by
    from slot
    left join shift on shift.auditor = slot.auditor and shift.work_date = slot.work_date
    where slot.id = :slot and slot.state = 'started'
      and (slot.leased_until < :silent_since or is_paused(slot.pauses) and there_until(shift) <= :now)
""")
TOLD: dict[EndedBy, str] = {
    "silence": "Nothing was heard of your review for some time, so it has gone back. What was on the screen "
    "until then counts, and nothing else follows from it.",
    "day": "Your shift is over, so the review that you had paused has gone back. Nothing follows from it.",
}


def close_silent(engine: Engine, actor: Actor, now: datetime) -> int:
    """Give back the reviews of which nothing was heard since their lease ran out `SILENCE` ago, and the
    paused ones whose person's shift is over; how many.

    Each is a transaction of its own, so that a person waits for nobody else's. Safe to repeat and to run
    twice at once.
    """
    asked = {"silent_since": now - SILENCE, "now": now}
    with engine.connect() as connection:
        silent = connection.execute(SILENT, asked).all()
    return sum(_close(engine, actor, row.auditor, row.id, asked) for row in silent)


def _close(engine: Engine, actor: Actor, auditor: str, slot: int, asked: dict[str, datetime]) -> bool:
    now = asked["now"]
    with engine.begin() as connection:
        hold_person(connection, auditor)
        still = connection.execute(STILL, {**asked, "slot": slot}).one_or_none()
        if still is None:
            return False
        mine = my_slot(connection, auditor, slot)
        give_back(connection, mine, None, still.ended_by, now)
        notify(
            connection,
            f"auditor:{auditor}",
            mine.work_date,
            "review-returned",
            TOLD[still.ended_by],
            now,
            slot=slot,
            item=mine.item,
            why=still.ended_by,
        )
        audit.record(connection, actor, "close_silent", f"slot:{slot}", now, ended_by=still.ended_by)
        return True
