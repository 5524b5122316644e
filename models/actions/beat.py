"""A program says that a review is still on the screen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from allocator.moment import beat_within
from models import audit
from models.actions.give_back import give_back
from models.actions.hold_person import hold_person
from models.actions.renew_lease import renew_lease, why_over
from models.actor import Actor
from models.queries.asking import within
from models.queries.my_next import instead
from models.queries.my_slot import MySlot, my_slot
from models.refusal import Refusal


@dataclass(frozen=True, slots=True, repr=False)
class Beat:
    """The review as it stands, and in how many seconds the next heartbeat is wanted; none: not any more."""

    slot: MySlot
    beat_within: int | None


def beat(engine: Engine, actor: Actor, slot: int, now: datetime) -> Beat:
    """Lengthen the lease of a review of one's own by what there is room for, before it is looked at.

    The time after a lease that has run out is not counted: the content was to be covered. Where the lease has
    run out and no room is left, the review ends here, as many seconds as were leased count, and its item goes
    back. Repeated, out of order or of a review that is paused or has ended it does no harm.

    Heartbeats alone leave no entry in the audit trail; what they change in the ledger does.

    Raises:
        Refusal: `not-found`; `not-started`; `conflict`, if it is no review; `limit-reached` with `instead`,
            once it has ended so, and again if it is asked again.
    """
    over = None
    with engine.begin() as connection:
        hold_person(connection, actor.subject)
        mine = my_slot(connection, actor.subject, slot)
        if mine.kind != "work":
            raise Refusal("conflict", "This is no review.")
        if mine.started_at is None:
            raise Refusal("not-started", "This review has not started.")
        if mine.ended_by == "limit":
            over = why_over(within(connection), slot)
        if mine.state != "started" and over is None:
            return Beat(mine, None)
        if mine.is_paused:
            return Beat(mine, None)
        if mine.state == "started":
            renewed = renew_lease(connection, actor.subject, mine, now)
            if renewed.is_over:
                over = renewed.sentence
                audit.record(connection, actor, "beat", f"slot:{slot}", now, ended_by="limit")
                give_back(connection, mine, None, "limit", now)
            elif renewed.seconds or renewed.silent_from is not None:
                audit.record(connection, actor, "beat", f"slot:{slot}", now)
        if over is None:
            mine = my_slot(connection, actor.subject, slot)
            return Beat(mine, wanted_within(mine, now))
        more = {"instead": instead(within(connection), actor.subject, mine.work_date, now)}
    # The end is committed; the refusal is the answer to whoever still has it on the screen.
    raise Refusal("limit-reached", over, more=more)


def wanted_within(mine: MySlot, now: datetime) -> int | None:
    """In how many seconds this slot's next heartbeat is wanted; none of what does not run."""
    if mine.leased_until is None:
        return None
    return beat_within(int(mine.leased_until.timestamp()), int(now.timestamp()))
