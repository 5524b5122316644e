"""A person ends their break."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, text

from models import audit
from models.actions.hold_person import hold_person
from models.actor import Actor
from models.queries.my_slot import WITHDRAWN, MySlot, my_slot
from models.refusal import Refusal

END = text("update slot set state = 'done', ended_at = greatest(started_at, :at) where id = :slot")


def end_break(engine: Engine, actor: Actor, slot: int, now: datetime) -> MySlot:
    """End a break of one's own, planned or not. One that has ended stays as it is: repeating this is safe.

    Raises:
        Refusal: `not-found`, also for a review; `not-started`; `stale`, if the plan has changed.
    """
    with engine.begin() as connection:
        hold_person(connection, actor.subject)
        mine = my_slot(connection, actor.subject, slot)
        if mine.kind != "break":
            raise Refusal("not-found", "You have no such break.")
        if mine.state == "done":
            return mine
        if mine.state == "withdrawn":
            raise Refusal("stale", WITHDRAWN)
        if mine.state != "started":
            raise Refusal("not-started", "This break has not started.")
        connection.execute(END, {"slot": slot, "at": now.replace(microsecond=0)})
        audit.record(connection, actor, "end_break", f"slot:{slot}", now)
        return my_slot(connection, actor.subject, slot)
