"""Somebody proposes to raise a limit; nothing changes until another person approves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, text

from allocator.figures import grouped
from models import audit
from models.actor import Actor
from models.queries.limits import LimitInForce, limit_of_key, may_propose
from models.refusal import Refusal

MOST_AMOUNT = 10**9
"""Seconds, items or points, where a limit has no ceiling."""
LONGEST_REASON = 500

# Shared with those who reserve; whoever changes a limit waits, so that a lowering misses no proposal.
LOCK = text("select pg_advisory_xact_lock_shared(limits_lock())")
INSERT = text("""
    insert into limit_proposal (limit_key, amount, reason, proposed_by, proposed_at)
    values (:key, :amount, :reason, :by, :now)
    on conflict (limit_key) where state = 'pending' do nothing
    returning id
""")


@dataclass(frozen=True, slots=True)
class ProposedRaise:
    """`amount` in the limit's unit; `before` is what holds."""

    id: int
    key: str
    unit: str
    before: int
    amount: int


def propose_raise(
    engine: Engine, actor: Actor, key: str, amount: int, reason: str, now: datetime
) -> ProposedRaise:
    """Propose `amount`, in the limit's own unit. A lead does so for limits of teams of their own.

    The proposal keeps who proposed by subject alone, so that nobody approves their own under another persona
    or with another token.

    Raises:
        Refusal: `not-found` or `not-yours`; `invalid` with the field if it is no raise, passes the ceiling or
            has no reason; `conflict` while another proposal is pending.
    """
    with engine.begin() as connection:
        connection.execute(LOCK)
        limit = limit_of_key(connection, actor, key, now)
        check_raise(limit, actor, amount, reason)
        row = {"key": key, "amount": amount, "reason": reason.strip(), "by": actor.subject, "now": now}
        made = connection.execute(INSERT, row).scalar_one_or_none()
        if made is None:
            raise Refusal("conflict", "A proposal to raise this limit is pending, and is decided first.")
        audit.record(
            connection,
            actor,
            "propose_raise",
            f"limit:{key}",
            now,
            proposal=made,
            before=limit.amount,
            amount=amount,
        )
        return ProposedRaise(made, key, limit.unit, limit.amount, amount)


def check_raise(limit: LimitInForce, actor: Actor, amount: int, reason: str) -> None:
    if not may_propose(limit, actor):
        sentence = "This limit is not one of your teams' own: wellbeing staff propose to raise it."
        raise Refusal("not-yours", sentence)
    if limit.ceiling is not None and amount > limit.ceiling:
        sentence = f"Nobody raises this limit above its ceiling of {limit.in_words(limit.ceiling)}."
        raise Refusal("invalid", sentence, "amount")
    if amount <= limit.amount:
        sentence = (
            f"The limit is {limit.in_words(limit.amount)}: this is no raise, and to lower it is another way."
        )
        raise Refusal("invalid", sentence, "amount")
    if amount > MOST_AMOUNT:
        raise Refusal("invalid", f"An amount is {grouped(MOST_AMOUNT)} at most.", "amount")
    if not reason.strip() or len(reason) > LONGEST_REASON or not reason.isprintable():
        sentence = f"A raise is proposed with a reason, one line of at most {LONGEST_REASON} signs."
        raise Refusal("invalid", sentence, "reason")
