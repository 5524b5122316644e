"""Somebody who was noted as absent or late is there as their shift says."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Engine, text

from models import audit
from models.actions.ask_replan import ask_replan
from models.actions.hold_shift import Presence, hold_shift, is_absent, presence
from models.actions.notify import notify
from models.actor import Actor
from models.refusal import Refusal

PRESENT = text("""
    update shift set available_from = null, available_until = null
    where auditor = :auditor and work_date = :work_date
""")


def mark_present(engine: Engine, actor: Actor, auditor: str, work_date: date, now: datetime) -> Presence:
    """Undo `mark_absent` and `arrive_late`: from now on work is planned for this person again.

    Who has ended their day is not called back. Saying it again changes nothing.

    Raises:
        Refusal: `not-found`; `conflict` where the shift is over, or the person has ended their day.
    """
    with engine.begin() as connection:
        shift = hold_shift(connection, actor, auditor, work_date, now)
        if shift.available_until is not None and not is_absent(shift):
            raise Refusal("conflict", "They have ended their day.")
        if shift.available_until is None and shift.available_from is None:
            return presence(connection, shift)
        connection.execute(PRESENT, {"auditor": auditor, "work_date": work_date})
        sentence = f"You are noted as present on {work_date.isoformat()}: work is planned for you again."
        notify(connection, f"auditor:{auditor}", work_date, "shift-present", sentence, now)
        subject = f"shift:{work_date.isoformat()}:{auditor}"
        audit.record(connection, actor, "mark_present", subject, now)
        ask_replan(connection, actor, work_date, "late-arrival", now)
        return presence(connection, shift)
