"""Wellbeing staff read where something was more severe than expected; that they did is recorded first."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Engine

from models import audit
from models.actions.read_exposure import check
from models.actor import Actor
from models.queries.exposure import Selection
from models.queries.incidents import IncidentPage, incident_page


def read_incidents(
    engine: Engine,
    actor: Actor,
    first: date,
    last: date,
    after: int | None,
    rows: int,
    purpose: str,
    now: datetime,
) -> IncidentPage:
    """A page of incidents. The audit entry names everybody on it, and nothing of what they saw; it is
    committed before this returns.

    Raises:
        Refusal: `invalid` with the field; `not-yours` for anybody but wellbeing staff.
    """
    purpose = check(actor, Selection(first, last, rows=rows), purpose)
    # One moment for all figures; nothing of the ledger is written here, so its guard has no say.
    snapshot = engine.connect().execution_options(isolation_level="REPEATABLE READ")
    with snapshot as connection, connection.begin():
        page = incident_page(connection, first, last, after, rows)
        audit.record(
            connection,
            actor,
            "read_incidents",
            "everybody",
            now,
            purpose=purpose,
            people=sorted({incident.auditor for incident in page.incidents}),
            from_date=first.isoformat(),
            to_date=last.isoformat(),
        )
    return page
