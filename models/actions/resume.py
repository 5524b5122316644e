"""A person goes on with a review that was paused."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Engine, text

from models import audit
from models.actions.give_back import give_back
from models.actions.hold_person import hold_person
from models.actions.renew_lease import COVER, renew_lease, why_over
from models.actor import Actor
from models.queries.asking import within
from models.queries.day_so_far import day_so_far
from models.queries.may_start import LEFT, rest_of
from models.queries.my_next import instead
from models.queries.my_slot import WITHDRAWN, MySlot, my_slot
from models.refusal import Refusal

RESUME = text("""
    update slot
    set pauses = pauses * tstzmultirange(tstzrange(null, moment.at)), beat_at = moment.at,
        leased_until = moment.at + make_interval(secs => :leased)
    from (
        select id, greatest(beat_at, cast(:at as timestamptz)) as at from slot where id = :slot
    ) moment
    where slot.id = moment.id
""")


def resume(engine: Engine, actor: Actor, slot: int, now: datetime) -> MySlot:
    """Go on with a paused review of one's own, if what is left of it may be looked at now: asked like a
    start, of the day as it really went. What runs, or has ended, stays as it is: repeating this is safe.

    Where limits leave no room for any more of it the review ends, and its item goes back.

    Raises:
        Refusal: `not-found`; `not-started`; `too-soon` and `limit-reached` with `instead`; `conflict`, if it
            is no review or not for this person any more; `stale`, if it is not wanted any more.
    """
    with engine.begin() as connection:
        hold_person(connection, actor.subject)
        mine = my_slot(connection, actor.subject, slot)
        if mine.kind != "work":
            raise Refusal("conflict", "Only reviews are gone on with.")
        resumed, over = resume_paused(connection, actor, mine, now)
    if over is not None:
        raise over
    return resumed


def resume_paused(
    connection: Connection, actor: Actor, mine: MySlot, now: datetime
) -> tuple[MySlot, Refusal | None]:
    """Part of an action whose guard of the person is held: the review as it is then, and what to raise once
    that is committed."""
    ask = within(connection)
    if mine.state == "withdrawn":
        raise Refusal("stale", WITHDRAWN)
    if mine.started_at is None:
        raise Refusal("not-started", "This review has not started.")
    if mine.ended_by == "limit":
        return mine, _over(connection, actor, mine, why_over(ask, mine.slot), now)
    if mine.state != "started" or not mine.is_paused:
        return mine, None
    at = now.replace(microsecond=0)
    (left,) = ask(LEFT, {"slot": mine.slot, "at": at})
    course = day_so_far(ask, actor.subject, mine.work_date)
    rest = rest_of(ask, actor.subject, mine.work_date, mine.slot, left.expected, course, now)
    found = rest.hindrance
    if found is not None and found.kind == "limit-reached":
        return mine, _end(connection, actor, mine, f"{found.sentence} {COVER}", now)
    if found is not None:
        more = {}
        if found.kind == "too-soon":
            more["instead"] = instead(ask, actor.subject, mine.work_date, now)
        raise Refusal(found.kind, found.sentence, more=more)
    connection.execute(RESUME, {"slot": mine.slot, "at": at, "leased": left.leased})
    resumed = my_slot(connection, actor.subject, mine.slot)
    renewed = renew_lease(connection, actor.subject, resumed, now)
    if renewed.is_over:
        return resumed, _end(connection, actor, resumed, renewed.sentence, now)
    audit.record(connection, actor, "resume", f"slot:{mine.slot}", now, item=mine.item)
    return my_slot(connection, actor.subject, mine.slot), None


def _end(connection: Connection, actor: Actor, mine: MySlot, sentence: str, now: datetime) -> Refusal:
    audit.record(connection, actor, "resume", f"slot:{mine.slot}", now, ended_by="limit")
    give_back(connection, mine, None, "limit", now)
    return _over(connection, actor, mine, sentence, now)


def _over(connection: Connection, actor: Actor, mine: MySlot, sentence: str, now: datetime) -> Refusal:
    more = {"instead": instead(within(connection), actor.subject, mine.work_date, now)}
    return Refusal("limit-reached", sentence, more=more)
