"""A person has done a review."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Engine, text

from models import audit
from models.actions.hold_person import hold_person
from models.actions.settle_exposure import Seen, settle_exposure, was_posted
from models.actor import Actor
from models.queries.my_slot import MySlot, my_slot
from models.refusal import Refusal

COMPLETE = text("""
    update slot set state = 'done', ended_at = greatest(started_at, :at), seen_seconds = :seconds
    where id = :slot
""")
CATEGORIES = text("""
    select document::json -> 'categories' as known
    from installation left join policy on policy.id = installation.policy
""")


def complete(engine: Engine, actor: Actor, slot: int, seen: Seen, now: datetime) -> MySlot:
    """End a started review of one's own with what was really seen. Saying the same again is safe.

    What was seen is recorded however much it is: beyond what was expected, beyond a limit, and beyond the
    time that the clock saw go by: `started_at`, `ended_at` and `seen_seconds` of the slot stand side by side.

    Raises:
        Refusal: `not-found`; `not-started`; `conflict`, if it ended otherwise before; `invalid`, if the
            category is none of the policy's.
    """
    with engine.begin() as connection:
        hold_person(connection, actor.subject)
        mine = my_slot(connection, actor.subject, slot)
        if mine.kind != "work":
            raise Refusal("conflict", "This is no review.")
        if mine.state == "done":
            if was_posted(connection, mine, seen):
                return mine
            raise Refusal("conflict", "This review is done already, and what was seen is recorded otherwise.")
        if mine.state == "skipped":
            raise Refusal("conflict", "You have skipped this review.")
        if mine.state != "started":
            raise Refusal("not-started", "This review has not started.")
        check_seen(connection, seen)
        row = {"slot": slot, "at": now.replace(microsecond=0), "seconds": seen.seconds}
        connection.execute(COMPLETE, row)
        audit.record(connection, actor, "complete", f"slot:{slot}", now, item=mine.item)
        settle_exposure(connection, mine, seen, now)
        return my_slot(connection, actor.subject, slot)


def check_seen(connection: Connection, seen: Seen) -> None:
    """A category that no limit knows would be counted under none: it has to be one of the policy's."""
    if seen.seconds < 0:
        raise Refusal("invalid", "Seconds are 0 or more.", "seconds")
    if seen.category is not None:
        known = connection.execute(CATEGORIES).scalar_one()
        if known is not None and seen.category not in known:
            raise Refusal("invalid", "There is no such category.", "seen.category")
