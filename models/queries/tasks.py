"""What there is to plan, for the clock; and how tasks stand, for operations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Row, text

PLANNING_DAYS = text("""
    select d.work_date, d.input_version, s.first_start, s.last_end,
        exists (
            select from task
            where dedupe_key = 'plan:' || to_char(d.work_date, 'YYYY-MM-DD')
              and state in ('waiting', 'claimed')
        ) as asked,
        force.id is not null as planned, force.input_version as planned_version,
        failed.input_version as failed_version
    from work_day d
    join lateral (
        select min(shift_start) as first_start, max(shift_end) as last_end
        from shift where shift.work_date = d.work_date
    ) s on s.last_end > :now
    left join plan force on force.work_date = d.work_date and force.state = 'published'
    left join lateral (
        select input_version from plan
        where plan.work_date = d.work_date and plan.state = 'failed' order by id desc limit 1
    ) failed on true
    where d.work_date >= :earliest
    order by d.work_date
""")
State = Literal["waiting", "claimed", "done", "parked"]
STATES: tuple[State, ...] = get_args(State)
COLUMNS = """
    select id, kind, state, attempts, run_after, filed_at, ended_at, last_error,
           (payload ->> 'plan')::bigint as plan, payload ->> 'item' as item
    from task
"""
ONE = text(f"{COLUMNS} where id = :task")
# Each state by itself: most tasks are done, and there are indexes for the others.
IN_STATE = {
    state: text(f"{COLUMNS} where state = '{state}' order by id desc limit :most") for state in STATES
}
MOST = 100
"""Tasks that are shown, the newest first."""


@dataclass(frozen=True, slots=True)
class TaskState:
    """`attempts` that went wrong; `last_error` a kind of failure. `plan` or `item` is what it is about."""

    id: int
    kind: str
    state: State
    attempts: int
    run_after: datetime
    filed_at: datetime
    ended_at: datetime | None
    last_error: str | None
    plan: int | None
    item: str | None


@dataclass(frozen=True, slots=True)
class PlanningDay:
    """A work date whose last shift has not ended.

    `asked`: a task that plans it is under way. `planned`: a plan is in force, made of `planned_version` of
    the inputs. `failed_version`: of the last plan that could not be made.
    """

    work_date: date
    input_version: int
    first_start: datetime
    last_end: datetime
    asked: bool
    planned: bool
    planned_version: int | None
    failed_version: int | None


def planning_days(connection: Connection, now: datetime) -> list[PlanningDay]:
    # A shift has up to 16 hours and a date is at most 26 hours long: two days back is early enough.
    earliest = date.fromordinal(now.date().toordinal() - 3)
    rows = connection.execute(PLANNING_DAYS, {"now": now, "earliest": earliest})
    return [PlanningDay(**row._mapping) for row in rows]


def task_of_id(connection: Connection, wanted: int) -> TaskState | None:
    row = connection.execute(ONE, {"task": wanted}).one_or_none()
    return None if row is None else _task(row)


def tasks_in_state(connection: Connection, state: State) -> list[TaskState]:
    """The newest first, at most `MOST`."""
    return [_task(row) for row in connection.execute(IN_STATE[state], {"most": MOST})]


def _task(row: Row[Any]) -> TaskState:
    return TaskState(**row._mapping)


LIVE = text("""
    select count(*) from (select from task where state in ('waiting', 'claimed') limit :most) live
""")


def so_many_live(connection: Connection, most: int) -> bool:
    """Whether more than `most` tasks wait or are under way."""
    counted = connection.execute(LIVE, {"most": most + 1}).scalar_one()
    return bool(counted > most)
