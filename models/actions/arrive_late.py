"""Somebody comes later than their shift says."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Engine, text

from allocator.figures import several
from models import audit
from models.actions.ask_replan import ask_replan
from models.actions.hold_shift import (
    Presence,
    hold_shift,
    is_absent,
    left_running,
    on_their_clock,
    presence,
    take_back,
    told_of,
)
from models.actions.let_go import let_go
from models.actions.notify import notify
from models.actor import Actor
from models.refusal import Refusal

LATE = text("""
    update shift set available_from = :arrives, available_until = :until
    where auditor = :auditor and work_date = :work_date
""")


def arrive_late(
    engine: Engine, actor: Actor, auditor: str, work_date: date, arrives_at: datetime, now: datetime
) -> Presence:
    """Say when somebody comes, where that is not when their shift starts; with its start, that they are there
    as planned. Somebody noted as absent comes after all. What was planned before then is taken back.

    For whom, and who is told, is as with `mark_absent`, and so is what becomes of a break that runs or a
    paused review where they come later than now. Saying the same again changes nothing.

    Raises:
        Refusal: `not-found`; `conflict` where the shift is over, the person has ended their day, or is said
            to come later while a review of theirs is on the screen; `invalid` where the shift is over by
            then.
    """
    with engine.begin() as connection:
        shift = hold_shift(connection, actor, auditor, work_date, now)
        absent = is_absent(shift)
        if not absent and shift.there_until <= now:
            raise Refusal("conflict", "They have ended their day.")
        arrives = max(arrives_at, shift.shift_start)
        if arrives >= (shift.shift_end if absent else shift.there_until):
            raise Refusal("invalid", "Their shift is over by then: say that they are absent.", "arrives_at")
        if not absent and arrives == shift.there_from:
            return presence(connection, shift)
        left = left_running(connection, shift) if arrives > now else None
        row = {
            "auditor": auditor,
            "work_date": work_date,
            "arrives": None if arrives == shift.shift_start else arrives,
            "until": None if absent else shift.available_until,
        }
        connection.execute(LATE, row)
        taken = take_back(connection, shift, arrives)
        sentence = f"You are expected at {on_their_clock(shift, arrives)} on {work_date.isoformat()}."
        if taken.reviews:
            sentence += f" {several(taken.reviews, 'review')} before then: not in your plan any more."
        sentence += told_of(left)
        notify(connection, f"auditor:{auditor}", work_date, "shift-late", sentence, now, slots=taken.slots)
        subject = f"shift:{work_date.isoformat()}:{auditor}"
        ended = None if left is None else left.slot
        audit.record(connection, actor, "arrive_late", subject, now, slots=len(taken.slots), ended=ended)
        ask_replan(connection, actor, work_date, "late-arrival", now)
        let_go(connection, taken.slots, taken.items, left, now)
        return presence(connection, shift, taken.slots)
