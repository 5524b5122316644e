"""A person starts what is planned for them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, text

from models import audit
from models.actions.hold_person import hold_person
from models.actor import Actor
from models.queries.asking import within
from models.queries.may_start import hindrance
from models.queries.my_next import instead
from models.queries.my_slot import WITHDRAWN, MySlot, my_slot, not_before_the_last, running
from models.refusal import Refusal

START = text("update slot set state = 'started', started_at = :at where id = :slot")
# What is reserved for it is its lease.
START_REVIEW = text("""
    update slot set state = 'started', started_at = :at,
        leased_until = cast(:at as timestamptz) + make_interval(secs => (
            select coalesce(sum(e.seconds), 0) from slot_reserved(slot.id, slot.work_date) e))
    where id = :slot
""")


def start(engine: Engine, actor: Actor, slot: int, now: datetime) -> MySlot:
    """Start a planned review or break of one's own. What has started stays as it is: repeating this is safe.

    A review starts while the shift runs, not before its release, one at a time, and only if what was really
    seen and what it is expected to add pass no limit together, nor a stretch or an edge of the day as it
    really went. A break may start whenever no review runs.

    Raises:
        Refusal: `not-found`; `already-started`, if something else runs or is paused, with its slot as
            `running`; `too-early`; `limit-reached` and `too-soon`, with `instead` for what may be done in its
            place; `stale`, if the plan has changed; `conflict`.
    """
    with engine.begin() as connection:
        hold_person(connection, actor.subject)
        mine = my_slot(connection, actor.subject, slot)
        if mine.state == "started":
            return mine
        _check_planned(mine)
        if (other := running(connection, actor.subject)) is not None:
            raise Refusal("already-started", _first(other), more={"running": other.slot})
        if mine.kind == "work":
            ask = within(connection)
            hindered = hindrance(ask, actor.subject, mine.work_date, slot, now)
            if hindered is not None:
                more = {}
                if hindered.kind in ("limit-reached", "too-soon"):
                    more["instead"] = instead(ask, actor.subject, mine.work_date, now)
                raise Refusal(hindered.kind, hindered.sentence, more=more)
        statement = START_REVIEW if mine.kind == "work" else START
        at = not_before_the_last(connection, actor.subject, mine.work_date, now)
        connection.execute(statement, {"slot": slot, "at": at})
        audit.record(connection, actor, "start", f"slot:{slot}", now, kind=mine.kind, item=mine.item)
        return my_slot(connection, actor.subject, slot)


def _check_planned(slot: MySlot) -> None:
    if slot.kind == "busy":
        raise Refusal("conflict", "Only reviews and breaks are started here.")
    if slot.state == "withdrawn":
        raise Refusal("stale", WITHDRAWN)
    if slot.state == "skipped":
        raise Refusal("conflict", "You have skipped this review.")
    if slot.state == "returned":
        raise Refusal("conflict", "You have handed this review back.")
    if slot.state == "done":
        raise Refusal("conflict", "This is done already.")


def _first(other: MySlot) -> str:
    """What comes before anything else is started."""
    if other.kind != "work":
        return "Your break runs: end it first."
    if other.is_paused:
        return f"The review of {other.item} is paused: go on with it, complete it or skip it first."
    return f"The review of {other.item} runs: complete or skip it first."
