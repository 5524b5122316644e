"""A limit becomes lower: at once, and no second person is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, Engine, text

from models import audit
from models.actions.ask_replan import ask_replan
from models.actions.keep_within_limits import keep_within_limits
from models.actions.place_again import place_again
from models.actor import Actor
from models.queries.limits import (
    LimitInForce,
    copy_for_team,
    limit_of_key,
    may_lower,
    may_tighten,
    plans_made_before,
)
from models.refusal import Refusal

LOCK = text("select lock_limits()")
LOWER = text("select lower_limit(:key, :amount)")
WITHDRAW = text("""
    update limit_proposal set state = 'withdrawn', decided_by = :by, decided_at = :now
    where limit_key = :key and state = 'pending' returning id
""")
TAKEN = text("select 1 from exposure_limit where key = :key")
KNOWN_TEAM = text("""
    select 1 from auditor where team = :team union all select 1 from shift where team = :team limit 1
""")
TIGHTEN = text("""
    insert into exposure_limit
        (key, position, scope, use, window_days, amount, ceiling, parent, reason, source, since, approved_by)
    select :key, (select max(position) + 1 from exposure_limit), 'team:' || :team, use, window_days, :amount,
           ceiling, key, 'Tightened for one team.', 'the limit ' || key, :since, :by
    from exposure_limit where key = :parent
""")


@dataclass(frozen=True, slots=True)
class LoweredLimit:
    """`key` is the limit that changed: the one asked for, or the team's own, taken from it (`parent`).

    `before` is what held until now, in the limit's unit; `withdrawn` the proposal to raise it that this
    overtook. `plans_made_before` are work dates whose plans were made under the old amount: what they hold
    above the new one is withdrawn, and they are made anew. How much that is stands nowhere, not even which of
    these dates it concerns: it could be one person's.
    """

    key: str
    scope: str
    parent: str | None
    unit: str
    before: int
    amount: int
    withdrawn: int | None
    plans_made_before: tuple[date, ...]


def lower_limit(
    engine: Engine, actor: Actor, key: str, amount: int, team: str | None, now: datetime
) -> LoweredLimit:
    """Lower a limit to `amount`, in its own unit; from the moment this returns nothing that has not begun is
    reserved above it.

    Wellbeing staff lower any limit. A lead lowers those of teams of their own, and any other limit that
    concerns them for one such team: the team gets a limit of its own, which binds everybody in it beside the
    wider one. What is in use already never stands in the way.

    Raises:
        Refusal: `not-found` or `not-yours`; `invalid` with the field `team` or `amount`.
    """
    with engine.begin() as connection:
        connection.execute(LOCK)  # before anything is read: the amounts stand still from here
        asked = limit_of_key(connection, actor, key, now)
        target = team_to_tighten(asked, actor, team)
        own = asked if target is None else copy_for_team(connection, key, target)
        check_lower(asked if own is None else own, amount)
        if own is None:
            assert target is not None
            changed = tighten(connection, actor, asked, target, amount, now)
            scope, before = f"team:{target}", asked.amount
        else:
            changed, scope, before = own.key, own.scope, own.amount
            connection.execute(LOWER, {"key": changed, "amount": amount})
        # It was proposed on top of what held then; who approves would not know that it has been lowered.
        withdrawn = connection.execute(
            WITHDRAW, {"key": changed, "by": actor.subject, "now": now}
        ).scalar_one_or_none()
        gone = keep_within_limits(connection, None, now, "limit-lowered", limit=changed)
        audit.record(
            connection,
            actor,
            "lower_limit",
            f"limit:{changed}",
            now,
            before=before,
            amount=amount,
            parent=None if changed == key else key,
            withdrawn=withdrawn,
            withdrawn_slots=len(gone.slots),
        )
        dates = plans_made_before(connection, scope, now)
        for work_date in dates:
            ask_replan(connection, actor, work_date, "limit-lowered", now)
        place_again(connection, gone.items, now)
        return LoweredLimit(
            key=changed,
            scope=scope,
            parent=asked.parent if changed == key else key,
            unit=asked.unit,
            before=before,
            amount=amount,
            withdrawn=withdrawn,
            plans_made_before=dates,
        )


def team_to_tighten(limit: LimitInForce, actor: Actor, team: str | None) -> str | None:
    """For which team a limit of its own is to be lowered; none if it is this limit itself."""
    if limit.team is not None or limit.is_personal:
        if team is not None and team != limit.team:
            raise Refusal("invalid", "This limit is not one that holds for that team.", "team")
        if not may_lower(limit, actor):
            raise Refusal("not-yours", "This limit is lowered by wellbeing staff or by a lead of the team.")
        return None
    if not may_tighten(limit, actor):
        raise Refusal("not-yours", "Limits are lowered by wellbeing staff and by leads.")
    if actor.persona == "wellbeing":
        return team
    if team is None:
        if len(actor.teams) != 1:
            raise Refusal("invalid", "You lead several teams: say for which of them it is lowered.", "team")
        return actor.teams[0]
    if team not in actor.teams:
        raise Refusal("not-yours", "A lead lowers limits for teams of their own.", "team")
    return team


def check_lower(limit: LimitInForce, amount: int) -> None:
    if amount < 0:
        raise Refusal("invalid", "An amount is 0 or more.", "amount")
    if amount >= limit.amount:
        sentence = f"The limit is {limit.in_words(limit.amount)}; what is not lower is proposed as a raise."
        raise Refusal("invalid", sentence, "amount")


def tighten(
    connection: Connection, actor: Actor, limit: LimitInForce, team: str, amount: int, now: datetime
) -> str:
    """A limit of this team's own beside the one given; its key."""
    if connection.execute(KNOWN_TEAM, {"team": team}).first() is None:
        raise Refusal("not-found", "There is nobody in a team of this name.", "team")
    key = free_key(connection, limit.key, team)
    row = {
        "key": key,
        "team": team,
        "amount": amount,
        "parent": limit.key,
        "since": now.date(),
        "by": actor.subject,
    }
    connection.execute(TIGHTEN, row)
    return key


def free_key(connection: Connection, key: str, team: str) -> str:
    """`severe-day-id-early`, or with a number behind it where that is taken."""
    wanted = f"{key}-{slug(team)}"
    candidate, number = wanted, 1
    while connection.execute(TAKEN, {"key": candidate}).first() is not None:
        number += 1
        candidate = f"{wanted}-{number}"
    return candidate


def slug(name: str) -> str:
    """A name as part of a key: `a-z`, `0-9` and `-`."""
    return re.sub("[^a-z0-9]+", "-", name.lower())[:60].strip("-") or "team"
