"""Proposals to raise a limit, and deciding them. For wellbeing."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict

from api.access import allow
from api.dependencies import Database, Now
from api.fields import MOST_ID, Answer, IdPath, Told, WorkDate
from api.problems import described
from models.actions.approve_raise import approve_raise
from models.actions.refuse_raise import refuse_raise
from models.actor import Actor
from models.queries import proposals as query

router = APIRouter(tags=["wellbeing"])
Wellbeing = Annotated[Actor, Depends(allow("wellbeing"))]
PAGE = 100

PROPOSAL: dict[str, Any] = {
    "proposal": 3,
    "key": "severe-day-id-early",
    "scope": "team:id-early",
    "unit": "seconds",
    "amount_now": 5400,
    "amount": 7200,
    "ceiling": 14400,
    "reason": "The team is through its first weeks.",
    "proposed_by": "lead-id",
    "proposed_at": "2026-11-22T15:00:00Z",
    "state": "pending",
    "decided_by": None,
    "decided_at": None,
    "yours": False,
}


class ProposalTold(Answer):
    """`amount_now` is what holds, `amount` what was proposed, both in `unit`. Of `yours` you decide none."""

    proposal: int
    key: str
    scope: str
    unit: str
    amount_now: int
    amount: int
    ceiling: int | None
    reason: str
    proposed_by: str
    proposed_at: Told
    state: query.State
    decided_by: str | None
    decided_at: Told | None
    yours: bool


class ProposalsTold(Answer):
    """`before` asks for the next page; none on the last."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"proposals": [PROPOSAL], "before": None}]})

    proposals: list[ProposalTold]
    before: int | None


class ApprovedTold(Answer):
    """The limit is `amount` now. The plans of `plans_made_before` were made under the old one and do not use
    what it allows."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "proposal": 3,
                    "state": "approved",
                    "key": "severe-day-id-early",
                    "unit": "seconds",
                    "before": 5400,
                    "amount": 7200,
                    "plans_made_before": ["2026-11-23"],
                }
            ]
        }
    )

    proposal: int
    state: query.State
    key: str
    unit: str
    before: int
    amount: int
    plans_made_before: list[WorkDate]


class RefusedTold(Answer):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"proposal": 3, "state": "refused", "key": "severe-day-id-early"}]}
    )

    proposal: int
    state: query.State
    key: str


@router.get("/v1/proposals", summary="Proposals to raise a limit", response_model=ProposalsTold)
def listed(
    actor: Wellbeing,
    engine: Database,
    state: Annotated[query.State, Query(description="pending unless said otherwise")] = "pending",
    before: Annotated[int | None, Query(ge=1, le=MOST_ID, description="of the page before")] = None,
) -> ProposalsTold:
    """The newest first, in pages of 100."""
    with engine.connect() as connection:
        found = query.proposals(connection, state, before, PAGE + 1)
    return ProposalsTold(
        proposals=[told(proposal, actor) for proposal in found[:PAGE]],
        before=found[PAGE - 1].id if len(found) > PAGE else None,
    )


@router.post(
    "/v1/proposals/{proposal}/approve",
    summary="Approve a raise",
    response_model=ApprovedTold,
    responses=described("not-found", "not-yours", "conflict"),
)
def approve(proposal: IdPath, actor: Wellbeing, engine: Database, now: Now) -> ApprovedTold:
    """Never one's own, under whatever persona it was proposed, and never above the ceiling."""
    done = approve_raise(engine, actor, proposal, now)
    return ApprovedTold(
        proposal=done.id,
        state="approved",
        key=done.key,
        unit=done.unit,
        before=done.before,
        amount=done.amount,
        plans_made_before=list(done.plans_made_before),
    )


@router.post(
    "/v1/proposals/{proposal}/refuse",
    summary="Refuse a raise",
    response_model=RefusedTold,
    responses=described("not-found", "not-yours", "conflict"),
)
def refuse(proposal: IdPath, actor: Wellbeing, engine: Database, now: Now) -> RefusedTold:
    """Never one's own. The limit stays as it is, and may be proposed to be raised again."""
    return RefusedTold(proposal=proposal, state="refused", key=refuse_raise(engine, actor, proposal, now))


def told(proposal: query.Proposal, actor: Actor) -> ProposalTold:
    return ProposalTold(
        proposal=proposal.id,
        key=proposal.key,
        scope=proposal.scope,
        unit=proposal.unit,
        amount_now=proposal.amount_now,
        amount=proposal.amount,
        ceiling=proposal.ceiling,
        reason=proposal.reason,
        proposed_by=proposal.proposed_by,
        proposed_at=proposal.proposed_at,
        state=proposal.state,
        decided_by=proposal.decided_by,
        decided_at=proposal.decided_at,
        yours=proposal.proposed_by == actor.subject,
    )
