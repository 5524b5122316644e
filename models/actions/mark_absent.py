"""Somebody does not come: what was planned for them is planned for others."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Engine, text

from models import audit
from models.actions.ask_replan import ask_replan
from models.actions.hold_shift import (
    Presence,
    hold_shift,
    is_absent,
    left_running,
    presence,
    take_back,
    told_of,
)
from models.actions.let_go import let_go
from models.actions.notify import notify
from models.actor import Actor

# Also for somebody who has worked and will not be back: what they did stays theirs.
ABSENT = text("""
    update shift set available_until = shift_start, available_from = null
    where auditor = :auditor and work_date = :work_date
""")


def mark_absent(engine: Engine, actor: Actor, auditor: str, work_date: date, now: datetime) -> Presence:
    """Say that somebody is not there on a date, or not any more. `mark_present` and `arrive_late` undo it.

    A lead says so for teams of their own, operations for everybody. Nobody else is told: others only see that
    their own plan has changed. Saying it again changes nothing, nor does it where the person has ended the
    day themselves.

    Who left with a break running or a review paused is not at work: the break ends, and the review goes back
    as when they end the day themselves.

    Raises:
        Refusal: `not-found`; `conflict` where the shift is over, or a review of theirs is on the screen: who
            is at work is not absent.
    """
    with engine.begin() as connection:
        shift = hold_shift(connection, actor, auditor, work_date, now)
        if is_absent(shift) or shift.there_until <= now:
            return presence(connection, shift)
        left = left_running(connection, shift)
        connection.execute(ABSENT, {"auditor": auditor, "work_date": work_date})
        taken = take_back(connection, shift, None)
        sentence = (
            f"You are noted as absent on {work_date.isoformat()}: nothing is planned for you then any more. "
            f"If that is not so, say it to your lead.{told_of(left)}"
        )
        notify(connection, f"auditor:{auditor}", work_date, "shift-absent", sentence, now, slots=taken.slots)
        subject = f"shift:{work_date.isoformat()}:{auditor}"
        ended = None if left is None else left.slot
        audit.record(connection, actor, "mark_absent", subject, now, slots=len(taken.slots), ended=ended)
        ask_replan(connection, actor, work_date, "absence", now)
        let_go(connection, taken.slots, taken.items, left, now)
        return presence(connection, shift, taken.slots)
