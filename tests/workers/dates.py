"""Work dates to plan, brought into a database, and what must be true of one that was planned."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

from sqlalchemy import Connection, Engine, text

from allocator.instance import Instance
from allocator.rules.policy import Limit, Policy
from allocator.verify import verify
from models.actions.load_day import load_day
from models.actor import SYSTEM
from models.plans import plan_as_made
from tests.days.build import Day, Row, auditor, escalation, instance, policy, sample

FIRST = date(2026, 11, 23)
NOW = datetime(2026, 11, 22, 20, tzinfo=UTC)
PEOPLE = 6
SAMPLES = 60


def far_apart(count: int) -> list[date]:
    """Dates that have nothing in common: no window of a limit, and no people, so no locks either."""
    return [FIRST + timedelta(days=30 * number) for number in range(count)]


def guarded_policy() -> Policy:
    """Limits that bind on the dates below, over one day and over seven."""
    return policy(
        limits=(
            Limit("severe-day", min_severity=3, scope="org", measure="seconds", window_days=1, amount=1200),
            Limit("dose-week", scope="org", measure="dose", window_days=7, amount=900),
        ),
        coverage_bands=((Fraction(1), Fraction(1)),),
    )


def work_date_instance(work_date: date, samples: int = SAMPLES) -> Instance:
    """More work than six people can do in two hours each."""
    nine = int(datetime(work_date.year, work_date.month, work_date.day, 9, tzinfo=UTC).timestamp())
    people: tuple[Row, ...] = tuple(
        auditor(
            f"{work_date}-{number}", shift_start=nine + 600 * number, shift_end=nine + 600 * number + 7200
        )
        for number in range(PEOPLE)
    )
    items: list[Row] = [
        escalation(f"e-{work_date}-{number}", severity=3 + number % 2, seconds=300) for number in range(4)
    ]
    items += [
        sample(
            f"s-{work_date}-{number}",
            draw=number // 3 + 1,
            severity=number % 3,
            category=("adult", "hate", "violence")[number % 3],
            seconds=300 + number,
        )
        for number in range(samples)
    ]
    return instance(Day(guarded_policy(), people, tuple(items), work_date=work_date, name=str(work_date)))


def load(engine: Engine, work_date: date, samples: int = SAMPLES) -> Instance:
    made = work_date_instance(work_date, samples)
    load_day(engine, SYSTEM, made, NOW)
    return made


ENDS = {
    "more than one plan, or none, or it is not the first": """
        select count(*) <> 1 or bool_or(state <> 'published' or version <> 1)
        from plan where work_date = :work_date
    """,
    "more than one task, or none, or it is not done": """
        select count(*) <> 1 or bool_or(state <> 'done')
        from task where dedupe_key = 'plan:' || cast(:work_date as text)
    """,
    "published more or less often than once": """
        select count(*) <> 1 from audit
        where verb = 'publish_plan' and detail ->> 'work_date' = cast(:work_date as text)
    """,
    "slots that are not this plan's, or none": """
        select count(*) = 0 or bool_or(plan.state is distinct from 'published' or slot.state <> 'planned')
        from slot left join plan on plan.id = slot.plan where slot.work_date = :work_date
    """,
    "a review without exactly its own reservation": """
        select count(*) > 0 from (
            select slot.id from slot left join ledger on ledger.slot = slot.id
            where slot.work_date = :work_date and slot.kind = 'work'
            group by slot.id
            having count(*) <> 1 or bool_or(
                ledger.entry is distinct from 'reserve' or ledger.items <> 1
                or ledger.seconds <> extract(epoch from slot.planned_end - slot.planned_start)
            )
        ) wrong
    """,
    "a reservation of nothing": """
        select count(*) > 0 from ledger
        where work_date = :work_date
          and (slot is null or slot not in (
              select id from slot where work_date = :work_date and kind = 'work'
          ))
    """,
    "sums that are not the ledger's": """
        select count(*) > 0 from (
            (select auditor, use, work_date, seen, reserved from limit_day
             except select sums.* from exposure_use cross join ledger_sums(exposure_use.id) sums)
            union all
            (select sums.* from exposure_use cross join ledger_sums(exposure_use.id) sums
             except select auditor, use, work_date, seen, reserved from limit_day)
        ) differ
    """,
}


def ends_of(connection: Connection, work_date: date) -> list[str]:
    """What is wrong with a date that should have been planned, once."""
    day = {"work_date": work_date}
    return [fault for fault, query in ENDS.items() if connection.execute(text(query), day).scalar_one()]


def faults_of(connection: Connection, loaded: Instance) -> list[str]:
    """What is wrong with a date that should have been planned, once, by the rules."""
    day = {"work_date": loaded.work_date}
    faults = ends_of(connection, loaded.work_date)
    plan = connection.execute(
        text("select id from plan where work_date = :work_date and state = 'published'"), day
    ).scalar_one_or_none()
    if plan is not None:
        made = plan_as_made(connection, plan, loaded.fixed)
        faults += [f"{violation}" for violation in verify(loaded, made)]
    return faults
