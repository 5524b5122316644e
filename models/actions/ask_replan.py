"""The day is not as its plan knew it any more: what has not begun is planned again."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, get_args

from sqlalchemy import Connection, text

from models import audit
from models.actions.file_task import file_task
from models.actions.request_plan import plan_key
from models.actor import Actor

Why = Literal[
    "absence", "late-arrival", "day-ended", "limit-lowered", "item-withdrawn", "day-loaded", "surge"
]
WHYS: tuple[Why, ...] = get_args(Why)

# A plan in the making does not survive this, be it the first of its date: its worker begins again.
CHANGED = text("""
    update work_day set input_version = input_version + 1
    where work_date = :work_date
      and exists (
          select from plan
          where plan.work_date = work_day.work_date and plan.state in ('waiting', 'planning', 'published')
      )
      and exists (select from shift where shift.work_date = work_day.work_date and there_until(shift) > :now)
    returning input_version
""")
REQUEST = text("""
    insert into plan (work_date, state, requested_by, requested_at, input_version, reason)
    values (:work_date, 'waiting', :by, :now, :input_version, :why)
    returning id
""")


def ask_replan(connection: Connection, actor: Actor, work_date: date, why: Why, now: datetime) -> None:
    """Part of the action that changed the day, after its guards are locked. Where no plan of that date is in
    force or being made there is nothing to plan again; one that is being made will know of the change."""
    version = connection.execute(CHANGED, {"work_date": work_date, "now": now}).scalar()
    if version is None:
        return
    request = {
        "work_date": work_date,
        "by": actor.name,
        "now": now,
        "input_version": version,
        "why": why,
    }
    attempt = connection.begin_nested()
    plan = connection.execute(REQUEST, request).scalar_one()
    task, filed = file_task(connection, "plan", {"plan": plan}, plan_key(work_date), now, now)
    if not filed:
        attempt.rollback()
        return
    attempt.commit()
    date_said = work_date.isoformat()
    audit.record(
        connection, actor, "request_plan", f"plan:{plan}", now, work_date=date_said, task=task, why=why
    )
