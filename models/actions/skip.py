"""A person does not take a review, or not to its end. No reason is asked, and nothing follows from it."""

from __future__ import annotations

from datetime import datetime
from math import ceil

from sqlalchemy import Engine, text

from models import audit
from models.actions.complete import check_seen
from models.actions.hold_person import hold_person
from models.actions.settle_exposure import Seen, settle_exposure, was_posted
from models.actor import Actor
from models.queries.my_slot import WITHDRAWN, MySlot, my_slot
from models.refusal import Refusal

SKIP = text("""
    update slot set state = 'skipped', ended_at = greatest(started_at, :at), seen_seconds = :seconds
    where id = :slot
""")


def skip(engine: Engine, actor: Actor, slot: int, seen: Seen | None, now: datetime) -> MySlot:
    """Skip a planned or started review of one's own: it goes back, and is not offered to this person again.

    If it was started, what was seen counts: `seen` if given, else all seconds since the start. Saying the
    same again is safe, and so is saying it again without `seen`.

    Raises:
        Refusal: `not-found`; `not-started`, if something was seen of what never started; `conflict`, if it
            ended otherwise before; `stale`, if the plan has changed; `invalid`, if the category is none of
            the policy's.
    """
    with engine.begin() as connection:
        hold_person(connection, actor.subject)
        mine = my_slot(connection, actor.subject, slot)
        if mine.kind != "work":
            raise Refusal("conflict", "Only reviews are skipped.")
        if mine.state == "skipped":
            nothing = mine.started_at is None and (seen is None or not seen.seconds)
            if nothing or seen is None or was_posted(connection, mine, seen):
                return mine
            raise Refusal("conflict", "This review is skipped already, with something else recorded as seen.")
        if mine.state == "done":
            raise Refusal("conflict", "This review is done already.")
        if mine.state == "withdrawn":
            raise Refusal("stale", WITHDRAWN)
        if mine.started_at is None:
            if seen is not None and seen.seconds:
                raise Refusal(
                    "not-started", "This review has not started: nothing of it was seen.", "seconds"
                )
            seen = None
        elif seen is None:
            seen = Seen(max(0, ceil((now - mine.started_at).total_seconds())))
        if seen is not None:
            check_seen(connection, seen)
        row = {
            "slot": slot,
            "at": now.replace(microsecond=0),
            "seconds": None if seen is None else seen.seconds,
        }
        connection.execute(SKIP, row)
        audit.record(connection, actor, "skip", f"slot:{slot}", now, item=mine.item)
        settle_exposure(connection, mine, seen, now)
        return my_slot(connection, actor.subject, slot)
