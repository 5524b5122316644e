"""Tasks as the database keeps them: filed once, claimed by one, fenced, given back, parked."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from models.actions.claim_task import Claim, claim_task, extend_lease
from models.actions.file_task import file_task
from models.actions.finish_task import finish_task
from models.actions.note_rings import note_rings
from models.actions.report_stage import report_stage
from models.actions.request_plan import request_plan
from models.actions.return_task import (
    MOST_ATTEMPTS,
    MOST_GIVEN_BACK,
    SENTENCES,
    Next,
    Why,
    return_task,
    take_back_tasks,
    what_next,
)
from models.actor import SYSTEM, Actor
from models.connection import application_engine
from models.refusal import Refusal
from tests.conftest import Database
from tests.workers.dates import FIRST, load

NOW = datetime(2026, 11, 22, 20, tzinfo=UTC)
OPERATOR = Actor("operations", "olga")
LEASE = 60.0


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    made = application_engine(database.url, pool_size=10)
    yield made
    made.dispose()


@pytest.fixture
def task(engine: Engine) -> int:
    """The task of a plan that was asked for."""
    load(engine, FIRST)
    return request_plan(engine, OPERATOR, FIRST, NOW).task


def row(engine: Engine, table: str, id: int) -> Any:
    with engine.connect() as connection:
        return connection.execute(text(f"select * from {table} where id = :id"), {"id": id}).one()


def claimed(engine: Engine, task: int, now: datetime = NOW) -> Claim:
    claim = claim_task(engine, SYSTEM, task, LEASE, now)
    assert claim is not None
    return claim


def plan_of(engine: Engine, task: int) -> Any:
    return row(engine, "plan", row(engine, "task", task).payload["plan"])


def test_a_date_is_asked_for_once_until_it_is_planned(engine: Engine) -> None:
    load(engine, FIRST)
    first = request_plan(engine, OPERATOR, FIRST, NOW)
    again = request_plan(engine, SYSTEM, FIRST, later(1))
    assert first.filed
    assert (again.plan, again.task, again.filed) == (first.plan, first.task, False)
    with engine.begin() as connection:
        assert connection.execute(text("select count(*) from plan")).scalar_one() == 1
        connection.execute(text("update task set state = 'done', ended_at = now()"))
    assert request_plan(engine, SYSTEM, FIRST, later(2)).filed


def test_a_date_asked_for_by_many_at_once_is_filed_once(engine: Engine) -> None:
    load(engine, FIRST)
    with ThreadPoolExecutor(8) as pool:
        asked = list(pool.map(lambda _: request_plan(engine, OPERATOR, FIRST, NOW), range(24)))
    assert sum(one.filed for one in asked) == 1
    assert len({(one.plan, one.task) for one in asked}) == 1
    with engine.connect() as connection:
        assert connection.execute(text("select count(*) from plan")).scalar_one() == 1


@pytest.mark.parametrize("work_date", [FIRST, date(2031, 1, 1)])
def test_a_date_without_shifts_is_refused(engine: Engine, work_date: date) -> None:
    with engine.begin() as connection:
        connection.execute(text("insert into work_day values (:day, 'nobody works')"), {"day": FIRST})
    with pytest.raises(Refusal, match=f"Nobody is on shift on {work_date}") as refusal:
        request_plan(engine, OPERATOR, work_date, NOW)
    assert refusal.value.kind == "not-found"
    with engine.connect() as connection:
        assert connection.execute(text("select count(*) from task")).scalar_one() == 0


def test_a_task_is_claimed_by_one_of_many(engine: Engine, task: int) -> None:
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda _: claim_task(engine, SYSTEM, task, LEASE, NOW), range(24)))
    assert [claim.fence for claim in claims if claim is not None] == [1]
    assert plan_of(engine, task).state == "planning"


def test_a_task_is_not_claimed_before_its_time(engine: Engine) -> None:
    with engine.begin() as connection:
        task, _ = file_task(connection, "plan", {"plan": 1}, None, later(10), NOW)
    assert claim_task(engine, SYSTEM, task, LEASE, later(9)) is None
    assert claim_task(engine, SYSTEM, task, LEASE, later(10)) is not None


def test_only_the_last_claim_may_write(engine: Engine, task: int) -> None:
    silent = claimed(engine, task)
    assert take_back_tasks(engine, SYSTEM, 5, later(LEASE)) == []  # until then the lease holds
    (taken,) = take_back_tasks(engine, SYSTEM, 5, later(LEASE + 1))
    assert (taken.task, taken.parked, taken.why) == (task, False, "lease-expired")
    assert plan_of(engine, task).state == "waiting"
    second = claimed(engine, task, later(LEASE + 6))
    assert second.fence == silent.fence + 1
    assert extend_lease(engine, silent, LEASE, later(70)) == "lost"
    report_stage(engine, silent, "fill")
    assert plan_of(engine, task).stage is None
    with pytest.raises(Refusal) as refusal, engine.begin() as connection:
        finish_task(connection, task, silent.fence, later(70))
    assert refusal.value.kind == "stale"
    assert return_task(engine, SYSTEM, silent, "error", "error", 5, later(70)) == []
    assert row(engine, "task", task).state == "claimed"
    assert extend_lease(engine, second, LEASE, later(70)) == "held"
    report_stage(engine, second, "fill")
    assert plan_of(engine, task).stage == "fill"
    with engine.begin() as connection:
        finish_task(connection, task, second.fence, later(71))
    assert extend_lease(engine, second, LEASE, later(72)) == "ended"


def test_a_claim_that_is_just_being_written_is_held_and_not_taken_back(engine: Engine, task: int) -> None:
    claim = claimed(engine, task)
    with engine.begin() as publishing:
        finish_task(publishing, task, claim.fence, NOW)
        assert extend_lease(engine, claim, LEASE, later(1)) == "held"
        assert take_back_tasks(engine, SYSTEM, 5, later(1000)) == []
    assert row(engine, "task", task).state == "done"


def test_a_task_that_fails_too_often_is_parked_and_its_plan_says_why(engine: Engine, task: int) -> None:
    at = NOW
    for attempt in range(1, MOST_ATTEMPTS + 1):
        claim = claimed(engine, task, at)
        assert claim.attempts == attempt
        (returned,) = return_task(engine, SYSTEM, claim, "worker-died", "worker-died", 5, at)
        assert returned.parked == (attempt == MOST_ATTEMPTS)
        before, at = at, row(engine, "task", task).run_after
        assert returned.parked or (at - before).total_seconds() == (0, 5, 10, 20)[attempt - 1]
    stands = row(engine, "task", task)
    assert (stands.state, stands.attempts, stands.last_error) == ("parked", MOST_ATTEMPTS, "worker-died")
    plan = plan_of(engine, task)
    assert (plan.state, plan.failure) == ("failed", SENTENCES["worker-died"])
    assert claim_task(engine, SYSTEM, task, LEASE, later(1e6)) is None
    assert note_rings(engine, 0, later(1e6)) == []
    with engine.connect() as connection:
        verbs = connection.execute(text("select verb from audit where subject = :it"), {"it": f"task:{task}"})
        assert verbs.scalars().all() == ["claim_task", "return_task"] * 4 + ["claim_task", "park_task"]
    assert request_plan(engine, OPERATOR, FIRST, later(1e6)).filed


@pytest.mark.parametrize(
    ("attempts", "fence", "why", "expected"),
    [
        (1, 1, "error", Next(1, 5)),
        (4, 4, "not-legal", Next(4, 40)),
        (5, 5, "error", Next(5, None)),
        (1, 1, "worker-died", Next(1, 0)),  # at once: most likely the worker's own end
        (2, 2, "lease-expired", Next(2, 5)),
        (5, 5, "lease-expired", Next(5, None)),
        (1, 1, "unknown-kind", Next(1, None)),
        (1, 1, "stale", Next(0, 1)),
        (5, 5, "stopped", Next(4, 1)),  # what was given back through no fault never parks by itself
        (1, MOST_GIVEN_BACK, "stale", Next(0, 1)),
        (1, MOST_GIVEN_BACK + 1, "stale", Next(1, 5)),
        (5, MOST_GIVEN_BACK + 5, "stale", Next(5, None)),
    ],
)
def test_what_becomes_of_a_task(attempts: int, fence: int, why: Why, expected: Next) -> None:
    assert what_next(attempts, fence, why, 5) == expected


def test_a_day_that_never_stands_still_is_given_up(engine: Engine, task: int) -> None:
    claims = 0
    at = NOW
    while row(engine, "task", task).state != "parked":
        claims += 1
        at = row(engine, "task", task).run_after
        return_task(engine, SYSTEM, claimed(engine, task, at), "stale", "stale", 5, at)
        assert claims <= MOST_GIVEN_BACK + MOST_ATTEMPTS
    assert claims == MOST_GIVEN_BACK + MOST_ATTEMPTS


def test_a_ring_that_nobody_answered_is_rung_again_by_one(engine: Engine, task: int) -> None:
    assert note_rings(engine, 15, later(15)) == []  # whoever asked has rung
    with ThreadPoolExecutor(4) as pool:
        rings = list(pool.map(lambda _: note_rings(engine, 15, later(16)), range(8)))
    assert [ring for ring in rings if ring] == [[("plan", task)]]
    assert note_rings(engine, 15, later(30)) == []
    assert note_rings(engine, 15, later(32)) == [("plan", task)]
    claim = claimed(engine, task, later(33))
    assert note_rings(engine, 15, later(100)) == []
    return_task(engine, SYSTEM, claim, "error", "error", 5, later(40))
    assert note_rings(engine, 15, later(44)) == []
    assert note_rings(engine, 15, later(45)) == [("plan", task)]  # at once when it is due
