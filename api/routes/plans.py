"""Plans: asking for one, and how it stands. For operations."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import ConfigDict

from api.access import allow
from api.dependencies import Database, Now
from api.fields import Answer, DateQuery, Form, IdPath, Told, WorkDate
from api.problems import described
from models.actions.request_plan import request_plan
from models.actor import Actor
from models.queries import plans as query
from models.refusal import Refusal

router = APIRouter(tags=["operations"])
operations = allow("operations")

EXAMPLE: dict[str, Any] = {
    "plan": 7,
    "work_date": "2026-11-23",
    "state": "published",
    "stage": None,
    "reason": "absence",
    "version": 2,
    "requested_at": "2026-11-22T15:00:00Z",
    "published_at": "2026-11-22T15:00:09Z",
    "failure": None,
    "begins_at": "2026-11-22T15:02:00Z",
    "left_alone": 1,
    "dropped": 0,
    "goals": {"escalations": 4120, "coverage": 6500.2, "exposure": 31.5, "load": 40.1},
    "bounds": {"escalations": 4120, "coverage": 6800.0},
    "counts": {
        "reviews_wanted": 2014,
        "reviews_planned": 1822,
        "escalations_late": 0,
        "draw_inversions": 3,
        "samples_seen": 1790,
    },
    "seconds": {"aggregate": 0.1, "samples": 0.4, "timelines": 0.2},
}


class PlanRequest(Form):
    model_config = ConfigDict(json_schema_extra={"examples": [{"work_date": "2026-11-23"}]})

    work_date: WorkDate


class PlanAsked(Answer):
    """`task` is what a worker does; asking again while it is under way gives the same plan and task."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"plan": 7, "task": 12, "state": "waiting", "links": {"plan": "/v1/plans/7"}}]
        }
    )

    plan: int
    task: int
    state: str
    links: dict[str, str]


class PlanTold(Answer):
    """`stage` while it is planned, `failure` a sentence where it failed; figures as in `plan.json`, without
    the goal `exposure` where fewer than eleven people are planned for.

    `reason` is why it was asked for while its day ran. `begins_at` is the instant from which it plans: what
    people will have begun by then stands. `left_alone` people kept what they had, as their day had moved on
    while it was made, and `dropped` reviews of others were theirs already."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    plan: int
    work_date: WorkDate
    state: str
    stage: str | None
    reason: str | None
    version: int | None
    requested_at: Told
    published_at: Told | None
    failure: str | None
    begins_at: Told | None
    left_alone: int
    dropped: int
    goals: dict[str, float] | None
    bounds: dict[str, float] | None
    counts: dict[str, int] | None
    seconds: dict[str, float] | None


class PlansTold(Answer):
    model_config = ConfigDict(json_schema_extra={"examples": [{"plans": [EXAMPLE]}]})

    plans: list[PlanTold]


@router.post(
    "/v1/plans",
    summary="Ask for a work date to be planned",
    status_code=202,
    response_model=PlanAsked,
    responses=described("not-found"),
)
def ask(
    wanted: PlanRequest,
    actor: Annotated[Actor, Depends(operations)],
    engine: Database,
    now: Now,
    response: Response,
) -> PlanAsked:
    """A worker plans the date anew, as things stand when it begins. Until then the plan in force stays."""
    asked = request_plan(engine, actor, wanted.work_date, now)
    here = f"/v1/plans/{asked.plan}"
    response.headers["Location"] = here
    return PlanAsked(plan=asked.plan, task=asked.task, state="waiting", links={"plan": here})


@router.get(
    "/v1/plans/{plan}",
    summary="How a plan stands",
    dependencies=[Depends(operations)],
    response_model=PlanTold,
    responses=described("not-found"),
)
def one(plan: IdPath, engine: Database) -> PlanTold:
    """Its stage while it is planned; its goals beside the bounds once it is published."""
    with engine.connect() as connection:
        state = query.plan(connection, plan)
    if state is None:
        raise Refusal("not-found", "There is no plan with this id.")
    return told(state)


@router.get(
    "/v1/plans",
    summary="The plans of a work date",
    dependencies=[Depends(operations)],
    response_model=PlansTold,
)
def of_date(date: DateQuery, engine: Database) -> PlansTold:
    """The latest first, at most 100."""
    with engine.connect() as connection:
        return PlansTold(plans=[told(state) for state in query.plans(connection, date)])


def told(state: query.PlanState) -> PlanTold:
    return PlanTold(plan=state.id, **{k: v for k, v in dataclasses.asdict(state).items() if k != "id"})
