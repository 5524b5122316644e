"""A process beside the one that does a task: it keeps the claim and watches the time.

It is a process and not a thread because a solver in native code may hold the interpreter for minutes, and
because it has to outlive a solver that crashes: the task is then given back at once.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from config.clock import Clock, clock_of
from config.parent import end_with_parent
from config.settings import Settings
from models.actions.claim_task import Claim, Held, extend_lease
from models.actions.return_task import Why, return_task
from models.actor import SYSTEM
from models.connection import application_engine
from workers.outcome import say_returned

DIED = signal.SIGTERM
"""What the kernel sends the keeper when the process that does the task has died."""
STOP = signal.SIGINT
"""What the worker sends to the group of the two, to have the task given back."""
SIGNALS = frozenset({DIED, STOP})

Step = Literal["wait", "extend", "leave", "end-work"]

log = structlog.get_logger()


@contextmanager
def kept(configured: Settings, claim: Claim) -> Iterator[None]:
    """The claim is kept while this lasts. At the beginning no connection may be open, no thread running."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    work = os.getpid()
    keeper = os.fork()
    if keeper == 0:
        try:
            end_with_parent(work, DIED)
            keep(configured, claim, work)
        except BaseException as error:
            log.error("the keeper of a task failed", task=claim.task, exc_info=error)
        finally:
            os._exit(0)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    try:
        yield
    finally:
        os.kill(keeper, signal.SIGKILL)
        os.waitpid(keeper, 0)


def after_extending(held: Held) -> Step:
    """A task that is ended needs no keeper. Work whose claim is lost is in vain."""
    if held == "held":
        return "wait"
    return "leave" if held == "ended" else "end-work"


def keep(configured: Settings, claim: Claim, work: int) -> None:
    """Until the work ends, takes too long, or is to be given back."""
    engine = application_engine(configured.need("database_url"), pool_size=1)
    clock = clock_of(configured)
    every = configured.lease_seconds / 3
    deadline = time.monotonic() + configured.solve_seconds
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            give_back(engine, configured, claim, "took-too-long", clock)
            return os.kill(work, signal.SIGKILL)
        got = signal.sigtimedwait(SIGNALS, min(every, left))
        if got is None:
            step = extend(engine, configured, claim, clock)
            if step == "leave":
                return None
            if step == "end-work":
                log.warning("the claim was lost while the work went on", task=claim.task)
                return os.kill(work, signal.SIGKILL)
        elif got.si_signo == STOP:
            give_back(engine, configured, claim, "stopped", clock)
            return os.kill(work, signal.SIGKILL)
        else:
            return give_back(engine, configured, claim, "worker-died", clock)


def extend(engine: Engine, configured: Settings, claim: Claim, clock: Clock) -> Step:
    try:
        return after_extending(extend_lease(engine, claim, configured.lease_seconds, clock()))
    except SQLAlchemyError as error:
        log.warning("a lease could not be extended; tried again", task=claim.task, exc_info=error)
        return "wait"


def give_back(engine: Engine, configured: Settings, claim: Claim, why: Why, clock: Clock) -> None:
    try:
        pause = configured.reconcile_seconds
        say_returned(return_task(engine, SYSTEM, claim, why, why, pause, clock()))
    except SQLAlchemyError as error:
        log.warning("a task could not be given back; its lease runs out", task=claim.task, exc_info=error)
