"""The one job: do a task."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from config.clock import Clock, clock_of
from config.settings import Settings, settings
from models.actions.claim_task import Claim, claim_next, claim_task
from models.actions.return_task import return_task
from models.actor import SYSTEM
from models.connection import application_engine
from models.doorbell import connect, ring_what_is_filed
from workers.failures import UnknownKind, failure_of
from workers.keeper import kept
from workers.outcome import say_returned

log = structlog.get_logger()


# A worker loads what its own tasks need and no more: an urgent one forks the faster for it.
def plan(engine: Engine, claim: Claim, clock: Clock) -> None:
    from workers.planning import plan_date

    plan_date(engine, claim, clock)


def place(engine: Engine, claim: Claim, clock: Clock) -> None:
    from workers.placing import place_item

    place_item(engine, claim, clock)


KINDS: dict[str, Callable[[Engine, Claim, Clock], None]] = {"plan": plan, "place": place}
QUICK = frozenset({"place"})
"""Kinds that are done, or given up, well within the first lease: they need no keeper, which would take longer
to begin than most of them take. If their worker dies, the lease runs out."""
GOES_ON = 2.0
"""Seconds for which a job that did a quick task goes on with others of its kind that wait, since beginning a
job takes about as long as doing one. Then the worker looks whether it is to stop."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What every task needs. Neither has a connection open, so that they may be made before the forks."""

    configured: Settings
    engine: Engine


def tools_of(configured: Settings) -> Tools:
    engine = application_engine(configured.need("database_url"), pool_size=1)
    ring_what_is_filed(engine, connect(configured.need("redis_url")), configured.queue)
    return Tools(configured, engine)


def warm(tools: Tools) -> None:
    """Ask the database once what SQLAlchemy asks of a new one, which takes as long as placing an escalation.
    Leaves no connection open."""
    with suppress(SQLAlchemyError):  # then each task asks
        tools.engine.connect().close()
    tools.engine.dispose()


def do_task(task: int, tools: Tools | None = None) -> None:
    """Do this task, if it is there to be done. Whatever goes wrong is written down, not raised."""
    tools = tools or tools_of(settings())
    configured, engine, clock = tools.configured, tools.engine, clock_of(tools.configured)
    try:
        claim = claim_task(engine, SYSTEM, task, configured.lease_seconds, clock())
        if claim is None:
            log.info("a ring for a task that is not there to be done", task=task)
            return
        if claim.kind in QUICK:
            do_quick(engine, configured, claim, clock)
        else:
            engine.dispose()  # before the fork of the keeper, which must not share a connection
            with kept(configured, claim):
                do_claimed(engine, configured, claim, clock)
    except SQLAlchemyError as error:
        # The claim, if there is one, runs out by itself.
        log.error("the database could not be reached", task=task, exc_info=error)
    finally:
        engine.dispose()


def do_quick(engine: Engine, configured: Settings, first: Claim, clock: Clock) -> None:
    """This task, and what of its kind waits; the rings for those find nothing left to do."""
    until = time.monotonic() + GOES_ON
    claim: Claim | None = first
    while claim is not None:
        do_claimed(engine, configured, claim, clock)
        if time.monotonic() >= until:
            return
        claim = claim_next(engine, SYSTEM, first.kind, configured.lease_seconds, clock())


def do_claimed(engine: Engine, configured: Settings, claim: Claim, clock: Clock) -> None:
    began = time.monotonic()
    log.info("task claimed", task=claim.task, kind=claim.kind, attempt=claim.attempts)
    try:
        if claim.kind not in KINDS:
            raise UnknownKind
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
