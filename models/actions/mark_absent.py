"""Somebody does not come: what was planned for them is planned for others."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Engine, text

from models import audit
from models.actions.ask_replan import ask_replan
from models.actions.hold_shift import Presence, hold_shift, is_absent, is_at_work, presence, take_back
from models.actions.notify import notify
from models.actions.release_reserved import release_reserved
from models.actor import Actor
from models.refusal import Refusal

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

    Raises:
        Refusal: `not-found`; `conflict` where the shift is over, or something of theirs runs: who is at work
            is not absent.
    """
    with engine.begin() as connection:
        shift = hold_shift(connection, actor, auditor, work_date, now)
        if is_absent(shift) or shift.there_until <= now:
            return presence(connection, shift)
        if is_at_work(connection, shift):
            raise Refusal("conflict", "They are at work: something of theirs runs.")
        connection.execute(ABSENT, {"auditor": auditor, "work_date": work_date})
        taken = take_back(connection, shift, None, now)
        sentence = (
            f"You are noted as absent on {work_date.isoformat()}: nothing is planned for you then any more. "
            "If that is not so, say it to your lead."
        )
        notify(connection, f"auditor:{auditor}", work_date, "shift-absent", sentence, now, slots=taken.slots)
        subject = f"shift:{work_date.isoformat()}:{auditor}"
        audit.record(connection, actor, "mark_absent", subject, now, slots=len(taken.slots))
        ask_replan(connection, actor, work_date, "absence", now)
        release_reserved(connection, taken.slots, now)
        return presence(connection, shift, taken.slots)
