"""Puts right what rings and workers lost: takes back expired claims, parks poison, rings again.

Every worker has one, as a process of its own: RQ's process forks for each job and so may hold neither
threads nor connections to the database.
"""

from __future__ import annotations

import os
import signal
import time
from datetime import datetime

import structlog
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from config.clock import clock_of
from config.parent import end_with_parent
from config.settings import Settings
from models.actions.note_rings import note_rings
from models.actions.return_task import take_back_tasks
from models.actor import SYSTEM
from models.connection import application_engine
from models.doorbell import connect, ring
from workers.outage import Outage, database_lost
from workers.outcome import say_returned

SILENT_ROUNDS = 3
"""Rounds for which a ring may go unanswered."""
LONGEST_PAUSE = 60.0
"""Seconds between tries while the database is away."""

log = structlog.get_logger()


def reconcile(engine: Engine, redis: Redis, queue: str, every: float, now: datetime) -> None:
    """One round. Without Redis nobody is rung for, nor is that noted; the worker says that it is away."""
    say_returned(take_back_tasks(engine, SYSTEM, every, now))
    if not answers(redis):
        return
    for kind, task in note_rings(engine, SILENT_ROUNDS * every, now):
        log.info("ringing again", task=task, kind=kind)
        ring(redis, queue, kind, task)


def answers(redis: Redis) -> bool:
    try:
        redis.ping()
    except (RedisError, OSError):
        return False
    return True


def pause_after(failures: int, every: float) -> float:
    """Seconds until the next round; longer and longer while the database is away."""
    return every if failures == 0 else max(every, min(LONGEST_PAUSE, every * 2.0 ** min(failures, 10)))


def keep_reconciling(configured: Settings) -> None:
    """Without end."""
    engine = application_engine(configured.need("database_url"), pool_size=1)
    redis = connect(configured.need("redis_url"))
    clock = clock_of(configured)
    outage = Outage()
    while True:
        try:
            every = configured.reconcile_seconds
            reconcile(engine, redis, configured.queue, every, clock())
            outage.is_over()
        except SQLAlchemyError as error:
            database_lost(outage, configured, error)
        time.sleep(pause_after(outage.failures, configured.reconcile_seconds))


class Reconciler:
    """The process. `look_after` starts it, and again whenever it has ended."""

    def __init__(self, configured: Settings) -> None:
        self.configured = configured
        self.process = 0

    def look_after(self) -> None:
        if self.process and os.waitpid(self.process, os.WNOHANG) == (0, 0):
            return
        if self.process:
            log.error("the reconciler ended and is started again")
        parent = os.getpid()
        self.process = os.fork()
        if self.process == 0:
            try:
                signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the worker, which ends this too
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                end_with_parent(parent)
                keep_reconciling(self.configured)
            except BaseException as error:
                log.error("the reconciler failed", exc_info=error)
            finally:
                os._exit(1)

    def end(self) -> None:
        if self.process:
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
            self.process = 0
