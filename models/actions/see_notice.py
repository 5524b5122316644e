"""Somebody has seen what they were told."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, text

from models import audit
from models.actor import Actor
from models.queries.notices import addressees
from models.refusal import Refusal

KNOWN = text("select seen_at from notice where number = :number and addressee = any (:addressees) for update")
SEE = text("update notice set seen_at = :now where number = :number")


def see_notice(engine: Engine, actor: Actor, number: int, now: datetime) -> datetime:
    """Note that a notice of one's own was seen; gives when that was first said. Saying it again is safe.

    Raises:
        Refusal: `not-found`: there is none of that number, or it is to somebody else.
    """
    with engine.begin() as connection:
        asked = {"number": number, "addressees": list(addressees(actor))}
        row = connection.execute(KNOWN, asked).one_or_none()
        if row is None:
            raise Refusal("not-found", "You have no such notice.")
        if row.seen_at is not None:
            seen: datetime = row.seen_at
            return seen
        connection.execute(SEE, {"number": number, "now": now})
        audit.record(connection, actor, "see_notice", f"notice:{number}", now)
        return now
