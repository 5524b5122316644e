"""Redis as a doorbell: it tells a worker that a task waits, and carries nothing but the task's id.

What must not be lost is in PostgreSQL. A ring that was lost is rung again by a reconciler; one that came
twice finds nothing left to do.
"""

from __future__ import annotations

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

FUNCTION = "workers.jobs.do_task"
"""The one function that workers do for a ring; its only argument is the task's id."""
RING_LASTS = 600
"""Seconds after which a ring that nobody heard is forgotten; there have been others by then."""
SILENT = "the Redis of REDIS_URL does not answer"

log = structlog.get_logger()


def connect(redis_url: str) -> Redis:
    """A client that gives up rather than wait for a server that hangs: a ring is not worth waiting for.

    One more try, at once, is for a connection that has been dropped.
    """
    return Redis.from_url(
        redis_url, socket_connect_timeout=2, socket_timeout=5, retry=Retry(NoBackoff(), retries=1)
    )


def ring(redis: Redis, queue: str, task_id: int) -> None:
    """Call after the commit that filed the task. Whatever goes wrong is logged and not raised."""
    name = f"task-{task_id}"
    try:
        bell = Queue(queue, connection=redis, serializer=JSONSerializer)
        if redis.lpos(bell.key, name) is not None and redis.expire(Job.key_for(name), RING_LASTS):
            return  # it rings already, and keeps its place
        bell.enqueue(FUNCTION, task_id, job_id=name, result_ttl=0, ttl=RING_LASTS, failure_ttl=60)
    except (RedisError, OSError) as error:
        log.warning("the doorbell was not rung; a reconciler will", task=task_id, exc_info=error)
