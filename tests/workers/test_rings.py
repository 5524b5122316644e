"""Nothing that lies in Redis is run, called or unpickled, but a ring for a task."""

from __future__ import annotations

import json
import pickle
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rq import Queue
from rq.callbacks import Callback
from rq.exceptions import NoSuchJobError
from rq.serializers import JSONSerializer
from structlog.testing import capture_logs

from models.doorbell import FUNCTION, connect, ring
from tests.conftest import Database
from tests.workers import hostile
from tests.workers.processes import wait_for, worker
from tests.workers.scenes import scene
from workers.ring import NotARing, Ring, task_of


@pytest.mark.parametrize("job", hostile.NOT_RINGS)
def test_what_is_not_a_ring_is_refused(job: tuple[Any, ...]) -> None:
    with pytest.raises(NotARing):
        task_of(zlib.compress(json.dumps(job).encode()))


@pytest.mark.parametrize(
    "data", [b"", b"null", b"{}", b"[", b"\xff", pickle.dumps((FUNCTION, None, (1,), {}))]
)
def test_what_cannot_be_read_is_refused(data: bytes) -> None:
    for given in (data, zlib.compress(data)):
        with pytest.raises(NotARing):
            task_of(given)


def test_the_doorbell_rings_for_one_task(redis_url: str) -> None:
    with connect(redis_url) as redis:
        for task in (4711, 4712, 4711):
            ring(redis, "breakwater", "plan", task)
        # Once for each, and each keeps its place.
        names = [str(name, "utf-8") for name in redis.lrange("rq:queue:breakwater", 0, -1)]
        assert names == ["task-4711", "task-4712"]
        job = Ring.fetch(names[0], connection=redis, serializer=JSONSerializer)
        assert (job.func_name, job.args, job.kwargs) == (FUNCTION, [4711], {})
        assert (job.result_ttl, job.failure_ttl) == (0, 60)
        # One whose job was forgotten is rung anew.
        redis.delete(job.key)
        ring(redis, "breakwater", "plan", 4711)
        assert redis.exists(job.key)


def test_callbacks_webhooks_retries_and_repeats_are_not_read(redis_url: str) -> None:
    with connect(redis_url) as redis:
        plain = Queue("breakwater", connection=redis, serializer=JSONSerializer)
        called = Callback("os.getcwd")
        made = plain.enqueue(
            FUNCTION, 1, on_success=called, on_failure=called, on_stopped=called, result_ttl=-1
        )
        redis.hset(
            made.key, mapping={"retries_left": 9, "repeats_left": 9, "timeout": -1, "webhooks": "[{}]"}
        )
        job = Ring.fetch(made.id, connection=redis, serializer=JSONSerializer)
        assert (job.success_callback, job.failure_callback, job.stopped_callback) == (None, None, None)
        assert (job.webhooks, job.retries_left, job.repeats_left) == ([], None, None)
        assert (job.timeout, job.result_ttl) == (Ring.may_take, 0)
        with pytest.raises(NoSuchJobError):
            Ring.fetch("no such job", connection=redis, serializer=JSONSerializer)


def test_a_ring_that_cannot_be_rung_is_no_fault() -> None:
    with capture_logs() as lines, connect("unix:///nowhere/redis.sock") as redis:
        ring(redis, "breakwater", "plan", 4711)
    assert [(line["log_level"], line["task"]) for line in lines] == [("warning", 4711)]


def test_a_worker_does_nothing_that_a_hostile_queue_wants(
    database: Database, redis_of_kind: Callable[[str], str], tmp_path: Path
) -> None:
    url = redis_of_kind("valkey")
    marks = tmp_path / "marks"
    marks.mkdir()
    with scene(database.url, url, tmp_path) as there:
        first, second = there.ask(2)
        with worker(tmp_path, there.environment, MARKS=str(marks)) as running:
            wait_for(lambda: there.redis.scard("rq:workers") == 1, "the worker is there")
            refused = hostile.fill(there.redis, "breakwater", marks, first)
            there.ring(second)
            there.wait_until("done", second)
            assert list(marks.iterdir()) == []
            assert there.faults(first) == there.faults(second) == []
            assert running.process.poll() is None
            assert running.said().count("refused") >= refused
            assert running.said().count('"waiting for tasks"') == 1  # nothing threw it out of RQ's loop
            assert running.stop() == 0
            assert not running.members()
