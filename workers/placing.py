"""Placing one escalation: the shell around `place_escalation`."""

from __future__ import annotations

import structlog
from sqlalchemy import Engine

from config.clock import Clock
from models.actions.claim_task import Claim
from models.actions.place_escalation import Placed, place_escalation
from models.actor import SYSTEM

log = structlog.get_logger()


def place_item(engine: Engine, claim: Claim, clock: Clock) -> None:
    """Place what is missing of the claimed item, or have it wait; raise and leave everything as it was."""
    done = place_escalation(engine, SYSTEM, claim, clock())
    if isinstance(done, Placed):
        log.info("escalation placed", task=claim.task, count=len(done.reviews))
    else:
        log.warning("escalation waits", task=claim.task, count=done.missing)
