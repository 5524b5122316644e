"""A person goes home before their shift is over. No reason is asked, and it is always allowed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, Engine, text

from models import audit
from models.actions.ask_replan import ask_replan
from models.actions.give_back import give_back
from models.actions.hold_person import hold_person
from models.actions.place_again import place_again
from models.actions.release_reserved import release_reserved
from models.actor import SYSTEM, Actor
from models.queries.my_slot import running
from models.refusal import Refusal

# The shift that began last, if it is not long over: who says it again later, or after their shift has ended
# by itself, is told since when it is over. Else the one of what still runs.
SHIFT = text("""
    select work_date, least(shift_end, available_until) as until from shift
    where auditor = :auditor
      and (work_date = cast(:running as date)
           or shift_start <= :now and shift_end > cast(:now as timestamptz) - interval '24 hours')
    order by shift_start desc limit 1
""")
END_BREAK = text("update slot set state = 'done', ended_at = greatest(started_at, :at) where id = :slot")
LEAVE = text("""
    update shift set available_until = :at where auditor = :auditor and work_date = :work_date
""")
WITHDRAW = text("""
    update slot set state = 'withdrawn'
    where auditor = :auditor and work_date = :work_date and state = 'planned'
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
        Refusal: `conflict` outside the shift.
    """
    with engine.begin() as connection:
        hold_person(connection, actor.subject)
        at = now.replace(microsecond=0)
        work_date, until = _shift(connection, actor, now)
        runs = running(connection, actor.subject)
        if runs is None and until <= now:
            return DayEnded(work_date, until)
        if until > at:
            until = at
            connection.execute(LEAVE, {"auditor": actor.subject, "work_date": work_date, "at": at})
        if runs is not None and runs.kind == "work":
            give_back(connection, runs, None, "day", now)
        elif runs is not None:
            connection.execute(END_BREAK, {"slot": runs.slot, "at": at})
        withdrawn = _withdraw(connection, actor.subject, work_date, now)
        audit.record(
            connection,
            actor,
            "end_day",
            f"auditor:{actor.subject}",
            now,
            work_date=work_date.isoformat(),
            ended=None if runs is None else runs.slot,
            withdrawn=withdrawn,
        )
        # Who asks for a plan is shown to others; who went home is not.
        ask_replan(connection, SYSTEM, work_date, "day-ended", now)
        return DayEnded(work_date, until)


def _shift(connection: Connection, actor: Actor, now: datetime) -> tuple[date, datetime]:
    """The day that is meant, and until when this person is there."""
    runs = running(connection, actor.subject)
    asked = {"auditor": actor.subject, "now": now, "running": None if runs is None else runs.work_date}
    row = connection.execute(SHIFT, asked).one_or_none()
    if row is None:
        raise Refusal("conflict", "You are not on shift: this time is your own.")
    return row.work_date, row.until


def _withdraw(connection: Connection, auditor: str, work_date: date, now: datetime) -> int:
    """What has not begun; how many slots."""
    gone = connection.execute(WITHDRAW, {"auditor": auditor, "work_date": work_date}).all()
    release_reserved(connection, [row.id for row in gone], now)
    place_again(connection, [row.item for row in gone if row.item is not None], now)
    return len(gone)
