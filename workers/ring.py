"""What a worker takes from Redis: the ring for a task, and nothing else that may lie there.

Anyone who can write to Redis can put any function's name there, any callback, webhook or pickle, and RQ would
run, call or unpack it; JSON instead of pickle is no protection against the first. So of a job's fields only
those below are read, and only one function with one whole number is let through. To RQ anything else is a job
that does not exist.
"""

from __future__ import annotations

import json
import zlib
from typing import Any, NoReturn

import structlog
from redis import Redis
from redis.exceptions import ConnectionError as RedisUnreachable
from redis.exceptions import TimeoutError as RedisSilent
from rq import Queue
from rq.exceptions import NoSuchJobError, StopRequested
from rq.job import Job

from models.doorbell import FUNCTION
from workers.jobs import Tools, do_task

ALLOWED = {FUNCTION: do_task}
READ = frozenset(
    {b"data", b"created_at", b"enqueued_at", b"started_at", b"origin", b"status", b"worker_name"}
)
"""Fields of a job that are believed."""
LONGEST = 1000
"""Bytes of a job's data, unpacked. A ring has about 50."""
FAILURE_KEPT = 60
"""Seconds for which RQ remembers that a job failed. What became of a task is in PostgreSQL."""

log = structlog.get_logger()


class NotARing(Exception):  # noqa: N818 - never leaves this module
    """Says what is wrong, without repeating it."""


def task_of(data: bytes) -> int:
    """The task that these bytes ring for.

    Raises:
        NotARing: they name another function, or other arguments.
    """
    try:
        unpacked = zlib.decompressobj().decompress(data, LONGEST)
        name, instance, arguments, named = json.loads(unpacked.decode())
    except (zlib.error, ValueError, TypeError, RecursionError):
        raise NotARing("the job's data is not a ring") from None
    if type(name) is not str or name not in ALLOWED:
        raise NotARing("the job's function is not allowed")
    if instance is not None or named != {} or type(arguments) is not list or len(arguments) != 1:
        raise NotARing("the job's arguments are not one task's id")
    (task,) = arguments
    if type(task) is not int or not 0 < task < 2**63:
        raise NotARing("the job's argument is not a task's id")
    return task


class Ring(Job):
    """A job that can only be a ring. `may_take` is how long RQ lets it run, in seconds; `tools` what its task
    is done with, if they were made beforehand."""

    may_take = 960
    tools: Tools | None = None

    @classmethod
    def fetch(cls, id: str, connection: Redis | None = None, serializer: Any = None) -> Job:
        try:
            return super().fetch(id, connection=connection, serializer=serializer)
        except (NoSuchJobError, RedisUnreachable, RedisSilent):
            raise
        except Exception as error:
            # Comes from what lies in Redis, and would end RQ's loop.
            refuse(type(error).__name__)

    def restore(self, raw_data: dict[bytes, bytes]) -> None:
        read = {name: value for name, value in raw_data.items() if name in READ}
        try:
            task = task_of(read.get(b"data", b""))
        except NotARing as refused:
            refuse(str(refused))
        super().restore(read)
        self.func_name = FUNCTION  # from here on, what is run was made here
        self.args = [task]
        self.kwargs = {}
        self.instance = None
        self.timeout = self.may_take
        self.result_ttl = 0
        self.failure_ttl = FAILURE_KEPT

    def _execute(self) -> None:
        (task,) = self.args
        ALLOWED[FUNCTION](task, self.tools)


class Rings(Queue):
    """The queue of rings. None has others that wait for it."""

    job_class = Ring

    @classmethod
    def lmove(cls, connection: Redis, queue_key: str, timeout: int | None) -> Any:
        result = super().lmove(connection, queue_key, timeout)
        if result is None:
            return None
        key, name = result
        return key, name.decode(errors="replace")  # RQ itself falls over a name that is no text

    @classmethod
    def dequeue_any(cls, *given: Any, **named: Any) -> Any:
        try:
            return super().dequeue_any(*given, **named)
        except (RedisUnreachable, RedisSilent):
            raise StopRequested from None  # RQ would try and say so every second: see worker.py

    def move_dependents_to_ready(self, *_: Any, **__: Any) -> dict[str, list[str]]:
        return {}

    def enqueue_ready_jobs_by_queue(self, *_: Any, **__: Any) -> None:
        pass

    def enqueue_dependents(self, *_: Any, **__: Any) -> dict[str, list[str]]:
        return {}


def refuse(why: str) -> NoReturn:
    log.error("something in the queue was refused, and not run", kind=why)
    raise NoSuchJobError(why)
