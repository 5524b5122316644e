"""A person does not take a review, or not to its end. No reason is asked, and nothing follows from it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Engine, text

from models import audit
from models.actions.complete import check_seen
from models.actions.give_back import give_back
from models.actions.hold_person import hold_person
from models.actions.place_again import place_again
from models.actions.release_reserved import release_reserved
from models.actions.settle_exposure import Seen, settle_more, was_posted
from models.actor import Actor
from models.queries.my_slot import WITHDRAWN, MySlot, my_slot
from models.refusal import Refusal

SKIP = text("update slot set state = 'skipped' where id = :slot")
MORE_SEEN = text("update slot set seen_seconds = :seconds where id = :slot")


def skip(engine: Engine, actor: Actor, slot: int, seen: Seen | None, now: datetime) -> MySlot:
    """Skip a planned or started review of one's own: it goes back, and is not offered to this person again.

    If it was started, what was seen counts: as `seen` says, but never less than is known (`models.counted`).
    Saying the same again is safe, and so is saying it again without `seen`. Of a review that was ended
    without its person's word, what more was seen is recorded.

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
        if mine.state == "done":
            raise Refusal("conflict", "This review is done already.")
        if mine.state == "withdrawn":
            raise Refusal("stale", WITHDRAWN)
        if mine.state == "returned":
            raise Refusal("conflict", "You have handed this review back.")
        nothing = seen is None or not seen.seconds
        if mine.state == "skipped":
            if (
                seen is None
                or (nothing and mine.started_at is None)
                or was_posted(connection, mine, seen, now)
            ):
                return mine
            if mine.ended_by in ("limit", "silence", "day"):
                return _say_more(connection, actor, mine, seen, now)
            raise Refusal("conflict", "This review is skipped already, with something else recorded as seen.")
        if mine.started_at is None and not nothing:
            raise Refusal("not-started", "This review has not started: nothing of it was seen.", "seconds")
        if seen is not None:
            check_seen(connection, seen)
        if mine.started_at is not None:
            give_back(connection, mine, seen, "person", now)
        else:
            assert mine.item is not None
            connection.execute(SKIP, {"slot": slot})
            release_reserved(connection, [slot], now)
            place_again(connection, [mine.item], now)
        audit.record(connection, actor, "skip", f"slot:{slot}", now, item=mine.item)
        return my_slot(connection, actor.subject, slot)


def _say_more(connection: Connection, actor: Actor, mine: MySlot, seen: Seen, now: datetime) -> MySlot:
    check_seen(connection, seen)
    seconds = settle_more(connection, mine, seen, now)
    connection.execute(MORE_SEEN, {"slot": mine.slot, "seconds": seconds})
    audit.record(connection, actor, "skip", f"slot:{mine.slot}", now, item=mine.item)
    return my_slot(connection, actor.subject, mine.slot)
