"""An escalation gets its place in a day that is under way; or leads learn that there is none yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from allocator.figures import several
from allocator.moment.words import clock
from models import audit
from models.actions.claim_task import Claim
from models.actions.finish_task import finish_task, hold_task
from models.actions.notify import notify
from models.actions.place_again import place_again
from models.actions.wait_for_place import tell_that_it_waits_no_longer, wait_for_place, wait_for_plan
from models.actor import Actor
from models.connection import snapshot_transaction
from models.queries import left_out
from models.queries.days_as_they_stand import as_it_stands
from models.queries.placing import Asked, Found, NoPlace, Place, asked_for, find_places
from models.refusal import LIMIT_PASSED, LOCK_TIMEOUT, UNIQUE, Refusal, sqlstate, whose_limit

TRIES = 5
"""Times that a day may change between being read and being written before the task waits a little."""

# While a large plan is published, the guards of everybody on its date are held for longer than a task's lease
# lasts: the task is given back in order before it is taken away.
PATIENCE = text("set local lock_timeout = '3s'")
LOCK = text("select lock_guards(:people)")
STILL_IN_FORCE = text("select from plan where id = :plan and state = 'published' for share")
HOLD_ITEM = text("select from item where id = :item for share")
EARLIER = text("""
    select id from item
    where id = any (:items) and position < (select position from item where id = :item)
""")
MOVE = text("""
    update slot
    set published_start = coalesce(slot.published_start, slot.planned_start),
        published_end = coalesce(slot.published_end, slot.planned_end),
        planned_start = to_timestamp(moved."start"), planned_end = to_timestamp(moved."end")
    from unnest(cast(:slots as bigint[]), cast(:starts as bigint[]), cast(:ends as bigint[]))
        moved (slot, "start", "end")
    where slot.id = moved.slot
""")
DROP = text("update slot set state = 'withdrawn' where id = any (:slots)")
ADD = text("""
    insert into slot (plan, auditor, work_date, kind, item, review_no, label, planned_start, planned_end,
                      placed_at)
    values (:plan, :auditor, :work_date, :kind, :item, :review_no, :label, to_timestamp(:start),
            to_timestamp(:end), :now)
    returning id
""")
# One statement, so that the guard weighs what is given back and what is taken at once.
EXPOSURE = text("""
    insert into ledger (at, auditor, work_date, entry, category, severity, modality, seconds, items, slot)
    select :now, slot.auditor, slot.work_date, 'release', reserved.category, reserved.severity,
        reserved.modality, reserved.seconds, reserved.items, slot.id
    from slot cross join lateral slot_reserved(slot.id, slot.work_date) reserved
    where slot.id = any (:dropped)
    union all
    select :now, slot.auditor, slot.work_date, 'reserve', item.category, item.severity, item.modality,
        extract(epoch from planned_end - planned_start)::bigint, 1, slot.id
    from slot join item on item.id = slot.item
    where slot.id = any (:added)
""")
WAITED = text("delete from waiting_escalation where item = :item returning told_at")


@dataclass(frozen=True, slots=True)
class PlacedReview:
    """On somebody's timeline; who, stays in the database."""

    slot: int
    start: datetime
    end: datetime
    late: bool


@dataclass(frozen=True, slots=True)
class Placed:
    """Nothing of the escalation is missing any more, with `reviews` empty if that was so already; or the next
    plan takes it up."""

    item: str
    reviews: tuple[PlacedReview, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """`missing` reviews have no place yet; `sentence` is for leads."""

    item: str
    reviews: tuple[PlacedReview, ...]
    missing: int
    earliest: datetime | None
    sentence: str


class _DayChanged(Exception):  # noqa: N818 - what happened
    """Somebody's day, or what is wanted, is not as it was read."""


def place_escalation(engine: Engine, actor: Actor, claim: Claim, now: datetime) -> Placed | Waiting:
    """Find a place for what is missing of the claimed task's item, write it down and end the task.

    Nothing that has begun is touched and no limit passed. Days are read and the decision is made outside the
    transaction that writes, which locks the chosen people alone and begins anew if their day has changed.

    Raises:
        Refusal: `stale`, if the claim is lost, or days kept changing or are just being planned. Nothing is
            written.
    """
    item: str = claim.payload["item"]
    unable: set[str] = set()
    for _ in range(TRIES):
        with snapshot_transaction(engine) as connection:
            asked = asked_for(connection, item)
            found = (
                Found()
                if asked is None or not asked.missing
                else find_places(connection, asked, now, unable=unable)
            )
        try:
            with engine.begin() as connection:
                return _write(connection, actor, claim, item, asked, found, now)
        except _DayChanged:
            continue
        except DBAPIError as error:
            state = sqlstate(error)
            if state == LIMIT_PASSED:
                unable |= whose_limit(error)
            elif state == LOCK_TIMEOUT:
                raise Refusal("stale", "People's days are being planned; it is tried again.") from None
            elif state != UNIQUE:
                raise
    raise Refusal("stale", "People's days kept changing; it is tried again.")


def _write(
    connection: Connection,
    actor: Actor,
    claim: Claim,
    item: str,
    asked: Asked | None,
    found: Found,
    now: datetime,
) -> Placed | Waiting:
    connection.execute(PATIENCE)
    connection.execute(LOCK, {"people": sorted({one.placement.auditor for one in found.places})})
    # Items before tasks, and tasks in the order of their items, as everywhere (`place_again`). Whoever gives
    # the item back meanwhile waits for the task or is waited for.
    connection.execute(HOLD_ITEM, {"item": item})
    lost = [lost for one in found.places for lost in one.dropped_items]
    earlier = connection.execute(EARLIER, {"items": lost, "item": item}).scalars().all() if lost else ()
    place_again(connection, earlier, now)
    hold_task(connection, claim.task, claim.fence)
    if asked is not None:
        _check_still_so(connection, asked, found)
    numbers = free_numbers(() if asked is None else asked.taken, len(found.places))
    reviews, added = [], []
    for one, number in zip(found.places, numbers, strict=True):
        assert asked is not None
        slot = _put(connection, asked, one, number, now)
        added.append(slot)
        reviews.append(as_review(slot, one))
    dropped = [slot for one in found.places for slot in one.placement.dropped]
    waiting = None
    if found.no_place is not None:
        assert asked is not None
        waiting = _wait(connection, asked, found, found.no_place, reviews, now)
    elif found.left:
        wait_for_plan(connection, item, found.missing, now)
    else:
        _wait_no_longer(connection, item, found, now)
    audit.record(
        connection,
        actor,
        "place_escalation",
        f"item:{item}",
        now,
        task=claim.task,
        slots=added,
        moved=sum(len(one.placement.moved) for one in found.places),
        dropped=dropped,
        missing=found.missing,
    )
    finish_task(connection, claim.task, claim.fence, now)
    if added:
        connection.execute(EXPOSURE, {"now": now, "added": added, "dropped": dropped})
    place_again(connection, set(lost) - set(earlier), now)
    return waiting or Placed(item, tuple(reviews))


def _check_still_so(connection: Connection, asked: Asked, found: Found) -> None:
    """From here on the chosen people's days stand still, and so do the plans and what is missing."""
    for work_date in sorted({one.work_date for one in found.places}):
        here = [one for one in found.places if one.work_date == work_date]
        stood = as_it_stands(connection, work_date, [one.placement.auditor for one in here])
        if any(stood.get(one.placement.auditor) != one.stood for one in here):
            raise _DayChanged
        if connection.execute(STILL_IN_FORCE, {"plan": here[0].plan}).first() is None:
            raise _DayChanged
    assert asked.item is not None
    again = asked_for(connection, asked.item)
    if again is None or in_order(again) != in_order(asked):
        raise _DayChanged


def in_order(asked: Asked) -> Asked:
    """The same, whatever the order in which its reviews were read."""
    return replace(asked, taken=tuple(sorted(asked.taken)), have_it=tuple(sorted(asked.have_it)))


def free_numbers(taken: Sequence[int], wanted: int) -> list[int]:
    """The least numbers of reviews, from 1, that are free."""
    free = (number for number in range(1, len(taken) + wanted + 1) if number not in taken)
    return [number for number, _ in zip(free, range(wanted), strict=False)]


def _put(connection: Connection, asked: Asked, one: Place, number: int, now: datetime) -> int:
    placement = one.placement
    if placement.dropped:
        connection.execute(DROP, {"slots": list(placement.dropped)})
    if placement.moved:
        connection.execute(
            MOVE,
            {
                "slots": [moved.slot for moved in placement.moved],
                "starts": [moved.start for moved in placement.moved],
                "ends": [moved.end for moved in placement.moved],
            },
        )
    row: dict[str, Any] = {
        "plan": one.plan,
        "auditor": placement.auditor,
        "work_date": one.work_date,
        "now": now,
    }
    if placement.rest is not None:
        start, end, label = placement.rest
        rest = {"kind": "break", "item": None, "review_no": None, "label": label, "start": start, "end": end}
        connection.execute(ADD, row | rest)
    work = {
        "kind": "work",
        "item": asked.item,
        "review_no": number,
        "label": None,
        "start": placement.start,
        "end": placement.end,
    }
    slot: int = connection.execute(ADD, row | work).scalar_one()
    notify(
        connection,
        f"auditor:{placement.auditor}",
        one.work_date,
        "escalation-placed",
        in_words(asked, one),
        now,
        slot=slot,
        item=asked.item,
        start=said(placement.start),
        end=said(placement.end),
        moved=[
            {"slot": moved.slot, "start": said(moved.start), "end": said(moved.end)}
            for moved in placement.moved
        ],
        dropped=list(placement.dropped),
    )
    return slot


def in_words(asked: Asked, one: Place) -> str:
    """What changes in the person's day and why, for the person."""
    placement = one.placement

    def there(instant: int | datetime) -> str:
        return clock(int(instant.timestamp()) if isinstance(instant, datetime) else instant, one.timezone)

    sentence = f"An escalation has come in and is planned for you at {there(placement.start)}"
    if placement.rest is not None:
        sentence += f", after a break at {there(placement.rest[0])}"
    if asked.due is not None:
        sentence += f"; it is due at {there(asked.due)}"
    sentence += "."
    if placement.dropped:
        taken_out = several(len(placement.dropped), "review")
        sentence += f" To make time for it {taken_out} left your day."
    if placement.moved:
        changed = several(len(placement.moved), "slot")
        sentence += f" {changed} after it {'has' if len(placement.moved) == 1 else 'have'} new times."
    return sentence


def _wait(
    connection: Connection,
    asked: Asked,
    found: Found,
    why: NoPlace,
    reviews: list[PlacedReview],
    now: datetime,
) -> Waiting:
    sentence = for_leads(asked, why)
    assert asked.item is not None
    is_new = wait_for_place(
        connection, asked.item, why.work_date, found.missing, why.earliest, why.ruled_out, sentence, now
    )
    if is_new:
        for team in why.teams:
            notify(
                connection,
                f"team:{team}",
                why.work_date,
                "escalation-waits",
                f"An escalation of priority {asked.priority} has no safe place yet; it is tried again by"
                f" itself. {sentence}",
                now,
                item=asked.item,
                due=None if asked.due is None else said(asked.due),
                earliest=None if why.earliest is None else said(why.earliest),
            )
    return Waiting(asked.item, tuple(reviews), found.missing, why.earliest, sentence)


def _wait_no_longer(connection: Connection, item: str, found: Found, now: datetime) -> None:
    told_at = connection.execute(WAITED, {"item": item}).scalar()
    if told_at is not None and found.places:
        tell_that_it_waits_no_longer(connection, found.places[0].work_date, [item], now)


def for_leads(asked: Asked, why: NoPlace) -> str:
    """What binds, told so that nobody is singled out."""
    return left_out.sentence(left_out.told(why.ruled_out, apart=False), asked.language, asked.market)


def as_review(slot: int, one: Place) -> PlacedReview:
    placement = one.placement
    return PlacedReview(
        slot,
        datetime.fromtimestamp(placement.start, UTC),
        datetime.fromtimestamp(placement.end, UTC),
        placement.late,
    )


def said(instant: int | datetime) -> str:
    """RFC 3339 in UTC."""
    moment = instant if isinstance(instant, datetime) else datetime.fromtimestamp(instant, UTC)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
