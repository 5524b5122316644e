"""The clock: which dates are due, and that it asks once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import text

from config.settings import settings
from models.actions.close_silent import SILENCE
from models.actions.place_escalation import Placed, Waiting
from models.actions.retry_waiting import RETRY
from models.actions.start import start
from models.actions.withdraw_item import withdraw_item
from models.actor import Actor
from models.connection import application_engine
from models.doorbell import connect, ring_what_is_filed
from models.queries.tasks import PlanningDay
from tests.conftest import Database
from tests.days.build import Day, auditor, escalation, instance, sample
from tests.days_in_database.steps import engine_of, rows
from tests.days_in_database.steps import load as load_made
from tests.days_in_database.steps import planned as plan_in_force
from tests.workers.dates import FIRST, load
from tests.workers.processes import CHECKOUT, wait_for
from tests.workers.world import NOON, NOW, TOOL, World, a_day, in_force, rules
from workers.clock import ONE_CLOCK, due_dates, tick
from workers.jobs import do_quick
from workers.stopping import Stopping

AHEAD = timedelta(hours=12)
START = datetime(2026, 11, 23, 9, tzinfo=UTC)
END = START + timedelta(hours=9)
NEW = PlanningDay(
    work_date=FIRST,
    input_version=7,
    first_start=START,
    last_end=END,
    asked=False,
    planned=False,
    planned_version=None,
    failed_version=None,
)
PLANNED = replace(NEW, planned=True, planned_version=7)
CHANGED = replace(NEW, planned=True, planned_version=6)
EVENING = START - AHEAD
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("day", "now", "due"),
    [
        (NEW, EVENING - SECOND, False),
        (NEW, EVENING, True),
        (NEW, END - SECOND, True),  # better late than never
        (NEW, END, False),
        (replace(NEW, asked=True), EVENING, False),
        (PLANNED, EVENING, False),
        (CHANGED, EVENING, True),
        (CHANGED, START - SECOND, True),
        (CHANGED, START, False),  # people are at work by this plan
        (replace(NEW, failed_version=7), EVENING, False),  # would fail again
        (replace(NEW, failed_version=6), EVENING, True),
        (replace(CHANGED, failed_version=7), EVENING, False),
    ],
)
def test_a_date_is_due(day: PlanningDay, now: datetime, due: bool) -> None:
    assert due_dates([day], now, AHEAD) == ([FIRST] if due else [])


def rung(redis: Redis) -> list[int]:
    """The tasks that Redis holds rings for."""
    return [job.args[0] for job in Queue("breakwater", connection=redis, serializer=JSONSerializer).jobs]


def test_the_clock_asks_once_and_rings(database: Database, redis_url: str) -> None:
    engine = application_engine(database.url)
    with connect(redis_url) as redis:
        ring_what_is_filed(engine, redis, "breakwater")
        load(engine, FIRST)
        load(engine, FIRST + timedelta(days=30))
        assert tick(engine, AHEAD, EVENING - SECOND) == []
        assert tick(engine, AHEAD, EVENING) == [FIRST]
        with engine.connect() as connection:
            (task,) = connection.execute(text("select id from task")).scalars()
        assert rung(redis) == [task]
        assert tick(engine, AHEAD, EVENING + SECOND) == []
        assert rung(redis) == [task]
    engine.dispose()


def test_the_clock_gives_back_what_was_planned_in_shifts_that_are_over(database: Database) -> None:
    engine = application_engine(database.url)
    planned = text("select count(*) from slot where state = 'planned'")
    reserved = text("select sum(reserved) from limit_day")
    day = load(engine, FIRST)
    plan_in_force(engine, FIRST)
    ends = datetime.fromtimestamp(max(day.auditors["shift_end"].to_list()), UTC)
    tick(engine, AHEAD, EVENING)
    with engine.connect() as connection:
        assert connection.execute(planned).scalar_one() > 0
    tick(engine, AHEAD, ends)
    with engine.connect() as connection:
        assert connection.execute(planned).scalar_one() == 0
        assert connection.execute(reserved).scalar_one() == 0
    engine.dispose()


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    with engine_of(database) as engine:
        yield World(engine)


def test_the_clock_has_what_waits_tried_again(world: World) -> None:
    in_force(world, a_day(samples=2, people=("ada",)))
    first, second, third = (world.accept(key=str(number)) for number in range(3))
    assert isinstance(world.place(first), Placed)
    assert isinstance(world.place(second), Placed)
    assert isinstance(world.place(third), Waiting)
    before = world.tasks()
    tick(world.engine, AHEAD, NOW + RETRY - SECOND)
    assert world.tasks() == before
    withdraw_item(world.engine, TOOL, first, NOW)
    later = NOW + RETRY
    tick(world.engine, AHEAD, later)
    assert world.tasks() == [*before, ("place", "waiting")]
    do_quick(world.engine, settings(), world.claim(third, later), lambda: later)
    assert rows(world.engine, "select state from slot where item = :item", item=third) == [("planned",)]
    assert rows(world.engine, "select from waiting_escalation") == []
    assert world.faults() == set()


def test_the_clock_closes_a_review_of_which_nothing_is_heard(world: World) -> None:
    in_force(world, a_day(samples=2, people=("ada",)))
    [slot, *_] = (row[0] for row in world.live("ada"))
    begun = start(world.engine, Actor("auditor", "ada"), slot, NOON)
    assert begun.leased_until is not None
    silent = begun.leased_until + SILENCE
    assert silent < NOON + timedelta(hours=1)  # her shift goes on
    state = "select state, ended_by from slot where id = :slot"
    tick(world.engine, AHEAD, silent)
    assert rows(world.engine, state, slot=slot) == [("started", None)]
    tick(world.engine, AHEAD, silent + SECOND)
    assert rows(world.engine, state, slot=slot) == [("skipped", "silence")]
    assert [kind for kind, *_ in world.notices("auditor:ada")] == ["review-returned"]


def test_the_clock_carries_over_what_a_date_leaves_behind(world: World) -> None:
    day = Day(rules(), (auditor("ada"),), (escalation("left"), sample("stays")))
    load_made(world.engine, instance(day))
    over = NOON + timedelta(hours=1)
    date_of = "select id, work_date from item order by id"
    tick(world.engine, AHEAD, over - SECOND)
    assert rows(world.engine, date_of) == [("left", FIRST), ("stays", FIRST)]
    assert world.tasks() == []
    tick(world.engine, AHEAD, over)
    assert rows(world.engine, date_of) == [("left", None), ("stays", FIRST)]
    assert world.tasks() == [("place", "waiting")]


def test_two_clocks_do_no_double_work(database: Database, redis_of_kind: Callable[[str], str]) -> None:
    engine = application_engine(database.url, pool_size=16)
    dates = [FIRST + timedelta(days=number) for number in range(3)]
    for work_date in dates:
        load(engine, work_date)
    with connect(redis_of_kind("valkey")) as redis:
        redis.flushall()
        ring_what_is_filed(engine, redis, "breakwater")

        def one(_: int) -> list[date]:
            return tick(engine, timedelta(days=7), EVENING)

        with ThreadPoolExecutor(8) as pool:
            asked = [work_date for dates in pool.map(one, range(16)) for work_date in dates]
        assert sorted(asked) == dates
        assert len(rung(redis)) == len(dates)
        with engine.begin() as other:
            other.execute(text("update task set state = 'done', ended_at = now()"))
        with engine.begin() as other:
            other.execute(text("select pg_advisory_xact_lock(:key)"), {"key": ONE_CLOCK})
            assert one(0) == []  # while another clock is at it
        assert one(0) == dates
    engine.dispose()


def test_the_verb_looks_once_or_until_it_is_to_stop(
    database: Database, redis_of_kind: Callable[[str], str]
) -> None:
    engine = application_engine(database.url)
    load(engine, FIRST)
    engine.dispose()
    ahead = int((START - datetime.now(UTC)).total_seconds()) - 3600
    environment = {
        "PATH": os.defpath,
        "DATABASE_URL": database.url,
        "REDIS_URL": redis_of_kind("valkey"),
        "BREAKWATER_CLOCK_AHEAD": str(ahead),  # an hour before the first shift
    }

    def look() -> str:
        command = [sys.executable, "-m", "config.cli", "clock", "--once"]
        return subprocess.run(
            command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=True
        ).stdout

    assert look() == "asked for a plan of 2026-11-23\n"
    assert look() == ""
    with subprocess.Popen(
        [sys.executable, "-m", "config.cli", "clock"], cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert b"has every date planned 12 h before" in running.stdout.readline()
        wait_for(lambda: hears(running.pid, signal.SIGTERM), "it listens")
        running.send_signal(signal.SIGTERM)
        assert running.stdout.read() == b"breakwater clock: stopped\n"
    assert running.returncode == 0


def hears(process: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


def test_a_second_signal_ends_all_patience() -> None:
    stopping = Stopping()
    assert not stopping.asked
    assert not stopping.patience_is_over(0)
    stopping.hear(signal.SIGTERM, None)
    assert stopping.asked
    assert stopping.patience_is_over(0)
    assert not stopping.patience_is_over(3600)
    stopping.sleep(3600)  # returns at once
    stopping.hear(signal.SIGINT, None)
    assert stopping.patience_is_over(3600)
