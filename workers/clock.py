"""The clock: has each work date planned in time before its first shift, and ends what nobody else does."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from config.clock import clock_of
from config.settings import Settings
from models.actions.carry_over import carry_over
from models.actions.close_shifts import close_shifts
from models.actions.close_silent import close_silent
from models.actions.request_plan import request_plan
from models.actions.retry_waiting import retry_waiting
from models.actor import SYSTEM
from models.connection import application_engine
from models.doorbell import connect, ring_what_is_filed
from models.queries.tasks import PlanningDay, planning_days
from models.refusal import Refusal
from workers.outage import Outage, database_lost
from workers.reconciler import pause_after
from workers.stopping import Stopping

ONE_CLOCK = 20_261_125
"""Advisory lock: of two clocks one does the round."""

log = structlog.get_logger()


def due_dates(days: Iterable[PlanningDay], now: datetime, ahead: timedelta) -> list[date]:
    """The dates to ask a plan for, earliest first.

    A date is due from `ahead` before its first shift until its last shift ends, unless a plan is under way,
    or could not be made of the same inputs. Where one is in force, it is due only if the inputs have changed
    since and nobody has begun to work.
    """
    return [
        day.work_date
        for day in days
        if day.first_start - ahead <= now < day.last_end
        and not day.asked
        and day.failed_version != day.input_version
        and not (day.planned and (day.planned_version == day.input_version or now >= day.first_start))
    ]


def tick(engine: Engine, ahead: timedelta, now: datetime) -> list[date]:
    """One round: reviews of which nothing was heard for long and shifts that are over are closed, escalations
    that these leave behind or that wait are tried again, and plans asked for. The dates that one was newly
    asked for; none if another clock is doing a round."""
    asked = []
    if silent := close_silent(engine, SYSTEM, now):
        log.warning("silent reviews closed", count=silent)
    if closed := close_shifts(engine, SYSTEM, now):
        log.info("shifts closed", count=closed)
    if carried := carry_over(engine, SYSTEM, now):
        log.info("escalations carried over", count=carried)
    if tried := retry_waiting(engine, SYSTEM, now):
        log.info("waiting escalations are tried again", count=tried)
    with engine.begin() as connection:
        lock = text("select pg_try_advisory_xact_lock(:key)")
        if not connection.execute(lock, {"key": ONE_CLOCK}).scalar():
            return []
        for work_date in due_dates(planning_days(connection, now), now, ahead):
            try:
                requested = request_plan(engine, SYSTEM, work_date, now)
            except Refusal as refusal:  # its shifts have just been withdrawn
                log.info("a date could not be asked for", work_date=work_date, kind=refusal.kind)
                continue
            if requested.filed:
                asked.append(work_date)
                log.info("plan asked for", work_date=work_date, plan=requested.plan, task=requested.task)
    return asked


def keep_time(configured: Settings) -> None:
    """Until asked to stop."""
    stopping = Stopping()
    stopping.listen()
    engine = application_engine(configured.need("database_url"), pool_size=2)
    ring_what_is_filed(engine, connect(configured.need("redis_url")), configured.queue)
    ahead = timedelta(hours=configured.plan_ahead_hours)
    clock = clock_of(configured)
    outage = Outage()
    while not stopping.asked:
        try:
            tick(engine, ahead, clock())
            outage.is_over()
        except SQLAlchemyError as error:
            database_lost(outage, configured, error)
        stopping.sleep(pause_after(outage.failures, configured.reconcile_seconds))
