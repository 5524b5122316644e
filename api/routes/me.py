"""An auditor's own day: the queue, working it, breaks, and what they have seen."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from psycopg import OperationalError
from pydantic import ConfigDict, Field

from allocator.rules.policy import Modality
from api.access import Allow, allow, digest_of
from api.dependencies import Configured, Database, Now, ReadersPool
from api.fields import Answer, Form, IdPath, Key, Told, WorkDate
from api.problems import BAD_TOKEN, Problem, described
from models.actions.complete import complete
from models.actions.end_break import end_break
from models.actions.settle_exposure import Seen
from models.actions.skip import skip
from models.actions.start import start
from models.actions.take_break import take_break
from models.actor import Actor
from models.connection import Readers
from models.queries.my_exposure import my_exposure
from models.queries.my_next import my_next
from models.queries.my_slot import MySlot
from models.queries.queue import queue

router = APIRouter(tags=["auditor"])
Auditor = Annotated[Actor, Depends(allow("auditor"))]

PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
LONGEST_SEEN = 31 * 86_400
"""Seconds. A number above it is a slip of the client; below it nothing is refused for being large."""
LONGEST_SPAN = 366
"""Work dates of exposure at a time."""


class AllowInside(Allow):
    """Like `allow`, for a query that looks for the token itself, so that the database is asked once: it
    gives the token's SHA-256. If the query finds nobody, `refuse` says why."""

    async def __call__(self, request: Request) -> bytes:  # type: ignore[override]
        return digest_of(request)

    def refuse(self, request: Request) -> Problem:
        super().__call__(request)
        # It became valid in this very moment.
        return Problem("unauthenticated", "This token is unknown, expired or revoked.", headers=BAD_TOKEN)


INSIDE = AllowInside(("auditor",))


class Presentation(Answer):
    """How the review tool should first show it: so by default for all that is severe. It is no less of an
    exposure for that: blurred, grey and silent material counts in full."""

    blur: bool
    greyscale: bool
    mute: bool


class Review(Answer):
    item: str
    kind: Literal["sample", "escalation", "calibration"]
    market: str
    language: str
    category: str
    severity: int = Field(ge=0, le=4)
    modality: Modality
    expected_seconds: int
    due: datetime | None
    link: str = Field(description="where it can be looked at: the review tool's own address")
    presentation: Presentation


class Slot(Answer):
    """`review` of work only, `label` of planned breaks only. Planned times are estimates: take yours."""

    slot: int
    kind: Literal["work", "break", "busy"]
    label: Literal["short", "recovery", "meal"] | None
    state: Literal["planned", "started", "done"]
    planned_start: datetime
    planned_end: datetime
    started_at: datetime | None
    ended_at: datetime | None
    review: Review | None


class LimitLeft(Answer):
    """One limit that binds you, in the `window_days` work dates up to this one: what it allows you, what
    you have seen, what is reserved for planned reviews, what is left; in seconds, items, or points for a
    dose."""

    key: str
    selection: str = Field(description="what it is about, in words")
    measure: Literal["seconds", "items", "dose"]
    window_days: int
    allowed: float
    seen: float
    reserved: float
    left: float = Field(ge=0)
    sentence: str


class PlanInForce(Answer):
    id: int
    version: int


SEVERE_DAY: dict[str, Any] = {
    "key": "severe-day",
    "selection": "severe work",
    "measure": "seconds",
    "window_days": 1,
    "allowed": 7200,
    "seen": 0,
    "reserved": 5400,
    "left": 1800,
    "sentence": "Of 120 minutes of severe work on this date you have seen 0, 90 are planned, 30 are left.",
}


class Queue(Answer):
    """Instants are in UTC; `timezone` is where you live. Where there is nothing, `note` says why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "work_date": "2026-11-23",
                    "timezone": "Asia/Jakarta",
                    "shift_start": "2026-11-23T01:00:00+00:00",
                    "shift_end": "2026-11-23T09:00:00+00:00",
                    "plan": {"id": 7, "version": 2},
                    "note": None,
                    "slots": [
                        {
                            "slot": 4711,
                            "kind": "work",
                            "label": None,
                            "state": "planned",
                            "planned_start": "2026-11-23T01:00:00+00:00",
                            "planned_end": "2026-11-23T01:04:00+00:00",
                            "started_at": None,
                            "ended_at": None,
                            "review": {
                                "item": "case-4711",
                                "kind": "escalation",
                                "market": "ID",
                                "language": "id",
                                "category": "violence",
                                "severity": 4,
                                "modality": "live",
                                "expected_seconds": 240,
                                "due": "2026-11-23T02:00:00+00:00",
                                "link": "https://review.example/items/case-4711",
                                "presentation": {"blur": True, "greyscale": True, "mute": True},
                            },
                        },
                        {
                            "slot": 4712,
                            "kind": "break",
                            "label": "recovery",
                            "state": "planned",
                            "planned_start": "2026-11-23T01:04:00+00:00",
                            "planned_end": "2026-11-23T01:14:00+00:00",
                            "started_at": None,
                            "ended_at": None,
                            "review": None,
                        },
                    ],
                    "limits": [SEVERE_DAY],
                }
            ]
        }
    )

    work_date: date
    timezone: str | None
    shift_start: datetime | None
    shift_end: datetime | None
    plan: PlanInForce | None
    note: str | None
    slots: list[Slot]
    limits: list[LimitLeft]


class SlotNow(Answer):
    """A slot as it stands after this request; `seconds` are those that were recorded as seen."""

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
                }
            ]
        }
    )

    slot: int
    kind: Literal["work", "break", "busy"]
    state: Literal["planned", "started", "done", "skipped", "withdrawn"]
    item: str | None
    started_at: Told | None
    ended_at: Told | None
    seconds: int | None


class ReallySeen(Form):
    """What it really was, where that is not what was expected."""

    category: Key | None = None
    severity: Annotated[int, Field(ge=0, le=4)] | None = None
    modality: Modality | None = None


class Completed(Form):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"seconds": 251}, {"seconds": 90, "seen": {"severity": 4}}]}
    )

    seconds: Annotated[int, Field(ge=0, le=LONGEST_SEEN, description="how long it was really looked at")]
    seen: ReallySeen | None = None

    def as_seen(self) -> Seen:
        was = self.seen or ReallySeen()
        return Seen(self.seconds, was.category, was.severity, was.modality)


class NextNow(Answer):
    """`do`: `finish` what runs, start the `review` or the `break`, `wait` until `until`, or `nothing`. `slot`
    is what to finish or start; a break without one was not planned: `POST /v1/me/breaks` begins it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "work_date": "2026-11-23",
                    "do": "break",
                    "slot": None,
                    "seconds": 900,
                    "until": "2026-11-23T03:25:00Z",
                    "label": "recovery",
                    "sentence": "You have looked at severe material for 28 minutes since your last rest; "
                    "a rest of 15 minutes comes first.",
                }
            ]
        }
    )

    work_date: date
    do: Literal["finish", "review", "break", "wait", "nothing"]
    slot: int | None
    seconds: int | None
    until: datetime | None
    label: Literal["short", "recovery", "meal"] | None
    sentence: str | None


class ExposureRow(Answer):
    work_date: date
    category: str
    severity: int
    modality: Modality
    seconds: int
    items: int
    points: float


class MyExposure(Answer):
    """All that was seen, whoever recorded it, and the limits in the windows that end on `to`."""

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={
            "examples": [{"from": "2026-11-17", "to": "2026-11-23", "seen": [], "limits": [SEVERE_DAY]}]
        },
    )

    first: date = Field(alias="from")
    to: date
    seen: list[ExposureRow]
    limits: list[LimitLeft]


@router.get(
    "/v1/me/queue",
    summary="Your day, in order",
    response_model=Queue,
    responses={
        200: {"headers": {"ETag": {"schema": {"type": "string"}, "description": "of exactly this content"}}},
        304: {"description": "Nothing has changed since the answer with this `ETag`"},
    },
)
def my_queue(
    request: Request,
    token: Annotated[bytes, Depends(INSIDE)],
    readers: ReadersPool,
    settings: Configured,
    now: Now,
    date: Annotated[WorkDate | None, Query(description="a work date; by default today's")] = None,
    known: Annotated[str | None, Header(alias="If-None-Match", max_length=1000)] = None,
) -> Response:
    """Reviews and breaks as the plan in force has them and as far as you have come; what you have skipped is
    gone. Severe reviews come with hints to show them blurred, grey and silent at first, which never makes
    them count less.

    Without `date` this is the shift that runs or comes next. A date without a shift or a plan is an empty
    day, and `note` says so. Send the `ETag` back as `If-None-Match`: as long as nothing has changed, the
    answer is 304."""
    body = read_queue(readers, token, date, now, settings.review_tool_url)
    if body is None:
        raise INSIDE.refuse(request)
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {**PRIVATE, "ETag": tag}
    if known is not None and is_known(tag, known):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def read_queue(
    readers: Readers, token: bytes, work_date: date | None, now: datetime, address: str
) -> bytes | None:
    readers.open()
    try:
        with readers.connection() as connection:
            return queue(connection, token, work_date, now, address)
    except OperationalError:
        # A connection that broke while it lay idle, as after a restart of the database; the next one holds.
        readers.check()
        with readers.connection() as connection:
            return queue(connection, token, work_date, now, address)


def is_known(tag: str, told: str) -> bool:
    """Whether `If-None-Match` names this tag; a proxy may have made it a weak one."""
    return told.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in told.split(","))


@router.get("/v1/me/next", summary="What you may do now", response_model=NextNow)
def next_now(actor: Auditor, engine: Database, now: Now) -> Response:
    """The planned review or break; where that would pass a limit or comes too soon after what you have really
    seen, the next one that does not, or a rest with its length, and the reason in a sentence. You may take a
    break at any time, whatever this says."""
    with engine.connect() as connection:
        found = my_next(connection, actor.subject, now)
    answer = NextNow(
        work_date=found.work_date,
        do=found.do,
        slot=found.slot,
        seconds=found.seconds,
        until=found.until,
        label=found.label,
        sentence=found.sentence,
    )
    return Response(answer.model_dump_json(), media_type="application/json", headers=PRIVATE)


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
    as `instead`, the next review that may start or a break. Sent again, it gives the same answer."""
    return told(start(engine, actor, slot, now))


@router.post(
    "/v1/me/slots/{slot}/complete",
    summary="End a review",
    response_model=SlotNow,
    responses=described("not-found", "not-started", "conflict"),
)
def complete_slot(slot: IdPath, done: Completed, actor: Auditor, engine: Database, now: Now) -> SlotNow:
    """`seconds` are those you have really looked at it, and `seen` what it really was if that is not what was
    expected. It is recorded as it was, however much it is, and counts from now on. Sent again, it gives the
    same answer; with other figures it is refused."""
    return told(complete(engine, actor, slot, done.as_seen(), now))


@router.post(
    "/v1/me/slots/{slot}/skip",
    summary="Leave a review to somebody else",
    response_model=SlotNow,
    responses=described("not-found", "not-started", "conflict", "stale"),
)
def skip_slot(
    slot: IdPath, actor: Auditor, engine: Database, now: Now, left: Completed | None = None
) -> SlotNow:
    """No reason is asked and nothing follows from it; it is not offered to you again. If it had started, what
    you have seen counts: `seconds` if you say them, else all since the start."""
    return told(skip(engine, actor, slot, None if left is None else left.as_seen(), now))


@router.post(
    "/v1/me/breaks",
    summary="Take a break now",
    response_model=SlotNow,
    responses=described("already-started", "conflict"),
)
def take_a_break(actor: Auditor, engine: Database, now: Now) -> SlotNow:
    """It lasts until you end it. While a review runs, complete or skip that first. Sent again, it gives the
    break that runs."""
    return told(take_break(engine, actor, now))


@router.post(
    "/v1/me/breaks/{slot}/end",
    summary="End a break",
    response_model=SlotNow,
    responses=described("not-found", "not-started", "stale"),
)
def end_a_break(slot: IdPath, actor: Auditor, engine: Database, now: Now) -> SlotNow:
    """Of a planned break too, once it is started."""
    return told(end_break(engine, actor, slot, now))


@router.get("/v1/me/exposure", summary="What you have seen", response_model=MyExposure)
def exposure_of_mine(
    actor: Auditor,
    engine: Database,
    now: Now,
    first: Annotated[
        WorkDate | None, Query(alias="from", description="by default six dates before `to`")
    ] = None,
    last: Annotated[WorkDate | None, Query(alias="to", description="a work date; by default today's")] = None,
) -> Response:
    """By work date, category, severity and modality, with what is left under each limit. Only you, and
    wellbeing staff who say what for, can ask this of you."""
    if first is not None and last is not None and not 0 <= (last - first).days < LONGEST_SPAN:
        raise Problem(
            "invalid", f"`from` comes before `to`, by less than {LONGEST_SPAN} dates.", field="from"
        )
    if first is not None and last is None:
        raise Problem("invalid", "With `from` goes a `to`.", field="to")
    with engine.connect() as connection:
        body = my_exposure(connection, actor.subject, first, last, now)
    return Response(body, headers=PRIVATE, media_type="application/json")


def told(slot: MySlot) -> SlotNow:
    return SlotNow(
        slot=slot.slot,
        kind=slot.kind,
        state=slot.state,
        item=slot.item,
        started_at=slot.started_at,
        ended_at=slot.ended_at,
        seconds=slot.seen_seconds,
    )
