"""RQ's worker, for rings only, and made to outlive Redis."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import ConnectionError as RedisUnreachable
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisSilent
from rq import Worker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.registry import FailedJobRegistry, StartedJobRegistry
from rq.serializers import JSONSerializer
from rq.utils import now as rq_now
from rq.worker.base import WorkerStatus
from rq.worker_registration import clean_worker_registry

from config.parent import end_with_parent
from config.settings import Settings
from models.doorbell import SILENT, connect, queue_of
from workers.jobs import tools_of, warm
from workers.keeper import STOP
from workers.outage import Outage, wait_for_database
from workers.reconciler import Reconciler
from workers.ring import Ring, Rings
from workers.stopping import Stopping

WORKER_TTL = 30
MAINTENANCE = 10
MONITORING = 5
"""Seconds. With RQ's own, far longer ones, what a killed worker was doing lies about for minutes."""
LISTEN = 1
"""Seconds for which a worker listens for a ring, before it looks whether it is to stop."""
GRACE = 4
"""Seconds for which a worker that is to stop lets its task go on; with MONITORING less than the ten that
containers usually get to end in."""

log = structlog.get_logger()


class RingWorker(Worker):
    """RQ's worker without what it does not need here: commands from outside, groups, dependents, results."""

    last_cleaned_at: Any
    log_result_lifespan = False

    def __init__(
        self,
        configured: Settings,
        queue: str,
        redis: Redis,
        reconciler: Reconciler,
        stopping: Stopping,
        monitoring: int,
        grace: int,
        started: Callable[[str], None],
    ) -> None:
        Ring.may_take = int(configured.solve_seconds) + 60
        super().__init__(
            [queue],
            connection=redis,
            serializer=JSONSerializer,
            job_class=Ring,
            queue_class=Rings,
            default_result_ttl=0,
            worker_ttl=WORKER_TTL,
            maintenance_interval=MAINTENANCE,
            job_monitoring_interval=monitoring,
            log_job_description=False,
        )
        self.reconciler = reconciler
        self.grace = grace
        self.stopping = stopping
        self.started = started
        self.asked_keeper = 0

    def bootstrap(self, *_: Any, **__: Any) -> None:
        # Neither RQ's own log handlers nor its channel for commands, which is a thread and open to all.
        self.register_birth()  # type: ignore[no-untyped-call]
        self.set_state("started")
        self.started(self.name)

    def unsubscribe(self) -> None:
        pass

    def clean_registries(self) -> None:
        for queue in self.queues:
            kept: dict[str, Any] = {
                "connection": queue.connection,
                "job_class": queue.job_class,
                "serializer": queue.serializer,
            }
            StartedJobRegistry(queue.name, **kept).cleanup()
            FailedJobRegistry(queue.name, **kept).cleanup()
            clean_worker_registry(queue)
            # Rings that a worker took and then died: the reconciler rings again.
            queue.connection.delete(queue.intermediate_queue_key)
        self.last_cleaned_at = rq_now()

    def clean_group_registries(self) -> None:
        pass

    @property
    def dequeue_timeout(self) -> int:
        return LISTEN

    def _install_signal_handlers(self) -> None:
        pass  # RQ's would raise an exception wherever the program is just then: see stopping.py

    def check_for_suspension(self, burst: bool) -> None:
        pass  # nobody who can write to Redis puts the workers to sleep

    def heartbeat(self, *given: Any, **named: Any) -> None:
        """Called before each time that RQ listens for a ring, and while a task is being done.

        Without Redis it ends RQ's loop, as a wish to stop does: `work` below is better at waiting.
        """
        if not self.is_horse:
            self.reconciler.look_after()
            if self.stopping.asked and self.get_state() != WorkerStatus.BUSY:
                raise StopRequested
        try:
            super().heartbeat(*given, **named)
        except (RedisUnreachable, RedisSilent):
            if self.is_horse:
                raise
            raise StopRequested from None

    def setup_work_horse_signals(self) -> None:
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]
        end_with_parent(self.pid or 0)

    def maintain_heartbeats(self, job: Job, execution: Any) -> None:
        """Called every few seconds while a task is being done."""
        if self.stopping.patience_is_over(self.grace):
            self.hand_back()
        try:
            super().maintain_heartbeats(job, execution)
        except (RedisError, OSError) as error:
            # The task is claimed in PostgreSQL; Redis is not needed to do it.
            log.warning("Redis could not be reached while working", exc_info=error)

    def hand_back(self) -> None:
        """Have the task's keeper give it back, which ends the work; if that does not help, end both."""
        if not self.horse_pid:
            return
        if self.asked_keeper == self.horse_pid:
            self.kill_horse()
        else:
            self.asked_keeper = self.horse_pid
            os.killpg(self.horse_pid, STOP)


def work(
    configured: Settings,
    waiting: Callable[[], None] = lambda: None,
    monitoring: int = MONITORING,
    grace: int = GRACE,
    urgent: bool = False,
) -> None:
    """Answer rings until asked to stop. Ends only then; while the database or Redis is away it keeps trying.

    `waiting` is called once, when both have been reached. `urgent`: it places escalations, else it plans.
    """
    queue = queue_of("place" if urgent else "plan", configured.queue)
    logging.getLogger("rq.worker").setLevel(logging.WARNING)
    stopping = Stopping()
    stopping.listen()
    wait_for_database(configured, stopping)
    Ring.tools = tools_of(configured)
    warm(Ring.tools)
    reconciler = Reconciler(configured)
    outage = Outage()
    told = False

    def started(name: str) -> None:
        nonlocal told
        outage.is_over()
        log.info("waiting for tasks", queue=queue, worker=name)
        if not told:
            waiting()
            told = True

    try:
        while not stopping.asked:
            try:
                reconciler.look_after()
                redis = connect(configured.need("redis_url"))
                worker = RingWorker(
                    configured, queue, redis, reconciler, stopping, monitoring, grace, started
                )
                worker.work(logging_level=None)
            except (RedisError, OSError) as error:
                if not stopping.asked:
                    outage.goes_on(SILENT, error)
            stopping.sleep(outage.pause)
    finally:
        reconciler.end()
