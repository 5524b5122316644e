"""A person takes a break that nobody planned; a review that runs is paused for it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Engine, text

from models import audit
from models.actions.hold_person import hold_person
from models.actions.pause import pause_running
from models.actor import Actor
from models.queries.my_slot import MySlot, my_slot, not_before_the_last, running
from models.refusal import Refusal

ESTIMATE = timedelta(minutes=10)
"""After which others may reckon with the end of a break; it lasts until its person ends it."""

SHIFT = text("""
    select work_date from shift
    where auditor = :auditor and there_from(shift) <= :now and there_until(shift) > :now
    order by shift_start limit 1
""")
TAKE = text("""
    insert into slot (auditor, work_date, kind, planned_start, planned_end, state, started_at)
    values (:auditor, :work_date, 'break', :at, :planned_end, 'started', :at) returning id
""")


def take_break(engine: Engine, actor: Actor, now: datetime) -> MySlot:
    """Begin a break now. While one runs, planned or not, this gives that one: repeating it is safe.

    While a review runs, pausing it is the break: this gives the paused review, wherever the shift is.

    Raises:
        Refusal: `conflict` outside the shift.
    """
    with engine.begin() as connection:
        hold_person(connection, actor.subject)
        now_at = running(connection, actor.subject)
        if now_at is not None:
            return now_at if now_at.kind == "break" else pause_running(connection, actor, now_at, now)
        work_date = connection.execute(SHIFT, {"auditor": actor.subject, "now": now}).scalar()
        if work_date is None:
            raise Refusal("conflict", "You are not on shift: this time is your own.")
        at = not_before_the_last(connection, actor.subject, work_date, now)
        row = {"auditor": actor.subject, "work_date": work_date, "at": at, "planned_end": at + ESTIMATE}
        slot: int = connection.execute(TAKE, row).scalar_one()
        audit.record(connection, actor, "take_break", f"slot:{slot}", now)
        return my_slot(connection, actor.subject, slot)
