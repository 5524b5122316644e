"""Escalations: a tool asks for a decision to be audited, and for what has become of it. For upstream."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Response
from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from api.access import allow
from api.dependencies import Database, Now
from api.fields import Answer, Form, Instant, Key, Language, Market, Name, Told, distinct
from api.problems import described
from models.actions.escalate import Escalation, escalate
from models.actor import Actor
from models.queries import escalations as query
from models.refusal import Refusal

router = APIRouter(tags=["upstream"])
Upstream = Annotated[Actor, Depends(allow("upstream"))]

IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
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
ACCEPTED: dict[str, Any] = {
    "id": "case-4711",
    "state": "accepted",
    "links": {"self": "/v1/escalations/case-4711"},
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
    "sentence": "14 auditors: 5 do not speak id, 9 are not free for it.",
    "planned": [],
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
    seconds: int = Field(ge=1, le=57_600, description="how long one review is expected to take")
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


class EscalationAccepted(Answer):
    model_config = ConfigDict(json_schema_extra={"examples": [ACCEPTED]})

    id: str
    state: Literal["accepted"]
    links: dict[str, str]


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
    responses=described("conflict", "key-reused"),
)
def submit(
    asked: EscalationRequest,
    key: IdempotencyKey,
    actor: Upstream,
    engine: Database,
    now: Now,
    response: Response,
) -> EscalationAccepted:
    """It is stored, and the next plan places it or says why not. Nobody is promised it in advance."""
    accepted = escalate(engine, actor, key, asked.escalation(), now)
    here = f"/v1/escalations/{accepted.id}"
    response.headers["Location"] = here
    return EscalationAccepted(id=accepted.id, state="accepted", links={"self": here})


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
