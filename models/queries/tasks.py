"""What there is to plan, for the clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

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
