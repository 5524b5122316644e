"""A second person approves a proposed raise, and the limit becomes higher."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from models import audit
from models.actor import Actor
from models.queries.limits import plans_made_before
from models.queries.proposals import Proposal, proposal_of_id
from models.refusal import Refusal, sqlstate

LOCK = text("select lock_limits()")
APPROVE = text("select approve_raise(:id, :by, :now)")
CANNOT_APPROVE = "BW007"
"""SQLSTATE, see migrations/versions/spine_0001/guard.sql."""


@dataclass(frozen=True, slots=True)
class ApprovedRaise:
    """`before` and `amount` in the limit's unit. Plans of `plans_made_before` do not use the new room yet."""

    id: int
    key: str
    unit: str
    before: int
    amount: int
    plans_made_before: tuple[date, ...]


def approve_raise(engine: Engine, actor: Actor, proposal: int, now: datetime) -> ApprovedRaise:
    """Approve somebody else's proposal. The database asks the same questions again.

    Raises:
        Refusal: `not-found`; `not-yours` for one's own; `conflict` if it is decided already, or if the limit
            has changed so that this no longer raises it or passes its ceiling.
    """
    try:
        with engine.begin() as connection:
            connection.execute(LOCK)
            found = undecided(connection, actor, proposal)
            check_still_raises(found)
            connection.execute(APPROVE, {"id": proposal, "by": actor.subject, "now": now})
            audit.record(
                connection,
                actor,
                "approve_raise",
                f"limit:{found.key}",
                now,
                proposal=proposal,
                proposed_by=found.proposed_by,
                before=found.amount_now,
                amount=found.amount,
            )
            older = plans_made_before(connection, found.scope, now)
            return ApprovedRaise(proposal, found.key, found.unit, found.amount_now, found.amount, older)
    except DBAPIError as error:
        if sqlstate(error) != CANNOT_APPROVE:
            raise
        # Between the question and the deed somebody else has refused it.
        raise Refusal("conflict", "This proposal cannot be approved any more.") from None


def undecided(connection: Connection, actor: Actor, proposal: int) -> Proposal:
    """A pending proposal that this person may decide."""
    found = proposal_of_id(connection, proposal)
    if actor.persona != "wellbeing":
        raise Refusal("not-yours", "Proposals are decided by wellbeing staff.")
    if found is None:
        raise Refusal("not-found", "There is no such proposal.")
    if found.proposed_by == actor.subject:
        raise Refusal("not-yours", "Nobody decides a proposal of their own: it takes a second person.")
    if found.state != "pending":
        raise Refusal("conflict", f"This proposal is {found.state} already.")
    return found


def check_still_raises(found: Proposal) -> None:
    if found.ceiling is not None and found.amount > found.ceiling:
        raise Refusal("conflict", "The limit's ceiling is below what was proposed.")
    if found.amount <= found.amount_now:
        raise Refusal("conflict", "The limit has changed meanwhile: what was proposed is no raise any more.")
