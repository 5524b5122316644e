"""Planning a work date: read, solve, check, publish. Only the first and the last are in a transaction."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from allocator.optimise.planner import make_plan
from allocator.verify import verify
from config.clock import Clock
from models.actions.claim_task import Claim
from models.actions.publish_plan import publish_plan
from models.actions.report_stage import report_stage
from models.actor import SYSTEM
from models.connection import snapshot_transaction
from models.snapshot import Inputs, read_inputs
from workers.failures import NotLegal

log = structlog.get_logger()


def plan_date(engine: Engine, claim: Claim, clock: Clock) -> None:
    """Make and publish the plan that was asked for, or raise and leave everything as it was."""
    began = time.perf_counter()
    inputs = read(engine, claim, clock)
    was_read = time.perf_counter()
    report = reporter(engine, claim)
    plan = make_plan(inputs.instance, inputs.previous, time.perf_counter, report)
    report("verify")
    was_made = time.perf_counter()
    if violations := verify(inputs.instance, plan):
        log.error("a plan breaks the rules and is not published", task=claim.task, count=len(violations))
        raise NotLegal
    # What all of it takes says how far ahead the next plan of a day in progress begins.
    took = {"read": was_read - began, "verify": time.perf_counter() - was_made}
    timed = replace(plan, seconds=plan.seconds | {name: round(took[name], 4) for name in took})
    report("publish")
    publish_plan(engine, SYSTEM, claim, inputs, timed, clock())


def read(engine: Engine, claim: Claim, clock: Clock) -> Inputs:
    report_stage(engine, claim, "read")
    with snapshot_transaction(engine) as connection:
        of_plan = text("select work_date from plan where id = :plan")
        work_date = connection.execute(of_plan, {"plan": claim.payload["plan"]}).scalar_one()
        inputs = read_inputs(connection, work_date, clock())
    report_stage(engine, claim, "read", inputs.input_version)
    return inputs


def reporter(engine: Engine, claim: Claim) -> Callable[[str], None]:
    """Tells the plan's readers its stage. Planning goes on where that cannot be written."""

    def report(stage: str) -> None:
        log.info("planning", task=claim.task, stage=stage)
        try:
            report_stage(engine, claim, stage)
        except SQLAlchemyError as error:
            log.warning("a stage could not be reported", task=claim.task, stage=stage, exc_info=error)

    return report
