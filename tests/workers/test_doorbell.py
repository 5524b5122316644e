"""What is filed is rung for, once it is committed, and nobody waits for Redis."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from models.actions.file_task import file_task
from models.actions.note_rings import note_rings
from models.connection import application_engine
from models.doorbell import MOST_WAITING, Bell, connect, queue_of, ring_what_is_filed
from tests.conftest import Database
from tests.workers.processes import wait_for
from workers.reconciler import reconcile

NOW = datetime(2026, 11, 22, 20, tzinfo=UTC)


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    made = application_engine(database.url)
    yield made
    made.dispose()


def file(connection: Connection, kind: str = "plan", key: str | None = None) -> int:
    return file_task(connection, kind, {"plan": 1, "item": "e-1"}, key, NOW, NOW)[0]


def rung(redis: Redis, queue: str = "breakwater") -> list[int]:
    names = redis.lrange(f"rq:queue:{queue}", 0, -1)
    return [int(str(name, "utf-8").removeprefix("task-")) for name in names if isinstance(name, bytes)]


def test_each_kind_has_its_queue() -> None:
    assert [queue_of(kind, "b") for kind in ("plan", "place", "never heard of")] == ["b", "b-urgent", "b"]


@pytest.mark.parametrize("aside", [False, True])
def test_what_is_committed_is_rung_for_once(engine: Engine, redis_url: str, aside: bool) -> None:
    with connect(redis_url) as redis:
        bell = ring_what_is_filed(engine, redis, "breakwater", aside=aside)
        before_commit: list[list[int]] = []
        event.listen(engine, "commit", lambda _: before_commit.append(rung(redis)))
        with engine.begin() as connection:
            plan, place = file(connection, "plan", "k"), file(connection, "place")
        with engine.begin() as connection:
            assert file(connection, "plan", "k") == plan  # under way
        with engine.connect() as connection:
            connection.execute(text("select 1"))
        bell.close(10)
        assert before_commit == [[], [plan]] if not aside else before_commit[0] == []
        assert (rung(redis), rung(redis, "breakwater-urgent")) == ([plan], [place])


def test_what_is_rolled_back_is_not_rung_for(engine: Engine, redis_url: str) -> None:
    with connect(redis_url) as redis:
        ring_what_is_filed(engine, redis, "breakwater")
        with pytest.raises(DBAPIError):
            file_and_fail(engine)
        with engine.connect() as connection:  # never committed: the pool takes it back
            file(connection)
        assert rung(redis) == []
        with engine.begin() as connection:
            first = file(connection)
            outer = connection.begin_nested()
            file(connection)
            inner = connection.begin_nested()
            file(connection)
            inner.commit()
            outer.rollback()
            kept = connection.begin_nested()
            second = file(connection)
            kept.commit()
            gone = connection.begin_nested()
            file(connection)
            gone.rollback()
            third = file(connection)
        assert sorted(rung(redis)) == [first, second, third]
        with engine.connect() as connection:  # several transactions on one connection
            with connection.begin():
                fourth = file(connection)
            transaction = connection.begin()
            file(connection)
            transaction.rollback()
        assert sorted(rung(redis)) == [first, second, third, fourth]


def file_and_fail(engine: Engine) -> None:
    with engine.begin() as connection:
        file(connection)
        connection.execute(text("select 1 / 0"))


def file_and_break(engine: Engine) -> None:
    with engine.begin() as connection:
        file(connection)
        process = connection.execute(text("select pg_backend_pid()")).scalar_one()
        with engine.connect() as other:
            other.execute(text("select pg_terminate_backend(:process)"), {"process": process})


def test_a_connection_that_breaks_in_its_commit_is_no_ring(engine: Engine, redis_url: str) -> None:
    """The ring may come in vain or not at all; what matters is that nothing is raised but the commit's error,
    and that the next one rings."""
    with connect(redis_url) as redis:
        ring_what_is_filed(engine, redis, "breakwater")
        with pytest.raises(DBAPIError):
            file_and_break(engine)
        with engine.begin() as connection:
            task = file(connection)
        assert task in rung(redis)


def test_without_redis_a_reconciler_rings_later(engine: Engine, redis_url: str) -> None:
    with capture_logs() as lines, connect("unix:///nowhere/redis.sock") as away:
        bell = ring_what_is_filed(engine, away, "breakwater", aside=True)
        with engine.begin() as connection:
            task = file(connection, "place")
        bell.close(10)
    assert [(line["log_level"], line["task"]) for line in lines] == [("warning", task)]
    with connect(redis_url) as redis:
        reconcile(engine, redis, "breakwater", 2, NOW)
        assert rung(redis, "breakwater-urgent") == []  # somebody has just rung, as far as the table knows
        reconcile(engine, redis, "breakwater", 2, NOW.replace(second=7))
        assert (rung(redis, "breakwater-urgent"), rung(redis)) == ([task], [])


def test_a_redis_that_hangs_keeps_nobody_waiting(engine: Engine, tmp_path: Path) -> None:
    """It takes connections and never answers."""
    place = str(tmp_path / "hangs.sock")
    with socket.socket(socket.AF_UNIX) as hanging:
        hanging.bind(place)
        hanging.listen(8)
        with connect(f"unix://{place}") as redis:
            bell = ring_what_is_filed(engine, redis, "breakwater", aside=True)
            began = time.monotonic()
            for _ in range(20):
                with engine.begin() as connection:
                    file(connection)
            assert time.monotonic() - began < 3
            assert bell.waiting.qsize() >= 18
            began = time.monotonic()
            bell.close(0.2)
            assert time.monotonic() - began < 2


def test_more_than_can_wait_is_left_to_the_reconciler() -> None:
    released = threading.Event()

    class Slow(Bell):
        def _ring_on(self) -> None:
            released.wait(30)
            super()._ring_on()

    with capture_logs() as lines, connect("unix:///nowhere/redis.sock") as away:
        bell = Slow(away, "breakwater", aside=True)
        bell.ring_for([("plan", task) for task in range(1, MOST_WAITING + 4)])
        assert [line["task"] for line in lines] == [MOST_WAITING + 1, MOST_WAITING + 2, MOST_WAITING + 3]
        assert bell.waiting.qsize() == MOST_WAITING
        bell.close(0.1)  # full: nothing can be added, and nobody waits
        released.set()


def test_note_rings_says_what_kind_it_is(engine: Engine) -> None:
    with engine.begin() as connection:
        plan, place = file(connection), file(connection, "place")
    assert note_rings(engine, 6, NOW.replace(minute=1)) == [("plan", plan), ("place", place)]


def test_the_thread_is_begun_when_there_is_something_to_ring_for(redis_url: str) -> None:
    with connect(redis_url) as redis:
        bell = Bell(redis, "breakwater", aside=True)
        assert bell.thread is None
        bell.ring_for([("plan", 7)])
        wait_for(lambda: rung(redis) == [7], "it has rung")
        bell.close(10)
        assert bell.thread is not None
        assert not bell.thread.is_alive()
        bell.ring_for([("plan", 8)])
        wait_for(lambda: sorted(rung(redis)) == [7, 8], "it rings again")
        bell.close(10)
