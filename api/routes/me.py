"""An auditor's own day to look at: the queue, what may be done now, and what they have seen."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import ConfigDict, Field

from allocator.rules.policy import Modality
from api.access import Allow, allow, digest_of
from api.dependencies import Configured, Database, Now, ReadersPool
from api.fields import Answer, WorkDate
from api.problems import BAD_TOKEN, Problem
from api.readers import read
from models.actor import Actor
from models.queries.asking import through
from models.queries.my_exposure import my_exposure
from models.queries.my_next import next_of_holder
from models.queries.queue import queue

router = APIRouter(tags=["auditor"])
Auditor = Annotated[Actor, Depends(allow("auditor"))]

PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
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
    """`review` of work only, `label` of planned breaks only. Planned times are estimates: take yours. Cover
    what is on the screen at `leased_until`, unless a heartbeat has moved it."""

    slot: int
    kind: Literal["work", "break", "busy"]
    label: Literal["short", "recovery", "meal"] | None
    state: Literal["planned", "started", "paused", "done"]
    planned_start: datetime
    planned_end: datetime
    started_at: datetime | None
    ended_at: datetime | None
    leased_until: datetime | None
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
    """Instants are in UTC; `timezone` is where you live. You are there from `there_from` until `there_until`,
    which differ from the shift if you come later or have ended it early. Where there is nothing, `note` says
    why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "work_date": "2026-11-23",
                    "timezone": "Asia/Jakarta",
                    "shift_start": "2026-11-23T01:00:00+00:00",
                    "shift_end": "2026-11-23T09:00:00+00:00",
                    "there_from": "2026-11-23T01:00:00+00:00",
                    "there_until": "2026-11-23T09:00:00+00:00",
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
                            "leased_until": None,
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
                            "leased_until": None,
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
    there_from: datetime | None
    there_until: datetime | None
    plan: PlanInForce | None
    note: str | None
    slots: list[Slot]
    limits: list[LimitLeft]


class NextNow(Answer):
    """`do`: `finish` what runs or is paused, start the `review` or the `break`, `wait` until `until`, or
    `nothing`. `slot` is what to finish or start; a break without one was not planned: `POST /v1/me/breaks`
    begins it."""

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


class BreaksOfDate(Answer):
    """Breaks and pauses that were taken, with their seconds, and breaks that are planned still."""

    work_date: date
    taken: int
    seconds: int
    planned: int
    planned_seconds: int


class MyExposure(Answer):
    """All that was seen, whoever recorded it, the limits in the windows that end on `to`, and breaks: these
    are facts for you, and no score."""

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {
                    "from": "2026-11-17",
                    "to": "2026-11-23",
                    "seen": [],
                    "limits": [SEVERE_DAY],
                    "breaks": [
                        {
                            "work_date": "2026-11-23",
                            "taken": 1,
                            "seconds": 900,
                            "planned": 2,
                            "planned_seconds": 1800,
                        }
                    ],
                }
            ]
        },
    )

    first: date = Field(alias="from")
    to: date
    seen: list[ExposureRow]
    limits: list[LimitLeft]
    breaks: list[BreaksOfDate]


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
    body = read(readers, lambda asked: queue(asked, token, date, now, settings.review_tool_url))
    if body is None:
        raise INSIDE.refuse(request)
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {**PRIVATE, "ETag": tag}
    if known is not None and is_known(tag, known):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def is_known(tag: str, told: str) -> bool:
    """Whether `If-None-Match` names this tag; a proxy may have made it a weak one."""
    return told.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in told.split(","))


@router.get("/v1/me/next", summary="What you may do now", response_model=NextNow)
def next_now(
    request: Request, token: Annotated[bytes, Depends(INSIDE)], readers: ReadersPool, now: Now
) -> Response:
    """The planned review or break; where that would pass a limit or comes too soon after what you have really
    seen, the next one that does not, or a rest with its length, and the reason in a sentence. A review that
    runs comes first; a paused one as soon as it may go on. You may take a break at any time, whatever this
    says."""
    found = read(readers, lambda asked: next_of_holder(through(asked), token, now))
    if found is None:
        raise INSIDE.refuse(request)
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
