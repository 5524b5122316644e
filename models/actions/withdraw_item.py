"""A review is not wanted any more: nobody is asked for it from now on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, text

from allocator.moment.words import clock
from models import audit
from models.actions.ask_replan import ask_replan
from models.actions.notify import notify
from models.actions.release_reserved import release_reserved
from models.actor import Actor
from models.refusal import Refusal

ITEM = text("select kind, submitted_by, withdrawn_at from item where id = :item")
PLANNED = text("""
    select slot.id as slot, slot.auditor, slot.work_date, slot.planned_start, shift.timezone
    from slot join shift on shift.auditor = slot.auditor and shift.work_date = slot.work_date
    where slot.item = :item and slot.kind = 'work' and slot.state = 'planned'
    order by slot.auditor, slot.id
""")
LOCK = text("select lock_guards(:people)")
# Every date whose plan may hold it or is about to: none of the plans in the making survives this. Whoever
# publishes holds this row, so that what they put on somebody's day is seen below.
DAYS = text("""
    update work_day set input_version = input_version + 1
    where work_date in (
        select work_day.work_date from work_day cross join item
        where item.id = :item
          and (work_day.work_date = item.work_date
               or item.work_date is null and exists (
                   select from plan
                   where plan.work_date = work_day.work_date and plan.state in ('waiting', 'planning'))
               or exists (
                   select from slot
                   where slot.item = item.id and slot.work_date = work_day.work_date
                     and slot.kind = 'work' and slot.state = 'planned'))
        order by work_day.work_date for no key update of work_day
    )
    returning work_date
""")
WITHDRAW_ITEM = text(
    "update item set withdrawn_at = :now where id = :item and withdrawn_at is null returning id"
)
WITHDRAW = text("update slot set state = 'withdrawn' where id = any (:slots)")
NO_LONGER_WAITS = text("delete from waiting_escalation where item = :item")


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """`slots` are the planned reviews that were taken back; none where this was done before."""

    item: str
    slots: tuple[int, ...]


class _GivenMeanwhile(Exception):  # noqa: N818 - says what has happened
    """Somebody was given the item whose guard is not held."""


def withdraw_item(engine: Engine, actor: Actor, item: str, now: datetime) -> Withdrawn:
    """Take an item back: nobody is asked to review it from now on, and whoever had it planned is told.

    A review that runs goes on, and what was seen of the item stays. A tool withdraws the escalations that it
    submitted itself, operations any item. Doing it again changes nothing.

    Raises:
        Refusal: `not-found`, also where it is somebody else's escalation.
    """
    while True:
        try:
            with engine.begin() as connection:
                return _withdraw(connection, actor, item, now)
        except _GivenMeanwhile:
            continue


def _withdraw(connection: Connection, actor: Actor, item: str, now: datetime) -> Withdrawn:
    if _of_theirs(connection, actor, item).withdrawn_at is not None:
        return Withdrawn(item, ())
    asked = {"item": item}
    people = {row.auditor for row in connection.execute(PLANNED, asked)}
    connection.execute(LOCK, {"people": sorted(people)})
    connection.execute(DAYS, asked)
    if connection.execute(WITHDRAW_ITEM, asked | {"now": now}).first() is None:
        return Withdrawn(item, ())
    # From here on nobody is given it: who plans or places it asks for its row.
    planned = connection.execute(PLANNED, asked).all()
    if not {row.auditor for row in planned} <= people:
        raise _GivenMeanwhile
    slots = [row.slot for row in planned]
    connection.execute(WITHDRAW, {"slots": slots})
    connection.execute(NO_LONGER_WAITS, asked)
    for row in planned:
        _tell(connection, row, now)
    audit.record(connection, actor, "withdraw_item", f"item:{item}", now, slots=len(slots))
    for work_date in sorted({row.work_date for row in planned}):
        ask_replan(connection, actor, work_date, "item-withdrawn", now)
    release_reserved(connection, slots, now)
    return Withdrawn(item, tuple(slots))


def _of_theirs(connection: Connection, actor: Actor, item: str) -> Row[Any]:
    row = connection.execute(ITEM, {"item": item}).one_or_none()
    if actor.persona == "operations":
        if row is None:
            raise Refusal("not-found", "There is no item with this id.")
    elif row is None or row.kind != "escalation" or row.submitted_by != actor.name:
        raise Refusal("not-found", "There is no escalation of yours with this id.")
    return row


def _tell(connection: Connection, row: Row[Any], now: datetime) -> None:
    at = clock(int(row.planned_start.timestamp()), row.timezone)
    sentence = (
        f"The review that was planned for you at {at} is not wanted any more; it is not in your plan now."
    )
    notify(
        connection, f"auditor:{row.auditor}", row.work_date, "item-withdrawn", sentence, now, slots=[row.slot]
    )
