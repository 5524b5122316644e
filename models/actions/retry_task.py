"""Having a parked task tried again, by somebody who has looked into why it failed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from models import audit
from models.actions.file_task import FILED
from models.actor import Actor
from models.queries.tasks import TaskState, task_of_id
from models.refusal import Refusal

HOLD = text("select id from task where id = :task for update")
RETRY = text("""
    update task set state = 'waiting', attempts = 0, run_after = :now, rung_at = :now, ended_at = null
    where id = :task
""")
PLAN_WAITS = text("""
    update plan set state = 'waiting', failure = null, requested_at = :now
    where id = :plan and state = 'failed'
""")


def retry_task(engine: Engine, actor: Actor, task: int, now: datetime) -> TaskState:
    """The task as it is then: it waits again, with all its tries before it. One that is not parked (any more)
    is left as it is.

    Raises:
        Refusal: `not-found`; `conflict` if the same has been asked for again since and is under way.
    """
    try:
        with engine.begin() as connection:
            connection.execute(HOLD, {"task": task})
            found = task_of_id(connection, task)
            if found is None:
                raise Refusal("not-found", "There is no task with this id.")
            if found.state != "parked":
                return found
            connection.execute(RETRY, {"task": task, "now": now})
            if found.plan is not None:
                connection.execute(PLAN_WAITS, {"plan": found.plan, "now": now})
            connection.info.setdefault(FILED, []).append((found.kind, task))
            audit.record(connection, actor, "retry_task", f"task:{task}", now, kind=found.kind)
            again = task_of_id(connection, task)
            assert again is not None
            return again
    except IntegrityError as error:  # of two live tasks with one key
        raise Refusal(
            "conflict", "The same has been asked for again since, and that task is under way."
        ) from error
