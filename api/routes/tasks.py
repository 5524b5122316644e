"""Tasks that went wrong, and having one tried again. For operations."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict

from api.access import allow
from api.dependencies import Database, Now
from api.fields import Answer, IdPath, Told
from api.problems import described
from models.actions.retry_task import retry_task
from models.actor import Actor
from models.queries import tasks as query

router = APIRouter(tags=["operations"])
operations = allow("operations")

EXAMPLE: dict[str, Any] = {
    "task": 12,
    "kind": "place",
    "state": "parked",
    "attempts": 5,
    "run_after": "2026-11-23T03:10:00Z",
    "filed_at": "2026-11-23T03:09:12Z",
    "ended_at": "2026-11-23T03:10:14Z",
    "last_error": "worker-died",
    "plan": None,
    "item": "case-4711",
}


class TaskTold(Answer):
    """`attempts` went wrong, the last for `last_error`, a kind of failure; the workers' log has more. It is
    about a `plan` or an `item`. A task that is `parked` waits for somebody to have it tried again."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    task: int
    kind: str
    state: query.State
    attempts: int
    run_after: Told
    filed_at: Told
    ended_at: Told | None
    last_error: str | None
    plan: int | None
    item: str | None


class TasksTold(Answer):
    model_config = ConfigDict(json_schema_extra={"examples": [{"tasks": [EXAMPLE]}]})

    tasks: list[TaskTold]


@router.get(
    "/v1/tasks",
    summary="The tasks that are parked, or in another state",
    dependencies=[Depends(operations)],
    response_model=TasksTold,
)
def in_state(
    engine: Database,
    state: Annotated[query.State, Query(description="parked, waiting, claimed or done")] = "parked",
) -> TasksTold:
    """The newest first, at most 100."""
    with engine.connect() as connection:
        return TasksTold(tasks=[told(found) for found in query.tasks_in_state(connection, state)])


@router.post(
    "/v1/tasks/{task}/retry",
    summary="Have a parked task tried again",
    response_model=TaskTold,
    responses=described("not-found", "conflict"),
)
def retry(task: IdPath, actor: Annotated[Actor, Depends(operations)], engine: Database, now: Now) -> TaskTold:
    """It has all its tries again. A task that is not parked is left as it is, so sending this twice does no
    harm."""
    return told(retry_task(engine, actor, task, now))


def told(state: query.TaskState) -> TaskTold:
    return TaskTold(task=state.id, **{k: v for k, v in dataclasses.asdict(state).items() if k != "id"})
