"""Redis as a doorbell: it tells a worker that a task waits, and carries nothing but the task's id.

What must not be lost is in PostgreSQL. A ring that was lost is rung again by a reconciler; one that came
twice finds nothing left to do.

    bell = ring_what_is_filed(engine, connect(url), "breakwater")

Whatever is filed through that engine is rung for, once its transaction is committed: actions never ring.
"""

from __future__ import annotations

import queue as queues
import threading
from collections.abc import Iterable
from typing import Any

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy import Connection, Engine, event

from models.actions.file_task import FILED, Filed

FUNCTION = "workers.jobs.do_task"
"""The one function that workers do for a ring; its only argument is the task's id."""
QUEUES = {"plan": "", "place": "-urgent"}
"""By a task's kind, what follows the queue's name. Each queue has workers of its own, so that an escalation
never waits for a plan to be made. A kind that is not known goes to the planners', who park it."""
RING_LASTS = 600
"""Seconds after which a ring that nobody heard is forgotten; there have been others by then."""
MOST_WAITING = 1000
"""Rings that wait to be rung while Redis is slow; a reconciler rings for what is more than that."""
SILENT = "the Redis of REDIS_URL does not answer"
COMMITTED = "breakwater_committed"
SAVED = "breakwater_saved"
"""Under these names a connection remembers which of the tasks filed are committed, and how many there were at
each savepoint that has not ended."""

log = structlog.get_logger()


def connect(redis_url: str) -> Redis:
    """A client that gives up rather than wait for a server that hangs: a ring is not worth waiting for.

    One more try, at once, is for a connection that has been dropped.
    """
    return Redis.from_url(
        redis_url, socket_connect_timeout=2, socket_timeout=5, retry=Retry(NoBackoff(), retries=1)
    )


def queue_of(kind: str, queue: str) -> str:
    """The name of the queue in Redis for tasks of a kind; `queue` is BREAKWATER_QUEUE."""
    return queue + QUEUES.get(kind, "")


def ring(redis: Redis, queue: str, kind: str, task_id: int) -> None:
    """Call after the commit that filed the task. Whatever goes wrong is logged and not raised."""
    name = f"task-{task_id}"
    try:
        bell = Queue(queue_of(kind, queue), connection=redis, serializer=JSONSerializer)
        if redis.lpos(bell.key, name) is not None and redis.expire(Job.key_for(name), RING_LASTS):
            return  # it rings already, and keeps its place
        bell.enqueue(FUNCTION, task_id, job_id=name, result_ttl=0, ttl=RING_LASTS, failure_ttl=60)
    except (RedisError, OSError) as error:
        log.warning("the doorbell was not rung; a reconciler will", task=task_id, exc_info=error)


class Bell:
    """Rings in the order in which it was asked to. Never raises.

    `aside`: in a thread, started when there is something to ring for (so that who forks before has none), and
    whoever asks does not wait however long Redis takes. Else at once.
    """

    def __init__(self, redis: Redis, queue: str, aside: bool) -> None:
        self.redis = redis
        self.queue = queue
        self.aside = aside
        self.waiting: queues.Queue[Filed | None] = queues.Queue(MOST_WAITING)
        self.thread: threading.Thread | None = None
        self.starting = threading.Lock()

    def ring_for(self, filed: Iterable[Filed]) -> None:
        for kind, task in filed:
            if not self.aside:
                ring(self.redis, self.queue, kind, task)
                continue
            try:
                self.waiting.put_nowait((kind, task))
            except queues.Full:
                log.warning("the doorbell was not rung; a reconciler will", task=task)
            else:
                self._start()

    def close(self, seconds: float = 2.0) -> None:
        """Ring for what still waits, for so long at most."""
        if self.thread is not None:
            try:
                self.waiting.put_nowait(None)
            except queues.Full:
                return
            self.thread.join(seconds)

    def _start(self) -> None:
        with self.starting:
            if self.thread is None or not self.thread.is_alive():
                self.thread = threading.Thread(target=self._ring_on, name="doorbell", daemon=True)
                self.thread.start()

    def _ring_on(self) -> None:
        while (filed := self.waiting.get()) is not None:
            kind, task = filed
            try:
                ring(self.redis, self.queue, kind, task)
            except Exception as error:  # a client that was closed meanwhile, for one
                log.warning("the doorbell was not rung; a reconciler will", task=task, exc_info=error)


def ring_what_is_filed(engine: Engine, redis: Redis, queue: str, *, aside: bool = False) -> Bell:
    """From now on, ring for each task that is filed (`file_task`) through this engine and committed.

    A commit is announced before it has happened, so the ring comes when the connection is given back, which
    is right after. What was rolled back, whole or to a savepoint, is not rung for. A commit that failed may
    be rung for in vain.
    """
    bell = Bell(redis, queue, aside)

    # A savepoint has no name yet when it is announced; but they end in reverse order.
    def saved(connection: Connection, _: Any) -> None:
        connection.info.setdefault(SAVED, []).append(len(connection.info.get(FILED, ())))

    def rolled_back_to(connection: Connection, *_: Any) -> None:
        if connection.info.get(SAVED):
            del connection.info.get(FILED, [])[connection.info[SAVED].pop() :]

    def released(connection: Connection, *_: Any) -> None:
        if connection.info.get(SAVED):
            connection.info[SAVED].pop()

    def committed(connection: Connection) -> None:
        connection.info.setdefault(COMMITTED, []).extend(connection.info.pop(FILED, ()))
        connection.info.pop(SAVED, None)

    def rolled_back(connection: Connection) -> None:
        connection.info.pop(FILED, None)
        connection.info.pop(SAVED, None)

    def given_back(_: Any, record: Any) -> None:
        record.info.pop(FILED, None)  # never committed
        if filed := record.info.pop(COMMITTED, None):
            try:
                bell.ring_for(filed)
            except Exception as error:  # whoever gives a connection back knows nothing of rings
                log.error("the doorbell is broken; a reconciler will ring", exc_info=error)

    event.listen(engine, "savepoint", saved)
    event.listen(engine, "rollback_savepoint", rolled_back_to)
    event.listen(engine, "release_savepoint", released)
    event.listen(engine, "commit", committed)
    event.listen(engine, "rollback", rolled_back)
    event.listen(engine, "checkin", given_back)
    return bell
