"""Wellbeing staff read what people were shown: who read whom, and what for, is recorded before they do."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Engine

from models import audit
from models.actor import Actor
from models.queries.exposure import ExposurePage, Selection, exposure_page
from models.refusal import Refusal

MOST_DAYS = 92
MOST_PEOPLE = 500
"""A page."""
LONGEST_PURPOSE = 500
PURPOSE = "Breakwater-Purpose"


def read_exposure(
    engine: Engine, actor: Actor, wanted: Selection, purpose: str, now: datetime
) -> ExposurePage:
    """A page of people's exposure. The audit entry names everybody on it, and none of their figures; it is
    committed before this returns.

    Raises:
        Refusal: `invalid` with the field; `not-yours` for anybody but wellbeing staff.
    """
    purpose = check(actor, wanted, purpose)
    # One moment for all figures; nothing of the ledger is written here, so its guard has no say.
    snapshot = engine.connect().execution_options(isolation_level="REPEATABLE READ")
    with snapshot as connection, connection.begin():
        page = exposure_page(connection, wanted)
        audit.record(
            connection,
            actor,
            "read_exposure",
            subject(wanted),
            now,
            purpose=purpose,
            people=[person.auditor for person in page.people],
            from_date=wanted.from_date.isoformat(),
            to_date=wanted.to_date.isoformat(),
            category=wanted.category,
            min_severity=wanted.min_severity,
        )
    return page


def subject(wanted: Selection) -> str:
    if wanted.auditor is not None:
        return f"auditor:{wanted.auditor}"
    return "everybody" if wanted.team is None else f"team:{wanted.team}"


def check(actor: Actor, wanted: Selection, purpose: str) -> str:
    """The purpose without the blanks around it."""
    if actor.persona != "wellbeing":
        raise Refusal("not-yours", "People's exposure is read by wellbeing staff alone.")
    purpose = purpose.strip()
    if not purpose:
        raise Refusal("invalid", "Say what you read it for; it is recorded with your name.", PURPOSE)
    if len(purpose) > LONGEST_PURPOSE or not purpose.isprintable():
        raise Refusal("invalid", f"A purpose is one line of at most {LONGEST_PURPOSE} signs.", PURPOSE)
    if wanted.to_date < wanted.from_date:
        raise Refusal("invalid", "The last date is before the first.", "to")
    if wanted.to_date - wanted.from_date >= timedelta(days=MOST_DAYS):
        raise Refusal("invalid", f"At most {MOST_DAYS} dates are read at once.", "to")
    if not 1 <= wanted.rows <= MOST_PEOPLE:
        raise Refusal("invalid", f"A page has 1 to {MOST_PEOPLE} people.", "people")
    return purpose
