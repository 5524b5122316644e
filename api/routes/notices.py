"""What somebody is told: read, marked as seen, and as it comes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import ConfigDict

from api.access import allow, digest_of
from api.dependencies import Database, Hearing, Now, ReadersPool
from api.events import EventStream, Stream, event
from api.fields import MOST_ID, Answer, IdPath, Told, WorkDate
from api.problems import described
from api.readers import read
from models.actions.see_notice import see_notice
from models.actor import Actor
from models.queries import notices as query

router = APIRouter(tags=["notices"])
Somebody = Annotated[Actor, Depends(allow("auditor", "lead", "wellbeing", "operations"))]
Auditor = Annotated[Actor, Depends(allow("auditor"))]
PAGE = 100

NOTICE: dict[str, Any] = {
    "notice": 17,
    "work_date": "2026-11-23",
    "kind": "escalation-placed",
    "sentence": "An escalation was added to your day at 10:20; two reviews come later for it.",
    "detail": {"slots": [4711, 4712, 4713]},
    "at": "2026-11-23T03:12:09Z",
    "seen_at": None,
}


class NoticeTold(Answer):
    """`sentence` says what changed and why; `detail` names slots, items or a plan, as its `kind` has them.
    `seen_at` is for auditors."""

    notice: int
    work_date: WorkDate | None
    kind: str
    sentence: str
    detail: dict[str, Any]
    at: Told
    seen_at: Told | None


class NoticesTold(Answer):
    """The newest last. `more`: there are later ones; ask again with `after` the last of these."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"notices": [NOTICE], "more": False}]})

    notices: list[NoticeTold]
    more: bool


class NoticeSeen(Answer):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"notice": 17, "seen_at": "2026-11-23T03:12:30Z"}]}
    )

    notice: int
    seen_at: Told


@router.get("/v1/notices", summary="What you were told", response_model=NoticesTold)
def listed(
    actor: Somebody,
    readers: ReadersPool,
    after: Annotated[int | None, Query(ge=0, le=MOST_ID, description="a notice's number")] = None,
) -> NoticesTold:
    """Every change to your day that you did not make yourself, with its reason; for a lead, what concerns
    their teams; for wellbeing and operations, what they should look into. The last 100, or with `after` the
    first 100 that were told later. `GET /v1/events` with the last number goes on from there."""
    told = query.addressees(actor)
    if after is None:
        found = read(readers, lambda connection: query.latest(connection, told, PAGE))
    else:
        found = read(readers, lambda connection: query.after(connection, told, after, PAGE + 1))
    return NoticesTold(
        notices=[as_told(notice) for notice in found[:PAGE]],
        more=len(found) > PAGE,
    )


@router.post(
    "/v1/notices/{notice}/seen",
    summary="Mark a notice as seen",
    response_model=NoticeSeen,
    responses=described("not-found"),
)
def seen(notice: IdPath, actor: Auditor, engine: Database, now: Now) -> NoticeSeen:
    """So that your other devices need not show it again. Sent again, it gives when you first said so."""
    at: datetime = see_notice(engine, actor, notice, now)
    return NoticeSeen(notice=notice, seen_at=at)


@router.get(
    "/v1/events",
    summary="What you are told, as it comes",
    status_code=200,
    response_class=EventStream,
    responses={
        200: {
            "description": "Server-sent events, until you leave",
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": event("notice", NOTICE, NOTICE["notice"]).decode(),
                }
            },
        }
    },
)
async def events(
    request: Request,
    actor: Somebody,
    hearing: Hearing,
    after: Annotated[
        int | None, Query(ge=0, le=MOST_ID, description="a notice's number; `Last-Event-ID` goes before it")
    ] = None,
    last: Annotated[
        int | None,
        Header(
            alias="Last-Event-ID", ge=0, le=MOST_ID, description="the last `id` that this client was given"
        ),
    ] = None,
) -> Response:
    """An event `notice` for each notice, as `GET /v1/notices` has it, within a second of its commit. First
    come those that you missed: with `Last-Event-ID` or `after`, all that were told later, none of them twice;
    without, an auditor's that are not marked as seen, and for others none.

    Every 15 seconds comes a comment. An event `end` says why the stream ends: your token does not count any
    more (`token`), you have opened more than three (`elsewhere`: the oldest ends; do not come back by
    yourself), you read too slowly (`slow`), or the server stops (`server`). Come back with the last `id`."""
    start = after if last is None else last
    stream = Stream(actor.name, frozenset(query.addressees(actor)), digest_of(request), start)
    return EventStream(hearing, stream)


def as_told(notice: query.Notice) -> NoticeTold:
    return NoticeTold(
        notice=notice.number,
        work_date=notice.work_date,
        kind=notice.kind,
        sentence=notice.sentence,
        detail=dict(notice.detail),
        at=notice.at,
        seen_at=notice.seen_at,
    )
