"""A person ends their break; a review that was paused for it goes on."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Engine, text

from models import audit
from models.actions.hold_person import hold_person
from models.actions.resume import resume_paused
from models.actor import Actor
from models.queries.my_slot import WITHDRAWN, MySlot, my_slot
from models.refusal import Refusal

END_BREAK = text("update slot set state = 'done', ended_at = greatest(started_at, :at) where id = :slot")


def end_break(engine: Engine, actor: Actor, slot: int, now: datetime) -> MySlot:
    """End a break of one's own, planned or not. One that has ended stays as it is: repeating this is safe.

    Of a review that is paused for a break this is going on with it (`resume`).

    Raises:
        Refusal: `not-found`, also for a review that does not run; `not-started`; `stale`, if the plan has
            changed; and what `resume` raises.
    """
    with engine.begin() as connection:
        hold_person(connection, actor.subject)
        mine = my_slot(connection, actor.subject, slot)
        if mine.kind == "work" and mine.started_at is not None:
            resumed, over = resume_paused(connection, actor, mine, now)
        elif mine.kind == "break":
            return _end(connection, actor, mine, now)
        else:
            raise Refusal("not-found", "You have no such break.")
    if over is not None:
        raise over
    return resumed


def _end(connection: Connection, actor: Actor, mine: MySlot, now: datetime) -> MySlot:
    if mine.state == "done":
        return mine
    if mine.state == "withdrawn":
        raise Refusal("stale", WITHDRAWN)
    if mine.state != "started":
        raise Refusal("not-started", "This break has not started.")
    connection.execute(END_BREAK, {"slot": mine.slot, "at": now.replace(microsecond=0)})
    audit.record(connection, actor, "end_break", f"slot:{mine.slot}", now)
    return my_slot(connection, actor.subject, mine.slot)
