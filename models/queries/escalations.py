"""What has become of an escalation, for whoever submitted it: never who reviews it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, text

State = Literal["accepted", "planned", "started", "done", "left-out", "withdrawn"]

ITEM = text("""
    select id, reviews, submitted_at, withdrawn_at from item
    where id = :id and kind = 'escalation' and submitted_by = :submitted_by
""")
SLOTS = text("""
    select planned_start, planned_end, state from slot
    where item = :id and kind = 'work' and state in ('planned', 'started', 'done')
    order by planned_start, planned_end, review_no
""")
LEFT_OUT = text("""
    select missing from unplanned join plan on plan.id = unplanned.plan
    where unplanned.item = :id and plan.state = 'published'
    order by plan.published_at desc, plan.id desc limit 1
""")


NOBODY_FREE = "Nobody who could take it is free for it in the plan in force; the next plan tries again."


@dataclass(frozen=True, slots=True)
class PlannedReview:
    """One review that was placed; the times are the plan's."""

    start: datetime
    end: datetime
    state: Literal["planned", "started", "done"]


@dataclass(frozen=True, slots=True)
class EscalationState:
    """`missing` of the `reviews` that are wanted have no place in the plan in force; `sentence` says why."""

    id: str
    state: State
    submitted_at: datetime
    reviews: int
    missing: int
    sentence: str | None
    planned: tuple[PlannedReview, ...]


def escalation(connection: Connection, submitter: str, item: str) -> EscalationState | None:
    """How the escalation stands; None if there is none or somebody else submitted it."""
    row = connection.execute(ITEM, {"id": item, "submitted_by": submitter}).one_or_none()
    if row is None:
        return None
    reviews = tuple(
        PlannedReview(slot.planned_start, slot.planned_end, slot.state)
        for slot in connection.execute(SLOTS, {"id": item})
    )
    missing, sentence = 0, None
    if row.withdrawn_at is None and len(reviews) < row.reviews:
        left_out = connection.execute(LEFT_OUT, {"id": item}).one_or_none()
        if left_out is not None:
            missing = left_out.missing
            # No figures, no reasons: whoever may exclude people could ask about the one who is left.
            sentence = NOBODY_FREE
    state = state_of(row.withdrawn_at is not None, row.reviews, reviews, left_out=missing > 0)
    return EscalationState(row.id, state, row.submitted_at, row.reviews, missing, sentence, reviews)


def state_of(withdrawn: bool, wanted: int, reviews: tuple[PlannedReview, ...], left_out: bool) -> State:
    """One word for all of its reviews: how far the one is that is furthest, `done` when all are."""
    states = [review.state for review in reviews]
    if withdrawn:
        return "withdrawn"
    if states.count("done") >= wanted:
        return "done"
    if "started" in states or "done" in states:
        return "started"
    if states:
        return "planned"
    return "left-out" if left_out else "accepted"
