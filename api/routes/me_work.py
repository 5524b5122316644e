"""An auditor works their day: reviews, pauses, breaks, and the end of it. Every call may be repeated."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field, StringConstraints

from allocator.rules.policy import LONGEST_SHIFT, Modality
from api.access import allow
from api.dependencies import Database, Now
from api.fields import Answer, Form, IdPath, Key, Told
from api.problems import described
from models.actions.beat import beat, wanted_within
from models.actions.complete import Outcome, complete
from models.actions.end_break import end_break
from models.actions.end_day import end_day
from models.actions.hand_back import hand_back
from models.actions.pause import pause
from models.actions.resume import resume
from models.actions.settle_exposure import Seen
from models.actions.skip import skip
from models.actions.start import start
from models.actions.take_break import take_break
from models.actor import Actor
from models.queries.my_slot import MySlot

router = APIRouter(tags=["auditor"])
Auditor = Annotated[Actor, Depends(allow("auditor"))]

LONGEST_SEEN = LONGEST_SHIFT
"""Seconds. Nobody looks at anything longer than a shift lasts: a number above it is a slip of the client.
Below it nothing is refused for being large."""
LONGEST_NOTE = 2000
SECONDS = "how long it was really looked at; at most as long as the longest shift, 16 hours"


class SlotNow(Answer):
    """A slot as it stands after this request; `seconds` are those that were recorded as seen.

    A review that runs may be on the screen until `leased_until`: then cover it, until an answer names a later
    time. `beat_within` is in how many seconds the next heartbeat is wanted."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "slot": 4711,
                    "kind": "work",
                    "state": "started",
                    "item": "case-4711",
                    "started_at": "2026-11-23T01:00:20Z",
                    "ended_at": None,
                    "seconds": None,
                    "leased_until": "2026-11-23T01:04:20Z",
                    "beat_within": 20,
                }
            ]
        }
    )

    slot: int
    kind: Literal["work", "break", "busy"]
    state: Literal["planned", "started", "paused", "done", "skipped", "returned", "withdrawn"]
    item: str | None
    started_at: Told | None
    ended_at: Told | None
    seconds: int | None
    leased_until: Told | None
    beat_within: int | None = Field(ge=0)


class ReallySeen(Form):
    """What it really was, where that is not what was expected."""

    category: Key | None = None
    severity: Annotated[int, Field(ge=0, le=4)] | None = None
    modality: Modality | None = None


class Looked(Form):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"seconds": 251}, {"seconds": 90, "seen": {"severity": 4}}]}
    )

    seconds: Annotated[int, Field(ge=0, le=LONGEST_SEEN, description=SECONDS)]
    seen: ReallySeen | None = None

    def as_seen(self) -> Seen:
        was = self.seen or ReallySeen()
        return Seen(self.seconds, was.category, was.severity, was.modality)


class Found(Form):
    """What the audit found of the moderator's decision. Whoever disagrees says what kind of error it was, in
    the words of your own list."""

    decision: Literal["agree", "disagree"]
    error_type: Key | None = None
    note: Annotated[str, StringConstraints(max_length=LONGEST_NOTE)] | None = None


class Completed(Looked):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"seconds": 251, "outcome": {"decision": "agree"}},
                {
                    "seconds": 90,
                    "seen": {"severity": 4},
                    "outcome": {"decision": "disagree", "error_type": "too-mild", "note": "It is a threat."},
                },
            ]
        }
    )

    outcome: Found

    def as_outcome(self) -> Outcome:
        return Outcome(self.outcome.decision, self.outcome.error_type, self.outcome.note)


class DayOver(Answer):
    """The work date that is over for you, and since when."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"work_date": "2026-11-23", "until": "2026-11-23T06:30:00Z"}]}
    )

    work_date: date
    until: Told


@router.post(
    "/v1/me/slots/{slot}/start",
    summary="Start a review or a planned break",
    response_model=SlotNow,
    responses=described(
        "not-found", "limit-reached", "already-started", "too-early", "too-soon", "conflict", "stale"
    ),
)
def start_slot(slot: IdPath, actor: Auditor, engine: Database, now: Now) -> SlotNow:
    """Limits are asked of what you have really seen. Where this review would pass one, the answer is
    `limit-reached`; where a rest has to come first or the shift winds down, `too-soon`: with a sentence and,
    as `instead`, the next review that may start or a break. What is reserved for it is its lease, until
    `leased_until`. Sent again, it gives the same answer."""
    return told(start(engine, actor, slot, now), now)


@router.post(
    "/v1/me/slots/{slot}/heartbeat",
    summary="Say that a review is still on the screen",
    response_model=SlotNow,
    responses=described("not-found", "limit-reached", "not-started", "conflict"),
)
def heartbeat(slot: IdPath, actor: Auditor, engine: Database, now: Now) -> SlotNow:
    """Wanted every `beat_within` seconds. It lengthens the lease in small slices as long as limits, stretches
    of work and the shift's edges leave room. Where none is left when the lease runs out, the answer is
    `limit-reached`: cover the content; the review has gone back, what was leased counts, and `instead` says
    what may be done. What is paused or has ended stays as it is."""
    return told(beat(engine, actor, slot, now).slot, now)


@router.post(
    "/v1/me/slots/{slot}/pause",
    summary="Pause a review",
    response_model=SlotNow,
    responses=described("not-found", "not-started", "conflict", "stale"),
)
def pause_slot(slot: IdPath, actor: Auditor, engine: Database, now: Now) -> SlotNow:
    """No reason is asked. It takes effect at once, and the time until you go on is a break. Sent again, it
    gives the same answer."""
    return told(pause(engine, actor, slot, now), now)


@router.post(
    "/v1/me/slots/{slot}/resume",
    summary="Go on with a paused review",
    response_model=SlotNow,
    responses=described("not-found", "limit-reached", "too-soon", "not-started", "conflict", "stale"),
)
def resume_slot(slot: IdPath, actor: Auditor, engine: Database, now: Now) -> SlotNow:
    """What is left of it is asked like a start: `too-soon` where a rest has to come first. Where a limit
    leaves no room for any more of it, the answer is `limit-reached` and it goes back. Sent again, it gives
    the same answer."""
    return told(resume(engine, actor, slot, now), now)


@router.post(
    "/v1/me/slots/{slot}/complete",
    summary="End a review with what was found",
    response_model=SlotNow,
    responses=described("not-found", "not-started", "conflict", "stale"),
)
def complete_slot(slot: IdPath, done: Completed, actor: Auditor, engine: Database, now: Now) -> SlotNow:
    """`seconds` are those you have really looked at it, and `seen` what it really was if that is not what was
    expected. It is recorded as it was, however far beyond what was expected, and never as less than is known.
    Sent again, it gives the same answer; with another outcome, or figures that would be recorded otherwise,
    it is refused. Of a review that ended without your word (at its limit, in a silence, with the day) your
    figures add to what is recorded and take nothing away: once it is done, figures that add nothing count as
    sent again."""
    return told(complete(engine, actor, slot, done.as_seen(), done.as_outcome(), now), now)


@router.post(
    "/v1/me/slots/{slot}/skip",
    summary="Leave a review to somebody else",
    response_model=SlotNow,
    responses=described("not-found", "not-started", "conflict", "stale"),
)
def skip_slot(
    slot: IdPath, actor: Auditor, engine: Database, now: Now, left: Looked | None = None
) -> SlotNow:
    """No reason is asked and nothing follows from it; it is not offered to you again. If it had started, what
    you have seen counts: `seconds` if you say them, else what is known."""
    return told(skip(engine, actor, slot, None if left is None else left.as_seen(), now), now)


@router.post(
    "/v1/me/slots/{slot}/hand-back",
    summary="Hand a planned review back",
    response_model=SlotNow,
    responses=described("not-found", "already-started", "conflict", "stale"),
)
def hand_slot_back(slot: IdPath, actor: Auditor, engine: Database, now: Now) -> SlotNow:
    """Before it has started. No reason is asked; it is not planned for you again on this date. Sent again, it
    gives the same answer."""
    return told(hand_back(engine, actor, slot, now), now)


@router.post(
    "/v1/me/breaks",
    summary="Take a break now",
    response_model=SlotNow,
    responses=described("conflict"),
)
def take_a_break(actor: Auditor, engine: Database, now: Now) -> SlotNow:
    """It lasts until you end it. While a review runs, that is paused, and is the answer. Sent again, it gives
    the break that runs."""
    return told(take_break(engine, actor, now), now)


@router.post(
    "/v1/me/breaks/{slot}/end",
    summary="End a break",
    response_model=SlotNow,
    responses=described("not-found", "limit-reached", "too-soon", "not-started", "conflict", "stale"),
)
def end_a_break(slot: IdPath, actor: Auditor, engine: Database, now: Now) -> SlotNow:
    """Of a planned break too, once it is started. Of a review that was paused for the break, it is going on
    with that."""
    return told(end_break(engine, actor, slot, now), now)


@router.post(
    "/v1/me/day/end",
    summary="End your day now",
    response_model=DayOver,
    responses=described("conflict"),
)
def end_my_day(actor: Auditor, engine: Database, now: Now) -> DayOver:
    """No reason is asked. A review that runs goes back with what is known of it, and what is planned goes to
    others. Sent again, it gives the same answer."""
    over = end_day(engine, actor, now)
    return DayOver(work_date=over.work_date, until=over.until)


def told(slot: MySlot, now: datetime) -> SlotNow:
    return SlotNow(
        slot=slot.slot,
        kind=slot.kind,
        state="paused" if slot.is_paused else slot.state,
        item=slot.item,
        started_at=slot.started_at,
        ended_at=slot.ended_at,
        seconds=slot.seen_seconds,
        leased_until=slot.leased_until,
        beat_within=wanted_within(slot, now),
    )
