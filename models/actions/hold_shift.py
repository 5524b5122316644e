"""Somebody's shift, held while a lead or operations say when its person is there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, text

from allocator.moment.words import clock
from models.actions.hold_person import hold_person
from models.actor import Actor
from models.queries.my_slot import MySlot, running
from models.refusal import Refusal

SHIFT = text("""
    select auditor, work_date, team, timezone, shift_start, shift_end, available_from, available_until,
           there_from(shift) as there_from, there_until(shift) as there_until
    from shift where auditor = :auditor and work_date = :work_date
""")
# What is planned before an instant, or all of it.
WITHDRAW = text("""
    update slot set state = 'withdrawn'
    where auditor = :auditor and work_date = :work_date and state = 'planned'
      and planned_start < coalesce(cast(:before as timestamptz), 'infinity')
    returning id, kind, item
""")

There = Literal["absent", "late", "left", "there"]


@dataclass(frozen=True, slots=True)
class Presence:
    """When somebody is there on a date. `absent`: not at all; `late`: from `there_from`, which is after the
    shift's start; `left`: until `there_until`, which they have said themselves; `there`: as the shift says.

    `taken_back` are the slots that this call withdrew."""

    auditor: str
    work_date: date
    there: There
    there_from: datetime
    there_until: datetime
    taken_back: tuple[int, ...] = ()


def hold_shift(
    connection: Connection, actor: Actor, auditor: str, work_date: date, now: datetime
) -> Row[Any]:
    """The shift as it stands (SHIFT), and its person's guard until the transaction ends.

    Raises:
        Refusal: `not-found` where there is none, or it is none of this lead's teams': nobody learns more;
            `conflict` where it is over.
    """
    hold_person(connection, auditor)
    row = connection.execute(SHIFT, {"auditor": auditor, "work_date": work_date}).one_or_none()
    if row is None or (actor.persona == "lead" and row.team not in actor.teams):
        raise Refusal("not-found", "You know of nobody of this name who is on shift on this date.")
    if row.shift_end <= now:
        raise Refusal("conflict", "This shift is over.")
    return row


def is_absent(row: Row[Any]) -> bool:
    """Not there at all, as somebody else has said; who ends the day themselves has been there."""
    return row.available_until is not None and row.available_until <= row.shift_start


def left_running(connection: Connection, row: Row[Any]) -> MySlot | None:
    """What runs in this shift without anybody at it: a break, or a review that is paused.

    Raises:
        Refusal: `conflict` where a review is on the screen: its person is at work.
    """
    runs = running(connection, row.auditor)
    if runs is None or runs.work_date != row.work_date:
        return None
    if runs.kind == "work" and not runs.is_paused:
        raise Refusal("conflict", "They are at work: a review of theirs is on the screen.")
    return runs


def presence(connection: Connection, row: Row[Any], taken_back: tuple[int, ...] = ()) -> Presence:
    """The shift as it is now."""
    now = connection.execute(SHIFT, {"auditor": row.auditor, "work_date": row.work_date}).one()
    there: There = "there"
    if is_absent(now):
        there = "absent"
    elif now.there_until < now.shift_end:
        there = "left"
    elif now.there_from > now.shift_start:
        there = "late"
    return Presence(now.auditor, now.work_date, there, now.there_from, now.there_until, taken_back)


@dataclass(frozen=True, slots=True)
class TakenBack:
    """Slots that were planned, how many of them are reviews, and the items of those."""

    slots: tuple[int, ...]
    reviews: int
    items: tuple[str, ...]


def take_back(connection: Connection, row: Row[Any], before: datetime | None) -> TakenBack:
    """Withdraw what is planned to begin before this instant; without one, everything that is planned.

    Part of the action that says that the person is not there, which tells them, asks for another plan and
    ends with `let_go`.
    """
    asked = {"auditor": row.auditor, "work_date": row.work_date, "before": before}
    found = connection.execute(WITHDRAW, asked).all()
    return TakenBack(
        tuple(slot.id for slot in found),
        sum(slot.kind == "work" for slot in found),
        tuple(slot.item for slot in found if slot.item is not None),
    )


def told_of(left: MySlot | None) -> str:
    """What its person is told of what was `left_running`, to go after another sentence."""
    if left is None:
        return ""
    if left.kind != "work":
        return " Your break has ended."
    return (
        " The review that you had paused has gone back: what you saw of it counts, and you may complete it "
        "as long as nobody else has it."
    )


def on_their_clock(row: Row[Any], instant: datetime) -> str:
    return clock(int(instant.timestamp()), row.timezone)
