"""Workers as they run: what they do when the work fails, when they are to stop, and when Redis is away."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from redis import Redis
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

import workers.planning
from allocator.optimise.planner import make_plan
from config.settings import Settings
from models.actions.claim_task import Claim, claim_task
from models.actions.file_task import file_task
from models.actions.mark_absent import mark_absent
from models.actions.request_plan import request_plan
from models.actions.return_task import MOST_ATTEMPTS, SENTENCES, Why, take_back_tasks
from models.actions.skip import skip
from models.actions.start import start
from models.actor import SYSTEM, Actor
from models.connection import application_engine
from models.doorbell import ring
from models.refusal import Refusal
from tests.conftest import Database
from tests.workers.dates import FIRST, NOW, SAMPLES, load, work_date_instance
from tests.workers.doomed import UNSAYABLE
from tests.workers.processes import wait_for, worker
from tests.workers.scenes import Scene, now, scene
from workers.failures import NotLegal
from workers.jobs import do_task
from workers.outage import Outage, database_lost
from workers.planning import plan_date
from workers.reconciler import LONGEST_PAUSE, pause_after

LOST = "kept from working; tried again until it is over"
BACK = "not kept from working any more"
AWAY = "postgresql://nobody@/nothing?host=/nowhere"
SPOILT: tuple[Why, ...] = ("worker-died", "error")


def plan_of(there: Scene, task: int) -> Any:
    query = """
        select plan.* from plan join task on plan.id = (payload ->> 'plan')::bigint where task.id = :task
    """
    with there.engine.connect() as connection:
        return connection.execute(text(query), {"task": task}).one()


def count(there: Scene, table: str) -> int:
    with there.engine.connect() as connection:
        found: int = connection.execute(text(f"select count(*) from {table}")).scalar_one()
        return found


def test_poison_is_parked_and_a_changed_day_is_planned_as_it_is_now(
    database: Database, redis_of_kind: Callable[[str], str], tmp_path: Path
) -> None:
    quick = {"BREAKWATER_LEASE_SECONDS": "30", "BREAKWATER_RECONCILE_SECONDS": "0.05"}
    with scene(database.url, redis_of_kind("valkey"), tmp_path, **quick) as there:
        *spoilt, changed = there.ask(3)
        with worker(tmp_path, there.environment, "spoilt") as running:
            there.wait_until("done", changed)
            for task in spoilt:
                there.wait_until("parked", task)
            assert running.stop() == 0
            said = running.said()
        for task, why in zip(spoilt, SPOILT, strict=True):
            assert there.column("attempts", task) == MOST_ATTEMPTS
            plan = plan_of(there, task)
            assert (plan.state, plan.failure) == ("failed", SENTENCES[why])
        assert said.count("a task is parked") == len(spoilt)
        assert "RuntimeError" in said
        assert UNSAYABLE not in said
        # Nothing of them was published; and the other was planned as it is since.
        there.tasks[changed] = work_date_instance(there.tasks[changed].work_date, SAMPLES + 3)
        assert there.faults(changed) == []
        assert (there.column("fence", changed), there.column("attempts", changed)) == (2, 1)
        assert count(there, "slot where work_date <> (select max(work_date) from work_day)") == 0


def test_a_lease_is_kept_while_work_goes_on_and_broken_off_work_is_given_back_at_once(
    database: Database, redis_of_kind: Callable[[str], str], tmp_path: Path
) -> None:
    """Broken off: the worker is to stop, or dies and its solver with it, or time is up."""
    patient = {"BREAKWATER_LEASE_SECONDS": "600", "BREAKWATER_RECONCILE_SECONDS": "600"}
    with (
        scene(database.url, redis_of_kind("valkey"), tmp_path, **patient) as there,
        worker(tmp_path, there.environment, "solving:4", BREAKWATER_QUEUE="stop") as stopped,
        worker(tmp_path, there.environment, "solving:2", BREAKWATER_QUEUE="kill") as killed,
        worker(
            tmp_path, there.environment, "solving:1", BREAKWATER_QUEUE="long", BREAKWATER_SOLVE_SECONDS="1"
        ) as slow,
        worker(
            tmp_path, there.environment, "solving:3", BREAKWATER_QUEUE="goes", BREAKWATER_LEASE_SECONDS="1"
        ) as going_on,
    ):
        tasks = dict(zip(("stop", "kill", "long", "goes"), there.ask(4), strict=True))
        for name, task in tasks.items():
            there.ring(task, queue=name)

        stopped.wait_until_reached()
        assert plan_of(there, tasks["stop"]).stage == "fill"
        assert stopped.stop() == 0
        killed.wait_until_reached()
        os.kill(killed.process.pid, signal.SIGKILL)
        slow.wait_until_reached()
        # The one that goes on keeps its claim, beyond the first lease and the next.
        going_on.wait_until_reached()
        first = there.column("lease_until", tasks["goes"])
        wait_for(
            lambda: there.column("lease_until", tasks["goes"]) > first + timedelta(seconds=2),
            "its lease is extended",
        )
        assert take_back_tasks(there.engine, SYSTEM, 1, now()) == []
        assert there.column("fence", tasks["goes"]) == 1

        expected = {"stop": ("stopped", 0), "kill": ("worker-died", 1), "long": ("took-too-long", 1)}
        for name, (why, attempts) in expected.items():
            there.wait_until("waiting", tasks[name])
            assert there.column("last_error", tasks[name]) == why
            assert there.column("attempts", tasks[name]) == attempts
            assert plan_of(there, tasks[name]).state == "waiting"
        for ended in (stopped, killed):
            wait_for(lambda: not ended.members(), "all of it has ended")  # noqa: B023
        assert slow.stop() == 0


def test_a_worker_waits_for_redis_and_outlives_it(
    database: Database, redis_of_kind: Callable[[str], str], tmp_path: Path
) -> None:
    url = redis_of_kind("valkey")
    socket = Path(unquote(urlsplit(url).path))
    place = tmp_path / "redis.sock"
    with scene(database.url, url, tmp_path) as there:
        there.environment["REDIS_URL"] = f"unix://{place}"
        first, second = there.ask(2)
        with worker(tmp_path, there.environment) as running:
            wait_for(lambda: running.said().count(LOST) == 1, "Redis is missed")
            assert "waiting for tasks" not in running.said()
            place.symlink_to(socket)
            there.wait_until("done", first)
            there.wait_until("done", second)
            (name,) = there.redis.smembers("rq:workers")
            wait_for(lambda: there.redis.hget(name, "state") == b"idle", "it listens")
            # A dead worker's name is kept for a minute longer than this; RQ's own 420 s would be eight.
            assert 0 < there.redis.ttl(name) <= 30 + 60
            place.unlink()
            drop_all_clients(there.redis)
            (third,) = there.ask()
            wait_for(lambda: running.said().count(LOST) == 2, "Redis is missed")
            place.symlink_to(socket)
            there.wait_until("done", third)
            assert running.stop() == 0
            said = running.said()
            assert (said.count(LOST), said.count(BACK)) == (2, 2), said
            assert said.count("breakwater worker: waiting for tasks") == 1
            assert "could not connect to Redis" not in said  # which RQ would say every second
            assert "a reconciler will" not in said
            wait_for(lambda: not running.members(), "all of it has ended")


@pytest.mark.parametrize("noticed", [False, True], ids=["at once", "when it has noticed"])
def test_a_worker_stops_while_redis_is_away(
    database: Database, redis_of_kind: Callable[[str], str], tmp_path: Path, noticed: bool
) -> None:
    url = redis_of_kind("valkey")
    place = tmp_path / "redis.sock"
    place.symlink_to(unquote(urlsplit(url).path))
    with scene(database.url, url, tmp_path) as there:
        there.environment["REDIS_URL"] = f"unix://{place}"
        with worker(tmp_path, there.environment) as running:
            wait_for(lambda: '"waiting for tasks"' in running.said(), "it works")
            place.unlink()
            drop_all_clients(there.redis)
            if noticed:
                wait_for(lambda: LOST in running.said(), "Redis is missed")
            assert running.stop() == 0
            assert "stopped; nothing is left half done" in running.said()
            assert running.members() == []


def test_an_outage_is_told_once_for_each_reason_and_once_when_it_is_over() -> None:
    outage = Outage()
    with capture_logs() as lines:
        outage.is_over()
        for _ in range(3):
            outage.goes_on("no answer", ConnectionError())
        outage.goes_on("no tables")
        outage.is_over()
        outage.goes_on("no answer")
    assert [(line["log_level"], line["kind"], line.get("count")) for line in lines] == [
        ("warning", "no answer", None),
        ("warning", "no tables", None),
        ("info", "no tables", 4),
        ("warning", "no answer", None),
    ]


def test_tries_come_ever_more_slowly() -> None:
    outage = Outage()
    pauses = [outage.pause]
    for _ in range(1200):
        outage.goes_on("no answer")
        pauses.append(outage.pause)
    assert pauses[:7] == [1, 1, 2, 4, 8, 10, 10]
    assert pauses[-1] == 10


def test_an_error_of_a_database_that_is_well_is_told_each_time(database: Database) -> None:
    outage, error = Outage(), RuntimeError()
    with capture_logs() as lines:
        for url in (database.url, database.url, AWAY, AWAY, database.url):
            database_lost(outage, Settings(database_url=url), error)
    assert [(line["log_level"], line.get("kind")) for line in lines] == [
        ("error", None),
        ("error", None),
        ("warning", "the database of DATABASE_URL does not answer"),
        ("error", None),
    ]


def drop_all_clients(redis: Redis) -> None:
    redis.client_kill_filter(_type="normal", skipme=True)


def test_an_illegal_plan_is_not_published(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = application_engine(database.url)
    load(engine, FIRST)
    task = request_plan(engine, SYSTEM, FIRST, NOW).task
    claim = claim_task(engine, SYSTEM, task, 60, NOW)
    assert claim is not None
    monkeypatch.setattr(workers.planning, "make_plan", break_a_rule)
    with pytest.raises(NotLegal):
        plan_date(engine, claim, lambda: NOW)
    with engine.connect() as connection:
        assert connection.execute(text("select count(*) from slot")).scalar_one() == 0
        assert connection.execute(text("select count(*) from ledger")).scalar_one() == 0
    monkeypatch.undo()
    plan_date(engine, claim, lambda: NOW)
    with engine.connect() as connection:
        assert connection.execute(text("select state from plan")).scalar_one() == "published"
    engine.dispose()


def break_a_rule(*given: Any) -> Any:
    """The first slot is planned an hour late, over others."""
    plan = make_plan(*given)
    rows = plan.slots.to_dicts()
    rows[0] |= {"start": rows[0]["start"] + 3600, "end": rows[0]["end"] + 3600}
    return replace(plan, slots=type(plan.slots)(rows, schema=plan.slots.schema))


def test_a_day_in_progress_is_planned_while_people_work(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody begins and skips while it is solved: it is published. Somebody turns out to be absent: it is
    made anew. Both in one database, by the worker's own steps."""
    engine = application_engine(database.url)
    load(engine, FIRST)
    nine = datetime(2026, 11, 23, 9, tzinfo=UTC)
    people = [f"{FIRST}-{number}" for number in range(6)]

    def ask(moment: datetime) -> Claim:
        asked = request_plan(engine, SYSTEM, FIRST, moment)
        claim = claim_task(engine, SYSTEM, asked.task, 600, moment)
        assert claim is not None
        return claim

    def while_solving(happens: Callable[[], object]) -> None:
        def solve(*given: Any) -> Any:
            happens()
            return make_plan(*given)

        monkeypatch.setattr(workers.planning, "make_plan", solve)

    def first_of(person: str) -> int:
        query = "select id from slot where auditor = :who and kind = 'work' and state = 'planned'"
        with engine.connect() as connection:
            found: int = connection.execute(
                text(f"{query} order by planned_start limit 1"), {"who": person}
            ).scalar_one()
            return found

    plan_date(engine, ask(NOW), lambda: NOW)
    early = nine + timedelta(seconds=30)
    monkeypatch.setattr(workers.planning, "make_plan", make_plan)
    begins, skips = first_of(people[0]), first_of(people[1])

    def work() -> None:
        start(engine, Actor("auditor", people[0]), begins, early)
        skip(engine, Actor("auditor", people[1]), skips, None, early)

    while_solving(work)
    plan_date(engine, ask(early), lambda: early)
    assert states(engine, [begins, skips]) == ["started", "skipped"]

    later = nine + timedelta(seconds=60)
    while_solving(lambda: mark_absent(engine, SYSTEM, people[5], FIRST, later))
    claim = ask(later)
    with pytest.raises(Refusal) as refused:
        plan_date(engine, claim, lambda: later)
    assert refused.value.kind == "stale"
    while_solving(lambda: None)
    plan_date(engine, claim, lambda: later)
    with engine.connect() as connection:
        told = connection.execute(
            text("select version, state, begins_at - :later as ahead, people from plan order by id"),
            {"later": later},
        ).all()
        assert [(row.version, row.state) for row in told[1:]] == [(2, "superseded"), (3, "published")]
        assert told[2].ahead >= timedelta(seconds=120)
        assert told[2].people == 5
        planned = "select count(*) from slot where auditor = :who and state = 'planned'"
        assert connection.execute(text(planned), {"who": people[5]}).scalar_one() == 0
    assert states(engine, [begins, skips]) == ["started", "skipped"]
    engine.dispose()


def states(engine: Engine, slots: list[int]) -> list[str]:
    with engine.connect() as connection:
        found = connection.execute(text("select id, state from slot where id = any (:ids)"), {"ids": slots})
        by_id = {row.id: row.state for row in found}
    return [by_id[slot] for slot in slots]


def test_without_a_database_nothing_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", AWAY)
    monkeypatch.setenv("REDIS_URL", "unix:///nowhere/redis.sock")
    with capture_logs() as lines:
        do_task(1)
    assert [line["log_level"] for line in lines] == ["error"]


def test_a_task_of_a_kind_that_nobody_knows_is_parked_at_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database.url)
    monkeypatch.setenv("REDIS_URL", "unix:///nowhere/redis.sock")
    engine = application_engine(database.url)
    with engine.begin() as connection:
        task, _ = file_task(connection, "dance", {}, None, now(), now())
    with capture_logs() as lines:
        do_task(task)
    assert [line["kind"] for line in lines if line["log_level"] == "error"] == ["unknown-kind"]
    with engine.connect() as connection:
        stands = connection.execute(text("select state, attempts, last_error from task")).one()
        assert tuple(stands) == ("parked", 1, "unknown-kind")
        told = connection.execute(text("select addressee, sentence from notice")).one()
        assert told.addressee == "operations"
        assert "no worker knows how" in told.sentence
    engine.dispose()


def test_each_kind_of_worker_hears_its_own_queue(
    database: Database, redis_of_kind: Callable[[str], str], tmp_path: Path
) -> None:
    """An escalation does not wait for plans: its worker takes it though a plan's ring came first, and leaves
    the plan alone."""
    with scene(database.url, redis_of_kind("valkey"), tmp_path, BREAKWATER_RECONCILE_SECONDS="600") as there:
        (plan,) = there.ask()
        there.ring(plan)
        with there.engine.begin() as connection:
            place, _ = file_task(connection, "place", {"item": "nothing"}, None, now(), now())
        ring(there.redis, "breakwater", "place", place)
        with worker(tmp_path, there.environment, urgent=True) as running:
            there.wait_until("done", place)
            assert running.stop() == 0
            assert "in the queue 'breakwater-urgent'" in running.said()
        assert there.column("state", plan) == "waiting"
        with worker(tmp_path, there.environment) as running:
            there.wait_until("done", plan)
            assert running.stop() == 0


def test_the_pause_grows_while_the_database_is_away() -> None:
    assert [pause_after(failures, 5) for failures in range(5)] == [5, 10, 20, 40, LONGEST_PAUSE]
    assert pause_after(10**6, 5) == LONGEST_PAUSE
    assert pause_after(3, 300) == 300
