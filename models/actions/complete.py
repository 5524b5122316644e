"""A person has done a review: what they found, and what was really seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from models import audit
from models.actions.hold_person import hold_person
from models.actions.settle_exposure import Seen, seconds_seen, settle_exposure, settle_more, was_posted
from models.actor import Actor
from models.queries.my_slot import WITHDRAWN, MySlot, my_slot
from models.refusal import Refusal

LONGEST_ERROR_TYPE = 200
LONGEST_NOTE = 2000

COMPLETE = text("""
    update slot
    set state = 'done', ended_at = greatest(started_at, :at), seen_seconds = :seconds, leased_until = null,
        pauses = pauses * tstzmultirange(tstzrange(null, greatest(started_at, :at)))
    where id = :slot
""")
MORE_SEEN = text("update slot set seen_seconds = :seconds where id = :slot")
# Which of the item's reviews it may still be: its own number, else the first that nobody has.
FREE = text("""
    select free.review_no
    from slot join item on item.id = slot.item
    cross join lateral generate_series(
        1, case when item.only_for = '{}' then item.reviews else cardinality(item.only_for) end
    ) free (review_no)
    where slot.id = :slot and not exists (
        select from slot other
        where other.item = slot.item and other.kind = 'work' and other.state in ('planned', 'started', 'done')
          and (other.review_no = free.review_no or other.auditor = slot.auditor)
    )
    order by free.review_no <> slot.review_no, free.review_no
    limit 1
""")
DONE_AFTER_ALL = text("""
    update slot set state = 'done', review_no = :review_no where id = :slot
""")
FOUND = text("""
    insert into outcome (slot, decision, error_type, note, at)
    values (:slot, :decision, :error_type, :note, :now)
""")
WAS_FOUND = text("select decision, error_type, note from outcome where slot = :slot")
CATEGORIES = text("""
    select document::json -> 'categories' as known
    from installation left join policy on policy.id = installation.policy
""")


@dataclass(frozen=True, slots=True, repr=False)
class Outcome:
    """What the audit found of a moderator's decision; whoever disagrees says what kind of error it was."""

    decision: Literal["agree", "disagree"]
    error_type: str | None = None
    note: str | None = None


def complete(engine: Engine, actor: Actor, slot: int, seen: Seen, outcome: Outcome, now: datetime) -> MySlot:
    """End a started review of one's own, paused or not, with its outcome. Saying the same again is safe.

    What was seen is recorded however much it is: beyond what was expected, beyond a limit, and beyond the
    time that the clock saw go by: `started_at`, `ended_at` and `seen_seconds` of the slot stand side by side.
    It is never less than is known (`models.counted`).

    A review that was ended without its person's word (`ended_by`), as nothing was heard of it or its limit
    was reached, is done after all if its item still waits for that; what more was seen is recorded in any
    case.

    Raises:
        Refusal: `not-found`; `not-started`; `conflict`, if it ended otherwise before, or has gone to
            somebody else; `stale`, if the plan has changed; `invalid`, if the category is none of the
            policy's or the outcome does not say enough.
    """
    check_outcome(outcome)
    with engine.begin() as connection:
        hold_person(connection, actor.subject)
        mine = my_slot(connection, actor.subject, slot)
        if mine.kind != "work":
            raise Refusal("conflict", "This is no review.")
        check_seen(connection, seen)
        if mine.state == "done":
            if was_posted(connection, mine, seen, now) and was_found(connection, slot, outcome):
                return mine
            raise Refusal("conflict", "This review is done already, and recorded otherwise.")
        if mine.state == "withdrawn":
            raise Refusal("stale", WITHDRAWN)
        if mine.state == "returned":
            raise Refusal("conflict", "You have handed this review back.")
        if mine.state == "planned":
            raise Refusal("not-started", "This review has not started.")
        if mine.state == "started":
            _end(connection, mine, seen, now)
            is_done = True
        elif mine.ended_by in ("limit", "silence", "day"):
            is_done = _end_after_all(connection, mine, seen, now)
        else:
            raise Refusal("conflict", "You have skipped this review.")
        if is_done:
            _keep(connection, slot, outcome, now)
        detail = {} if is_done else {"done": False}
        audit.record(connection, actor, "complete", f"slot:{slot}", now, item=mine.item, **detail)
        ended = my_slot(connection, actor.subject, slot)
    if not is_done:
        # What was seen is committed; the refusal is only about the review.
        raise Refusal(
            "conflict",
            "This review had gone back and is planned anew; what you saw of it is recorded.",
        )
    return ended


def _end(connection: Connection, mine: MySlot, seen: Seen, now: datetime) -> None:
    seconds = seconds_seen(connection, mine, seen, now)
    connection.execute(COMPLETE, {"slot": mine.slot, "at": now.replace(microsecond=0), "seconds": seconds})
    settle_exposure(connection, mine, seen, seconds, now)


def _end_after_all(connection: Connection, mine: MySlot, seen: Seen, now: datetime) -> bool:
    """Record what more was seen; whether the review could still be had."""
    seconds = settle_more(connection, mine, seen, now)
    connection.execute(MORE_SEEN, {"slot": mine.slot, "seconds": seconds})
    review_no = connection.execute(FREE, {"slot": mine.slot}).scalar()
    if review_no is None:
        return False
    try:
        with connection.begin_nested():
            connection.execute(DONE_AFTER_ALL, {"slot": mine.slot, "review_no": review_no})
    except IntegrityError:  # somebody was given it just now
        return False
    return True


def _keep(connection: Connection, slot: int, outcome: Outcome, now: datetime) -> None:
    row = {
        "slot": slot,
        "decision": outcome.decision,
        "error_type": outcome.error_type,
        "note": outcome.note,
        "now": now,
    }
    connection.execute(FOUND, row)


def was_found(connection: Connection, slot: int, outcome: Outcome) -> bool:
    """Whether this is the outcome that is kept."""
    kept = connection.execute(WAS_FOUND, {"slot": slot}).one_or_none()
    return kept is not None and Outcome(*kept) == outcome


def check_outcome(outcome: Outcome) -> None:
    if outcome.decision == "disagree" and not outcome.error_type:
        raise Refusal("invalid", "Say what kind of error it was.", "outcome.error_type")
    if outcome.decision == "agree" and outcome.error_type is not None:
        raise Refusal("invalid", "Where you agree there is no error.", "outcome.error_type")
    texts = (
        ("error_type", outcome.error_type, LONGEST_ERROR_TYPE),
        ("note", outcome.note, LONGEST_NOTE),
    )
    for name, said, most in texts:
        if said is not None and (len(said) > most or "\0" in said):
            sentence = f"This is text of at most {most} signs, without null characters."
            raise Refusal("invalid", sentence, f"outcome.{name}")


def check_seen(connection: Connection, seen: Seen) -> None:
    """A category that no limit knows would be counted under none: it has to be one of the policy's."""
    if seen.seconds < 0:
        raise Refusal("invalid", "Seconds are 0 or more.", "seconds")
    if seen.category is not None:
        known = connection.execute(CATEGORIES).scalar_one()
        if known is not None and seen.category not in known:
            raise Refusal("invalid", "There is no such category.", "seen.category")
