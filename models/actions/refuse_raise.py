"""A second person refuses a proposed raise; the limit stays as it is."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, text

from models import audit
from models.actions.approve_raise import undecided
from models.actor import Actor
from models.refusal import Refusal

REFUSE = text("""
    update limit_proposal set state = 'refused', decided_by = :by, decided_at = :now
    where id = :id and state = 'pending'
    returning limit_key
""")


def refuse_raise(engine: Engine, actor: Actor, proposal: int, now: datetime) -> str:
    """Refuse somebody else's proposal; gives the key of its limit.

    Raises:
        Refusal: `not-found`; `not-yours` for one's own; `conflict` if it is decided already.
    """
    with engine.begin() as connection:
        undecided(connection, actor, proposal)
        key = connection.execute(
            REFUSE, {"id": proposal, "by": actor.subject, "now": now}
        ).scalar_one_or_none()
        if key is None:  # somebody else was faster
            raise Refusal("conflict", "This proposal is decided already.")
        audit.record(connection, actor, "refuse_raise", f"limit:{key}", now, proposal=proposal)
        return str(key)
