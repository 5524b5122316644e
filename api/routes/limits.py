"""The limits in force, lowering one at once and proposing to raise one. For leads and wellbeing."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import ConfigDict, Field, StringConstraints

from allocator.files.shapes import KEY
from api.access import allow
from api.dependencies import Database, Now
from api.fields import Answer, Form, Name, Told, WorkDate, shaped
from api.problems import described
from models.actions.lower_limit import lower_limit
from models.actions.propose_raise import LONGEST_REASON, MOST_AMOUNT, propose_raise
from models.actor import Actor
from models.queries import limits as query

router = APIRouter(tags=["limits"])
LeadOrWellbeing = Annotated[Actor, Depends(allow("lead", "wellbeing"))]
LimitKey = Annotated[
    str, StringConstraints(max_length=300), shaped(KEY), Path(alias="key", examples=["severe-day"])
]

LIMIT: dict[str, Any] = {
    "key": "severe-day",
    "scope": "org",
    "categories": [],
    "min_severity": 3,
    "amount": 7200,
    "unit": "seconds",
    "window_days": 1,
    "ceiling": 14400,
    "parent": None,
    "reason": "Two hours of severe work a day.",
    "source": "our proposal",
    "since": "2026-11-23",
    "approved_by": None,
    "pending": None,
    "may": ["tighten"],
    "who": "Wellbeing staff may lower it at once, and a lead for a team of their own. To raise it, wellbeing "
    "staff propose and another person of wellbeing approves, to 14 400 seconds at most.",
}


class Pending(Answer):
    """A raise that waits for a second person."""

    proposal: int
    amount: int
    reason: str
    proposed_by: str
    proposed_at: Told


class LimitTold(Answer):
    """`amount` and `ceiling` are in `unit`, over `window_days` work dates. `may` is what this token may do:
    `lower` it, `tighten` it for one team by a limit of the team's own, `propose` a raise."""

    key: str
    scope: str
    categories: list[str] = Field(description="what it is about; all if there is none")
    min_severity: int
    amount: int
    unit: str
    window_days: int
    ceiling: int | None = Field(description="nobody raises it above that")
    parent: str | None = Field(description="the limit that it was tightened from for one team")
    reason: str | None
    source: str | None
    since: WorkDate | None
    approved_by: str | None
    pending: Pending | None
    may: list[str]
    who: str = Field(description="who may change it")


class LimitsTold(Answer):
    model_config = ConfigDict(json_schema_extra={"examples": [{"limits": [LIMIT]}]})

    limits: list[LimitTold]


class Lowering(Form):
    model_config = ConfigDict(json_schema_extra={"examples": [{"amount": 5400, "team": "id-early"}]})

    amount: int = Field(ge=0, description="in the limit's unit, and lower than it is")
    team: Name | None = Field(
        None, description="for this team alone; a lead of one team need not say which, where it matters"
    )


class LoweredTold(Answer):
    """`key` is the limit that has changed. `before` and `amount` are in `unit`; `withdrawn` is the
    proposal to raise it that this has overtaken.

    Nothing is added above it from now on. The plans of `plans_made_before` were made under the old amount:
    what they hold above the new one and nobody has begun is withdrawn at once, its people are told, and these
    dates are planned again. How much it is stands nowhere, as it could be one person's."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "key": "severe-day-id-early",
                    "scope": "team:id-early",
                    "parent": "severe-day",
                    "unit": "seconds",
                    "before": 7200,
                    "amount": 5400,
                    "withdrawn": None,
                    "plans_made_before": ["2026-11-23"],
                }
            ]
        }
    )

    key: str
    scope: str
    parent: str | None
    unit: str
    before: int
    amount: int
    withdrawn: int | None
    plans_made_before: list[WorkDate]


class Raise(Form):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"amount": 7200, "reason": "The team is through its first weeks."}]}
    )

    amount: int = Field(ge=0, le=MOST_AMOUNT, description="in the limit's unit, at most its ceiling")
    reason: Annotated[Name, Field(max_length=LONGEST_REASON)]


class ProposedTold(Answer):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "proposal": 3,
                    "key": "severe-day-id-early",
                    "unit": "seconds",
                    "before": 5400,
                    "amount": 7200,
                    "state": "pending",
                }
            ]
        }
    )

    proposal: int
    key: str
    unit: str
    before: int
    amount: int
    state: str


@router.get("/v1/limits", summary="The limits in force that concern you", response_model=LimitsTold)
def in_force(actor: LeadOrWellbeing, engine: Database, now: Now) -> LimitsTold:
    """In the policy's order. For a lead: those of the organisation, of the own teams, and of the markets
    where their people are at home. A limit that holds for one person is shown to wellbeing staff alone."""
    with engine.connect() as connection:
        found = query.limits_in_force(connection, actor, now)
    return LimitsTold(limits=[told(limit, actor) for limit in found])


@router.post(
    "/v1/limits/{key}/lower",
    summary="Lower a limit, at once",
    response_model=LoweredTold,
    responses=described("not-found", "not-yours", "invalid"),
)
def lower(key: LimitKey, wanted: Lowering, actor: LeadOrWellbeing, engine: Database, now: Now) -> LoweredTold:
    """No second person is asked, and what is in use already never stands in the way. A lead lowers limits of
    teams of their own; from any other the team gets a limit of its own, for everybody in it."""
    lowered = lower_limit(engine, actor, key, wanted.amount, wanted.team, now)
    return LoweredTold.model_validate(lowered, from_attributes=True)


@router.post(
    "/v1/limits/{key}/proposals",
    summary="Propose to raise a limit",
    status_code=201,
    response_model=ProposedTold,
    responses=described("not-found", "not-yours", "conflict", "invalid"),
)
def propose(key: LimitKey, wanted: Raise, actor: LeadOrWellbeing, engine: Database, now: Now) -> ProposedTold:
    """Nothing changes until another person, of wellbeing, approves. One proposal for a limit at a time."""
    made = propose_raise(engine, actor, key, wanted.amount, wanted.reason, now)
    return ProposedTold(
        proposal=made.id,
        key=made.key,
        unit=made.unit,
        before=made.before,
        amount=made.amount,
        state="pending",
    )


def told(limit: query.LimitInForce, actor: Actor) -> LimitTold:
    pending = None
    if limit.pending is not None:
        pending = Pending(
            proposal=limit.pending.id,
            amount=limit.pending.amount,
            reason=limit.pending.reason,
            proposed_by=limit.pending.proposed_by,
            proposed_at=limit.pending.proposed_at,
        )
    return LimitTold(
        key=limit.key,
        scope=limit.scope,
        categories=list(limit.categories),
        min_severity=limit.min_severity,
        amount=limit.amount,
        unit=limit.unit,
        window_days=limit.window_days,
        ceiling=limit.ceiling,
        parent=limit.parent,
        reason=limit.reason,
        source=limit.source,
        since=limit.since,
        approved_by=limit.approved_by,
        pending=pending,
        may=query.may(limit, actor),
        who=query.who_may_change(limit),
    )
