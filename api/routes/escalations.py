"""Escalations: a tool asks for a decision to be audited, and for what has become of it. For upstream."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Request, Response
from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, WithJsonSchema
from sqlalchemy import Engine

from allocator.rules.policy import LONGEST_SHIFT
from api.access import allow
from api.dependencies import Configured, Database, Now
from api.faults import Fault
from api.fields import Answer, Form, Instant, Key, Language, Market, Name, Told, distinct
from api.problems import Problem, described
from models.actions.escalate import Escalation, check, escalate
from models.actions.withdraw_item import withdraw_item
from models.actor import Actor
from models.queries import escalations as query
from models.queries import left_out
from models.queries.expected_placement import NOT_FORETOLD, Expected, expected_placement
from models.queries.tasks import so_many_live
from models.refusal import Refusal

router = APIRouter(tags=["upstream"])
Upstream = Annotated[Actor, Depends(allow("upstream"))]
UpstreamOrLead = Annotated[Actor, Depends(allow("upstream", "lead"))]
AGAIN_AFTER = 5
"""Seconds after which whoever was refused for too many waiting tasks may try again."""

IDEMPOTENCY_KEY = "Idempotency-Key"
IdempotencyKey = Annotated[
    str,
    Header(
        alias=IDEMPOTENCY_KEY,
        description="Made up by the sender: what is sent twice with one key is accepted once.",
        min_length=1,
        max_length=200,
        pattern=r"^[!-~]+$",
        examples=["0f8fad5b-d9cb-469f-a165-70867728950e"],
    ),
]
LAST_PRIORITY = 4
ItemId = Annotated[
    str, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]*$")
]
"""An id that can stand in an address as it is."""

ASKED: dict[str, Any] = {
    "id": "case-4711",
    "market": "ID",
    "language": "id",
    "category": "violence",
    "severity": 3,
    "modality": "video",
    "seconds": 240,
    "priority": 1,
    "due": "2026-11-23T09:00:00Z",
    "excluded": ["mod-17"],
}
ASKED_ABOUT: dict[str, Any] = {name: value for name, value in ASKED.items() if name != "excluded"}
EXPECTED: dict[str, Any] = {"start": "2026-11-23T01:10:00Z", "end": "2026-11-23T01:14:00Z", "late": False}
ACCEPTED: dict[str, Any] = {
    "id": "case-4711",
    "state": "accepted",
    "expected": None,
    "sentence": NOT_FORETOLD,
    "links": {"self": "/v1/escalations/case-4711"},
}
NOBODY_EXCLUDED: dict[str, Any] = ACCEPTED | {
    "id": "case-4712",
    "expected": EXPECTED,
    "sentence": None,
    "links": {"self": "/v1/escalations/case-4712"},
}
PLANNED: dict[str, Any] = {
    "id": "case-4711",
    "state": "planned",
    "submitted_at": "2026-11-22T15:00:00Z",
    "reviews": 1,
    "missing": 0,
    "sentence": None,
    "planned": [{"start": "2026-11-23T01:10:00Z", "end": "2026-11-23T01:14:00Z", "state": "planned"}],
}
LEFT_OUT = PLANNED | {
    "state": "left-out",
    "missing": 1,
    "sentence": query.NOBODY_FREE,
    "planned": [],
}
PREVIEWED: dict[str, Any] = {"expected": EXPECTED, "sentence": None, "ruled_out": None, "earliest": None}
NOWHERE: dict[str, Any] = {
    "expected": None,
    "sentence": "14 auditors: 5 do not speak id, 9 are not free for it.",
    "ruled_out": {"language": 5, "not-free": 9},
    "earliest": "2026-11-24T01:00:00Z",
}


class EscalationRequest(Form):
    """The rule book's columns of an escalation. What is left out or null has its default."""

    model_config = ConfigDict(json_schema_extra={"examples": [ASKED]})

    id: ItemId | None = Field(None, description="different for each item; made up where it is left out")
    market: Market = Field(description="ISO 3166-1 alpha-2")
    language: Language = Field(description="BCP 47")
    category: Key = Field(description="one that the policy knows")
    severity: int | None = Field(
        None, ge=0, le=4, description="left out where nobody knows; then it is planned as 4"
    )
    modality: Literal["text", "image", "audio", "video", "live"]
    seconds: int = Field(ge=1, le=LONGEST_SHIFT, description="how long one review is expected to take")
    reviews: int | None = Field(None, ge=1, le=100, description="how many are wanted, by different people; 1")
    priority: int | None = Field(None, ge=1, le=4, description="1, the most urgent, to 4, the default")
    release: Instant | None = Field(None, description="no review begins earlier")
    due: Instant | None = Field(None, description="a review is on time if it has ended by then")
    excluded: Annotated[list[Name], Field(max_length=100), AfterValidator(distinct)] | None = Field(
        None, description="people who must not take it, because they decided it or have reviewed it before"
    )

    def escalation(self) -> Escalation:
        return Escalation(
            id=self.id,
            market=self.market,
            language=self.language,
            category=self.category,
            severity=self.severity,
            modality=self.modality,
            seconds=self.seconds,
            reviews=self.reviews or 1,
            priority=self.priority or LAST_PRIORITY,
            release=self.release,
            due=self.due,
            excluded=tuple(self.excluded or ()),
        )


def nobody(names: list[str]) -> list[str]:
    if names:
        raise ValueError(
            "is not for a preview: whoever may leave people out could ask about the one who is left"
        )
    return names


class PreviewRequest(EscalationRequest):
    """An escalation as it would be sent, without anybody who is excluded."""

    model_config = ConfigDict(json_schema_extra={"examples": [ASKED_ABOUT]})

    excluded: (
        Annotated[
            list[Name], AfterValidator(nobody), WithJsonSchema({"type": "array", "items": {}, "maxItems": 0})
        ]
        | None
    ) = Field(None, description="nobody: where people are left out no place is foretold")


class ExpectedTold(Answer):
    """When it would be reviewed if nothing else changed; `late`: after it is due."""

    start: Told
    end: Told
    late: bool


class EscalationAccepted(Answer):
    """`expected` is where it was to go when it was accepted, no promise; where there is none, `sentence` says
    why. Where people are excluded there never is: `GET /v1/escalations/{id}` says when it is placed."""

    model_config = ConfigDict(json_schema_extra={"examples": [ACCEPTED, NOBODY_EXCLUDED]})

    id: str
    state: Literal["accepted"]
    expected: ExpectedTold | None
    sentence: str | None
    links: dict[str, str]


class Previewed(Answer):
    """`expected` is where it would go now. Where there is no place, leads are told why (`ruled_out`, in the
    words of the coverage) and when somebody could begin it at the soonest, on a date not planned yet."""

    model_config = ConfigDict(json_schema_extra={"examples": [PREVIEWED, NOWHERE]})

    expected: ExpectedTold | None
    sentence: str | None
    ruled_out: dict[str, int] | None
    earliest: Told | None


class EscalationWithdrawn(Answer):
    model_config = ConfigDict(json_schema_extra={"examples": [{"id": "case-4711", "state": "withdrawn"}]})

    id: str
    state: Literal["withdrawn"]


class PlannedReview(Answer):
    start: Told
    end: Told
    state: Literal["planned", "started", "done"]


class EscalationTold(Answer):
    """`state` goes by the review that is furthest, and is `done` when all are. `planned` holds the times at
    which the plan in force has them, not who reviews. `missing` are the reviews that it has no place for,
    `sentence` says why."""

    model_config = ConfigDict(json_schema_extra={"examples": [PLANNED, LEFT_OUT]})

    id: str
    state: Literal["accepted", "planned", "started", "done", "left-out", "withdrawn"]
    submitted_at: Told
    reviews: int
    missing: int
    sentence: str | None
    planned: list[PlannedReview]


@router.post(
    "/v1/escalations",
    summary="Ask for a decision to be audited",
    status_code=202,
    response_model=EscalationAccepted,
    responses=described("conflict", "key-reused", "overloaded"),
)
def submit(
    asked: EscalationRequest,
    key: IdempotencyKey,
    actor: Upstream,
    engine: Database,
    configured: Configured,
    now: Now,
    request: Request,
    response: Response,
) -> EscalationAccepted:
    """It is stored, and a worker places it into the plans in force at once, or says why not. Nobody is
    promised it in advance."""
    refuse_several_keys(request)
    refuse_if_overloaded(engine, configured.most_waiting)
    accepted = escalate(engine, actor, key, asked.escalation(), now)
    here = f"/v1/escalations/{accepted.id}"
    response.headers["Location"] = here
    return EscalationAccepted(
        id=accepted.id,
        state="accepted",
        expected=as_told(accepted.expected),
        sentence=accepted.expected.sentence,
        links={"self": here},
    )


def refuse_several_keys(request: Request) -> None:
    """Which of them it is to be known by, nobody could say; a proxy might take another one than we do.

    Raises:
        Problem: `invalid`.
    """
    if len(request.headers.getlist(IDEMPOTENCY_KEY)) > 1:
        twice: Fault = {"field": IDEMPOTENCY_KEY, "sentence": "is given twice"}
        raise Problem("invalid", f"{IDEMPOTENCY_KEY} is given twice.", field=IDEMPOTENCY_KEY, faults=[twice])


def refuse_if_overloaded(engine: Engine, most_waiting: int) -> None:
    """
    Raises:
        Problem: `overloaded`.
    """
    with engine.connect() as connection:
        if so_many_live(connection, most_waiting):
            after = {"Retry-After": str(AGAIN_AFTER)}
            raise Problem("overloaded", "Too many tasks wait; send it again a little later.", headers=after)


def as_told(expected: Expected) -> ExpectedTold | None:
    if expected.start is None or expected.end is None:
        return None
    return ExpectedTold(start=expected.start, end=expected.end, late=expected.late)


@router.post(
    "/v1/escalations:preview",
    summary="Where an escalation would go, and when",
    response_model=Previewed,
    responses=described("conflict"),
)
def preview(asked: PreviewRequest, actor: UpstreamOrLead, engine: Database, now: Now) -> Previewed:
    """Nothing is stored, and nobody is named. A lead is told what is in the way. `excluded` is for nobody
    here: whoever may leave people out could ask about the one who is left. What could not be sent for its
    category or its times is refused here too."""
    escalation = asked.escalation()
    check(engine, escalation)
    expected = expected_placement(engine, escalation.asked(), now)
    if actor.persona != "lead" or expected.ruled_out is None:
        return Previewed(
            expected=as_told(expected), sentence=expected.sentence, ruled_out=None, earliest=None
        )
    safe = left_out.told(expected.ruled_out, left_out.may_be_apart([expected.ruled_out]))
    return Previewed(
        expected=None,
        sentence=left_out.sentence(safe, escalation.language, escalation.market),
        ruled_out=safe,
        earliest=expected.earliest,
    )


@router.delete(
    "/v1/escalations/{escalation}",
    summary="Take an escalation back",
    response_model=EscalationWithdrawn,
    responses=described("not-found", "conflict"),
)
def withdraw(
    escalation: Annotated[ItemId, Path(examples=["case-4711"])],
    actor: Annotated[Actor, Depends(allow("upstream", "operations"))],
    engine: Database,
    now: Now,
) -> EscalationWithdrawn:
    """For whoever submitted it, and for operations: nobody is asked for it from now on. What has begun may be
    brought to its end."""
    withdraw_item(engine, actor, escalation, now)
    return EscalationWithdrawn(id=escalation, state="withdrawn")


@router.get(
    "/v1/escalations/{escalation}",
    summary="What has become of an escalation",
    response_model=EscalationTold,
    responses=described("not-found"),
)
def one(
    escalation: Annotated[ItemId, Path(examples=["case-4711"])], actor: Upstream, engine: Database
) -> EscalationTold:
    """For whoever submitted it. Who reviews it, and what that person sees, is not told."""
    with engine.connect() as connection:
        state = query.escalation(connection, actor.name, escalation)
    if state is None:
        raise Refusal("not-found", "There is no escalation of yours with this id.")
    return EscalationTold(
        id=state.id,
        state=state.state,
        submitted_at=state.submitted_at,
        reviews=state.reviews,
        missing=state.missing,
        sentence=state.sentence,
        planned=[PlannedReview(start=one.start, end=one.end, state=one.state) for one in state.planned],
    )
