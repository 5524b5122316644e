"""Asking for a work date to be planned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, Engine, text

from models import audit
from models.actions.file_task import file_task
from models.actor import Actor
from models.refusal import Refusal

DAY = text("""
    select input_version from work_day
    where work_date = :work_date and exists (select from shift where shift.work_date = work_day.work_date)
""")
REQUEST = text("""
    insert into plan (work_date, state, requested_by, requested_at, input_version)
    values (:work_date, 'waiting', :by, :now, :input_version)
    returning id
""")
PAYLOAD = text("select payload from task where id = :task")


@dataclass(frozen=True, slots=True)
class RequestedPlan:
    """The plan to be made and the task that makes it. `filed`: by this request; else it was under way."""

    plan: int
    task: int
    filed: bool


def plan_key(work_date: date) -> str:
    """No two tasks that plan the same date are live."""
    return f"plan:{work_date.isoformat()}"


def request_plan(engine: Engine, actor: Actor, work_date: date, now: datetime) -> RequestedPlan:
    """A plan that waits to be made, with its task; or the one that is under way for this date.

    Raises:
        Refusal: `not-found`, if nobody is on shift on that date.
    """
    with engine.begin() as connection:
        day = connection.execute(DAY, {"work_date": work_date}).one_or_none()
        if day is None:
            sentence = f"Nobody is on shift on {work_date.isoformat()}, so there is nothing to plan."
            raise Refusal("not-found", sentence, "work_date")
        request = {
            "work_date": work_date,
            "by": actor.name,
            "now": now,
            "input_version": day.input_version,
        }
        attempt = connection.begin_nested()
        plan = connection.execute(REQUEST, request).scalar_one()
        task, filed = file_task(connection, "plan", {"plan": plan}, plan_key(work_date), now, now)
        if not filed:
            attempt.rollback()
            return RequestedPlan(_plan_of(connection, task), task, filed=False)
        attempt.commit()
        audit.record(
            connection, actor, "request_plan", f"plan:{plan}", now, work_date=work_date.isoformat(), task=task
        )
        return RequestedPlan(plan, task, filed=True)


def _plan_of(connection: Connection, task: int) -> int:
    payload = connection.execute(PAYLOAD, {"task": task}).scalar_one()
    plan: int = payload["plan"]
    return plan
