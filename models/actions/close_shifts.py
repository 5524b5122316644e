"""A shift is over: what its person did not come to is given back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, text

from models import audit
from models.actor import Actor

AT_ONCE = 200
"""People in one transaction: their guards are held for no longer than that takes."""

OVER = text("""
    select distinct slot.auditor from slot
    join shift on shift.auditor = slot.auditor and shift.work_date = slot.work_date
    where slot.state = 'planned' and shift.shift_end <= :now
    order by slot.auditor limit :most
""")
LOCK = text("select lock_guards(:people)")
# One statement, so that nobody sees a slot gone and its reservation still there.
CLOSE = text("""
    with closed as (
        update slot set state = 'withdrawn'
        from shift
        where slot.auditor = any (:people) and slot.state = 'planned'
          and shift.auditor = slot.auditor and shift.work_date = slot.work_date and shift.shift_end <= :now
        returning slot.id, slot.auditor, slot.work_date, slot.kind
    ), given_back as (
        insert into ledger (at, auditor, work_date, entry, category, severity, modality, seconds, items, slot)
        select :now, auditor, closed.work_date, 'release', category, severity, modality, seconds, items, id
        from closed cross join lateral slot_reserved(closed.id, closed.work_date)
    )
    select count(*) from closed
""")


def close_shifts(engine: Engine, actor: Actor, now: datetime) -> int:
    """Withdraw what is still planned in shifts that have ended and release its reservations; how many slots.

    A review that was planned for somebody who did not come then no longer counts towards their limits, and
    an escalation can be planned again. What has started stays as it is. Safe to repeat, and to run twice.
    """
    closed = 0
    while True:
        with engine.begin() as connection:
            people = connection.execute(OVER, {"now": now, "most": AT_ONCE}).scalars().all()
            if not people:
                return closed
            connection.execute(LOCK, {"people": list(people)})
            slots: int = connection.execute(CLOSE, {"people": list(people), "now": now}).scalar_one()
            closed += slots
            if slots:
                audit.record(
                    connection, actor, "close_shifts", "shifts", now, people=len(people), slots=slots
                )
