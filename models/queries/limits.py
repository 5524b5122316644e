"""The limits in force: whom each concerns, what it allows, and who may change it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, text

from allocator.figures import several
from models.actor import Actor
from models.refusal import Refusal

UNITS = {"seconds": "second", "items": "item", "dose": "point"}
COLUMNS = """
    l.key, l.scope, l.use, l.window_days, l.amount, l.ceiling, l.parent, l.reason, l.source, l.since,
    l.approved_by, u.categories, u.min_severity, u.measure,
    p.id as proposal, p.amount as proposed_amount, p.reason as proposal_reason, p.proposed_by, p.proposed_at
    from exposure_limit l
    join exposure_use u on u.id = l.use
    left join limit_proposal p on p.limit_key = l.key and p.state = 'pending'
"""
ALL = text(f"select {COLUMNS} order by l.position, l.key")
ONE = text(f"select {COLUMNS} where l.key = :key")
COPY = text(f"select {COLUMNS} where l.parent = :key and l.scope = :scope order by l.key limit 1")
HOME_MARKETS = text("""
    select home_market from auditor where team = any (:teams)
    union
    select home_market from shift where team = any (:teams) and work_date >= :since
""")
OLDER_PLANS = text("""
    select plan.work_date from plan
    where plan.state = 'published' and exists (
        select from shift
        where shift.work_date = plan.work_date and shift.shift_end > :now
          and :scope in ('org', 'market:' || shift.home_market, 'team:' || shift.team,
                         'auditor:' || shift.auditor)
    )
    order by plan.work_date
""")
LONGEST_SHIFT = timedelta(days=2)
"""Before today a work date may still run somewhere."""


@dataclass(frozen=True, slots=True)
class PendingRaise:
    """What somebody proposed and nobody has decided; `amount` in the limit's unit."""

    id: int
    amount: int
    reason: str
    proposed_by: str
    proposed_at: datetime


@dataclass(frozen=True, slots=True)
class LimitInForce:
    """A limit; `amount` and `ceiling` in seconds, items or points, as `measure` says."""

    key: str
    scope: str
    use: int
    categories: tuple[str, ...]
    min_severity: int
    measure: str
    window_days: int
    amount: int
    ceiling: int | None
    parent: str | None
    reason: str | None
    source: str | None
    since: date | None
    approved_by: str | None
    pending: PendingRaise | None

    @property
    def unit(self) -> str:
        return f"{UNITS[self.measure]}s"

    @property
    def team(self) -> str | None:
        """The one team that it holds for, if it is a team's."""
        kind, _, name = self.scope.partition(":")
        return name if kind == "team" else None

    @property
    def is_personal(self) -> bool:
        """It holds for one person, which is that person's business."""
        return self.scope.startswith("auditor:")

    def in_words(self, amount: int) -> str:
        """An amount of this limit: `7 200 seconds`."""
        return several(amount, UNITS[self.measure])


def limits_in_force(connection: Connection, actor: Actor, now: datetime) -> list[LimitInForce]:
    """Those that concern the asker, in the policy's order. Wellbeing staff: all. A lead: those of the
    organisation, of the own teams, and of the markets where people of the own teams are at home."""
    found = [_limit(row._mapping) for row in connection.execute(ALL)]
    if actor.persona == "wellbeing":
        return found
    markets = home_markets(connection, actor.teams, now)
    return [limit for limit in found if concerns(limit.scope, actor.teams, markets)]


def limit_of_key(connection: Connection, actor: Actor, key: str, now: datetime) -> LimitInForce:
    """One limit.

    Raises:
        Refusal: `not-found` if there is none with this key, or none that concerns the asker: that somebody
            has a limit of their own is not told either.
    """
    row = connection.execute(ONE, {"key": key}).one_or_none()
    if row is not None:
        limit = _limit(row._mapping)
        if actor.persona == "wellbeing":
            return limit
        if concerns(limit.scope, actor.teams, home_markets(connection, actor.teams, now)):
            return limit
    raise Refusal("not-found", "There is no limit with this key that concerns you.")


def copy_for_team(connection: Connection, key: str, team: str) -> LimitInForce | None:
    """The limit of this team that was tightened from the one with the key, if there is one."""
    row = connection.execute(COPY, {"key": key, "scope": f"team:{team}"}).one_or_none()
    return None if row is None else _limit(row._mapping)


def concerns(scope: str, teams: Collection[str], markets: Collection[str]) -> bool:
    """Whether a limit of this scope holds for somebody as a member of these teams, or at home there. One that
    holds for a single person concerns nobody else."""
    kind, _, name = scope.partition(":")
    return kind == "org" or (kind == "team" and name in teams) or (kind == "market" and name in markets)


def home_markets(connection: Connection, teams: Collection[str], now: datetime) -> frozenset[str]:
    since = (now - LONGEST_SHIFT).date()
    rows = connection.execute(HOME_MARKETS, {"teams": list(teams), "since": since})
    return frozenset(rows.scalars())


def plans_made_before(connection: Connection, scope: str, now: datetime) -> tuple[date, ...]:
    """Work dates not over yet with a plan in force, and with people on shift for whom the scope holds."""
    rows = connection.execute(OLDER_PLANS, {"scope": scope, "now": now})
    return tuple(rows.scalars())


def may_lower(limit: LimitInForce, actor: Actor) -> bool:
    """At once and for all whom the limit holds for."""
    return actor.persona == "wellbeing" or (actor.persona == "lead" and limit.team in actor.teams)


def may_tighten(limit: LimitInForce, actor: Actor) -> bool:
    """At once for one team, by a limit of that team's own."""
    return actor.persona in ("wellbeing", "lead") and limit.team is None and not limit.is_personal


def may_propose(limit: LimitInForce, actor: Actor) -> bool:
    """To raise it, for another person to approve."""
    return actor.persona == "wellbeing" or (actor.persona == "lead" and limit.team in actor.teams)


def may(limit: LimitInForce, actor: Actor) -> list[str]:
    """What of `lower`, `tighten` and `propose` the actor may do now."""
    allowed = {
        "lower": limit.amount > 0 and may_lower(limit, actor),
        "tighten": limit.amount > 0 and may_tighten(limit, actor),
        "propose": limit.pending is None and limit.amount != limit.ceiling and may_propose(limit, actor),
    }
    return [verb for verb, is_allowed in allowed.items() if is_allowed]


def who_may_change(limit: LimitInForce) -> str:
    """A sentence."""
    if limit.is_personal:
        lowers = "Wellbeing staff may lower it at once."
    elif limit.team is not None:
        lowers = f"Wellbeing staff and leads of {limit.team} may lower it at once."
    else:
        lowers = "Wellbeing staff may lower it at once, and a lead for a team of their own."
    proposes = "wellbeing staff" if limit.team is None else f"wellbeing staff or a lead of {limit.team}"
    if limit.amount == limit.ceiling:
        return f"{lowers} It stands at its ceiling, and nobody may raise it."
    top = "" if limit.ceiling is None else f", to {limit.in_words(limit.ceiling)} at most"
    return f"{lowers} To raise it, {proposes} propose and another person of wellbeing approves{top}."


def _limit(row: object) -> LimitInForce:
    values = dict(row)  # type: ignore[call-overload]
    pending = None
    if values["proposal"] is not None:
        pending = PendingRaise(
            values["proposal"],
            values["proposed_amount"],
            values["proposal_reason"],
            values["proposed_by"],
            values["proposed_at"],
        )
    own = {name: values[name] for name in LimitInForce.__slots__ if name not in ("pending", "categories")}
    return LimitInForce(**own, categories=tuple(values["categories"]), pending=pending)
