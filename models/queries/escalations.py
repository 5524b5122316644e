"""What has become of an escalation, for whoever submitted it: never who reviews it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from sqlalchemy import Connection, text

from models.queries.left_out import may_be_apart, sentence, told

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
# What waits for a place, or else what the latest plan that knows of it had no place for.
LEFT_OUT = text("""
    select missing from (
        select missing, null as published_at, null as plan from waiting_escalation
        where item = :id and told_at is not null
        union all
        select missing, plan.published_at, plan.id from unplanned join plan on plan.id = unplanned.plan
        where unplanned.item = :id and plan.state = 'published'
    ) known
    order by published_at desc, plan desc limit 1
""")


NOBODY_FREE = "Nobody who could take it is free for it at present; it is tried again by itself."


@dataclass(frozen=True, slots=True)
class PlannedReview:
    """One review that was placed; the times are the plan's."""

    start: datetime
    end: datetime
    state: Literal["planned", "started", "done"]


@dataclass(frozen=True, slots=True)
class EscalationState:
    """`missing` of the `reviews` that are wanted have no place at present; `sentence` says why."""

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
    missing, why = 0, None
    if row.withdrawn_at is None and len(reviews) < row.reviews:
        left_out = connection.execute(LEFT_OUT, {"id": item}).one_or_none()
        if left_out is not None:
            missing = min(left_out.missing, row.reviews - len(reviews))
            # No figures, no reasons: whoever may exclude people could ask about the one who is left.
            why = NOBODY_FREE
    state = state_of(row.withdrawn_at is not None, row.reviews, reviews, left_out=missing > 0)
    return EscalationState(row.id, state, row.submitted_at, row.reviews, missing, why, reviews)


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


WAITING = text("""
    select waiting.item, waiting.since, waiting.tried_at, waiting.tries, waiting.work_date, waiting.missing,
        waiting.earliest, waiting.ruled_out, waiting.sentence, item.market, item.language, item.category,
        item.severity, item.priority, item.due,
        floor(extract(epoch from item.due - :now))::bigint as seconds_left
    from waiting_escalation waiting join item on item.id = waiting.item
    where item.withdrawn_at is null and waiting.told_at is not null
    order by item.priority, item.due nulls last, waiting.since, waiting.item limit :most
""")
MOST_WAITING = 500
"""Of the escalations that wait, the most urgent are told."""


@dataclass(frozen=True, slots=True)
class WaitingEscalation:
    """An escalation without a place. `ruled_out` counts people of `work_date` by reason, as leads are told;
    `sentence` says the same. `earliest` is when somebody could begin it on a date not planned yet,
    `seconds_left` until it is due (below 0: it is late)."""

    item: str
    market: str
    language: str
    category: str
    severity: int
    priority: int
    work_date: date | None
    since: datetime
    tried_at: datetime
    tries: int
    missing: int
    due: datetime | None
    seconds_left: int | None
    earliest: datetime | None
    ruled_out: dict[str, int]
    sentence: str


def waiting_escalations(connection: Connection, now: datetime) -> list[WaitingEscalation]:
    """The most urgent first. Nobody is named, and nobody can be singled out."""
    rows = connection.execute(WAITING, {"now": now, "most": MOST_WAITING}).mappings().all()
    apart = may_be_apart([row["ruled_out"] for row in rows])
    found = []
    for row in rows:
        safe = told(row["ruled_out"], apart)
        said = sentence(safe, row["language"], row["market"]) if safe else row["sentence"]
        found.append(WaitingEscalation(**{**row, "ruled_out": safe, "sentence": said}))
    return found
