"""A person hands a planned review back before beginning it. No reason is asked."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, text

from models import audit
from models.actions.hold_person import hold_person
from models.actions.place_again import place_again
from models.actions.release_reserved import release_reserved
from models.actor import Actor
from models.queries.my_slot import WITHDRAWN, MySlot, my_slot
from models.refusal import Refusal

RETURN = text("update slot set state = 'returned' where id = :slot")


def hand_back(engine: Engine, actor: Actor, slot: int, now: datetime) -> MySlot:
    """The review goes back for others, and is not planned for this person again on that work date.

    Handing it back again is safe.

    Raises:
        Refusal: `not-found`; `already-started`; `conflict`, if it has ended or is no review; `stale`, if the
            plan has changed.
    """
    with engine.begin() as connection:
        hold_person(connection, actor.subject)
        mine = my_slot(connection, actor.subject, slot)
        if mine.kind != "work":
            raise Refusal("conflict", "Only reviews are handed back.")
        if mine.state == "returned":
            return mine
        if mine.state == "started":
            raise Refusal("already-started", "This review has started: complete or skip it.")
        if mine.state == "withdrawn":
            raise Refusal("stale", WITHDRAWN)
        if mine.state != "planned":
            raise Refusal("conflict", "This review has ended already.")
        assert mine.item is not None
        connection.execute(RETURN, {"slot": slot})
        release_reserved(connection, [slot], now)
        place_again(connection, [mine.item], now)
        audit.record(connection, actor, "hand_back", f"slot:{slot}", now, item=mine.item)
        return my_slot(connection, actor.subject, slot)
