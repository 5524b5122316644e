"""A person pauses a review. No reason is asked, and it is always allowed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Engine, text

from models import audit
from models.actions.hold_person import hold_person
from models.actor import Actor
from models.queries.my_slot import WITHDRAWN, MySlot, my_slot
from models.refusal import Refusal

# What lies between the end of the lease and now was covered already: nobody looked, and nobody rested.
PAUSE = text("""
    update slot
    set leased_until = null, beat_at = moment.at,
        pauses = pauses + tstzmultirange(tstzrange(moment.at, null)),
        silences = silences
            + tstzmultirange(tstzrange(least(slot.leased_until, moment.at), moment.at))
    from (
        select id, greatest(started_at, beat_at, upper(pauses), upper(silences), cast(:at as timestamptz))
            as at
        from slot where id = :slot
    ) moment
    where slot.id = moment.id
""")


def pause(engine: Engine, actor: Actor, slot: int, now: datetime) -> MySlot:
    """Pause a review of one's own that runs: from now on it is not looked at, and this is a break. Pausing
    what is paused, or has ended, changes nothing.

    Raises:
        Refusal: `not-found`; `not-started`; `conflict`, if it is no review; `stale`, if the plan has changed.
    """
    with engine.begin() as connection:
        hold_person(connection, actor.subject)
        mine = my_slot(connection, actor.subject, slot)
        if mine.kind != "work":
            raise Refusal("conflict", "Only reviews are paused.")
        if mine.state == "withdrawn":
            raise Refusal("stale", WITHDRAWN)
        if mine.started_at is None:
            raise Refusal("not-started", "This review has not started.")
        return pause_running(connection, actor, mine, now)


def pause_running(connection: Connection, actor: Actor, mine: MySlot, now: datetime) -> MySlot:
    """Part of an action whose guard of the person is held."""
    if mine.state != "started" or mine.is_paused:
        return mine
    connection.execute(PAUSE, {"slot": mine.slot, "at": now.replace(microsecond=0)})
    audit.record(connection, actor, "pause", f"slot:{mine.slot}", now, item=mine.item)
    return my_slot(connection, actor.subject, mine.slot)
