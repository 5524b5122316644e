"""The one job: do a task."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from config.clock import Clock, clock_of
from config.settings import Settings, settings
from models.actions.claim_task import Claim, claim_task
from models.actions.return_task import Why, return_task
from models.actor import SYSTEM
from models.connection import application_engine
from models.refusal import Refusal
from workers.keeper import kept
from workers.outcome import say_returned
from workers.planning import NotLegal, plan_date

KINDS: dict[str, Callable[[Engine, Claim, Clock], None]] = {"plan": plan_date}
log = structlog.get_logger()


class Failure(NamedTuple):
    """Why a task was not done: for counting, and by name."""

    why: Why
    error: str


def failure_of(error: Exception) -> Failure:
    if isinstance(error, Refusal):
        return Failure("stale" if error.kind == "stale" else "error", error.kind)
    if isinstance(error, NotLegal):
        return Failure("not-legal", "not-legal")
    return Failure("error", type(error).__name__)


def do_task(task: int) -> None:
    """Do this task, if it is there to be done. Whatever goes wrong is written down, not raised."""
    configured = settings()
    clock = clock_of(configured)
    engine = application_engine(configured.need("database_url"), pool_size=1)
    try:
        claim = claim_task(engine, SYSTEM, task, configured.lease_seconds, clock())
        engine.dispose()  # before the fork of the keeper, which must not share a connection
        if claim is None:
            log.info("a ring for a task that is not there to be done", task=task)
            return
        with kept(configured, claim):
            do_claimed(engine, configured, claim, clock)
    except SQLAlchemyError as error:
        # The claim, if there is one, runs out by itself.
        log.error("the database could not be reached", task=task, exc_info=error)
    finally:
        engine.dispose()


def do_claimed(engine: Engine, configured: Settings, claim: Claim, clock: Clock) -> None:
    began = time.monotonic()
    log.info("task claimed", task=claim.task, kind=claim.kind, attempt=claim.attempts)
    try:
        KINDS[claim.kind](engine, claim, clock)
    except Exception as error:
        failure = failure_of(error)
        took = round(time.monotonic() - began, 3)
        log.warning("task not done", task=claim.task, kind=failure.error, seconds=took, exc_info=error)
        with suppress(SQLAlchemyError):  # the lease runs out by itself
            pause = configured.reconcile_seconds
            say_returned(return_task(engine, SYSTEM, claim, failure.why, failure.error, pause, clock()))
    else:
        took = round(time.monotonic() - began, 3)
        log.info("task done", task=claim.task, kind=claim.kind, seconds=took)
