"""A person goes home before their shift is over. No reason is asked, and it is always allowed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Engine, text

from models import audit
from models.actions.ask_replan import ask_replan
from models.actions.hold_person import hold_person
from models.actions.let_go import let_go
from models.actor import SYSTEM, Actor
from models.queries.my_slot import running
from models.refusal import Refusal

# Every shift that has begun, and is not over for longer than a day: who says it again later, or after their
# shift has ended by itself, is told since when it is over. Where zones differ, two may overlap.
SHIFTS = text("""
    select work_date, there_until(shift) as until from shift
    where auditor = :auditor
      and (work_date = cast(:running as date)
           or shift_start <= :now and shift_end > cast(:now as timestamptz) - interval '24 hours')
    order by shift_start desc
""")
LEAVE = text("""
    update shift set available_until = :at where auditor = :auditor and work_date = :work_date
""")
WITHDRAW = text("""
    update slot set state = 'withdrawn'
    where auditor = :auditor and work_date = any (:dates) and state = 'planned'
    returning id, item
""")


@dataclass(frozen=True, slots=True)
class DayEnded:
    """The day that is over, and since when."""

    work_date: date
    until: datetime


def end_day(engine: Engine, actor: Actor, now: datetime) -> DayEnded:
    """End one's own working day now: what runs ends, what is still planned goes to others. Saying it again
    is safe and changes nothing.

    A review that runs, paused or not, goes back with what is known of it; who has done it completes it first
    (or afterwards, if nobody else has it by then). A break that runs ends.

    Raises:
        Refusal: `conflict` where no shift has begun, or the last is over for more than a day.
    """
    with engine.begin() as connection:
        hold_person(connection, actor.subject)
        at = now.replace(microsecond=0)
        runs = running(connection, actor.subject)
        asked = {"auditor": actor.subject, "now": now, "running": None if runs is None else runs.work_date}
        shifts = connection.execute(SHIFTS, asked).all()
        if not shifts:
            raise Refusal("conflict", "You are not on shift: this time is your own.")
        ending = [shift.work_date for shift in shifts if shift.until > at]
        last = shifts[0]
        ended = DayEnded(last.work_date, min(last.until, at))
        if runs is None and not ending:
            return ended
        for work_date in ending:
            connection.execute(LEAVE, {"auditor": actor.subject, "work_date": work_date, "at": at})
        dates = sorted({*ending, *([] if runs is None else [runs.work_date])})
        withdrawn = connection.execute(WITHDRAW, {"auditor": actor.subject, "dates": dates}).all()
        audit.record(
            connection,
            actor,
            "end_day",
            f"auditor:{actor.subject}",
            now,
            dates=[work_date.isoformat() for work_date in dates],
            ended=None if runs is None else runs.slot,
            withdrawn=len(withdrawn),
        )
        for work_date in dates:
            # Who asks for a plan is shown to others; who went home is not.
            ask_replan(connection, SYSTEM, work_date, "day-ended", now)
        items = [row.item for row in withdrawn if row.item is not None]
        let_go(connection, [row.id for row in withdrawn], items, runs, now)
        return ended
