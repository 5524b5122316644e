"""Where an escalation could go: people and their days as they stand, read for `allocator.placing`.

Who may take it at all, whose limits let it in and who has most time is asked of everybody by the database.
Days are read for the few who look most promising, and for more where none of them can.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, text

from allocator.files.json_text import parse
from allocator.placing import Person, Placement, Room, Wanted, place
from allocator.rules.policy import Policy
from models.policy_in_force import declared
from models.queries.days_as_they_stand import Days, Limited, as_it_stands

AT_A_TIME = 8
"""People whose days are read at once."""
MOST_WEIGHED = 48
"""People whose time and limits are weighed against each other before any day is read."""
ALIKE = 900
"""Seconds of time left by which people count as alike."""
MOST_LOOKED_AT = 96
"""People whose days are read for one review and work date before nobody is said to be free."""
STILL_RUNNING = timedelta(days=3)
"""A work date further back has no shift that still runs: they last 16 hours at most."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be placed. `missing` of its reviews are on nobody's timeline; `taken` are the numbers of
    those that are. `have_it` review it already; `kept_away` must not take it: excluded, or skipped or gave it
    back before."""

    item: str | None
    work_date: date | None
    market: str
    language: str
    category: str
    severity: int
    modality: str
    seconds: int
    priority: int
    release: datetime | None
    due: datetime | None
    kept_away: tuple[str, ...]
    missing: int = 1
    taken: tuple[int, ...] = ()
    have_it: tuple[str, ...] = ()

    @property
    def wanted(self) -> Wanted:
        return Wanted(
            category=self.category,
            severity=self.severity,
            seconds=self.seconds,
            priority=self.priority,
            release=None if self.release is None else math.ceil(self.release.timestamp()),
            due=None if self.due is None else math.floor(self.due.timestamp()),
        )


@dataclass(frozen=True, slots=True, repr=False)
class Place:
    """One review's place in the plan in force: `stood` is what the person's day was when it was read
    (`as_it_stands`)."""

    plan: int
    work_date: date
    team: str
    timezone: str
    placement: Placement
    stood: str
    dropped_items: tuple[str, ...]


@dataclass(frozen=True, slots=True, repr=False)
class NoPlace:
    """Why there is none on `work_date`: `ruled_out` counts everybody on shift as the rule book does.
    `earliest` is when somebody could begin it at the soonest, on a date that is not planned yet; who, stays
    here. `teams` are those of the people who have what it takes, or else of all."""

    work_date: date
    ruled_out: dict[str, int]
    earliest: datetime | None
    teams: tuple[str, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Found:
    """`left`: no plan is in force that it could go into; the next plan takes it up."""

    places: tuple[Place, ...] = ()
    missing: int = 0
    no_place: NoPlace | None = None
    left: bool = False


DOCUMENT = text("select policy.document from installation join policy on policy.id = installation.policy")
ITEM = text("""
    select item.id as item, item.work_date, market, language, category, severity, modality, seconds, priority,
        release, due, reviews, withdrawn_at, excluded, kind,
        array(select auditor from slot where slot.item = item.id and slot.kind = 'work'
              and state in ('planned', 'started', 'done')) as have_it,
        array(select review_no from slot where slot.item = item.id and slot.kind = 'work'
              and state in ('planned', 'started', 'done')) as taken
    from item where item.id = :item
""")
# Each state by itself: there is an index for each.
GAVE_BACK = text("""
    select auditor from slot where item = :item and work_date = any (:dates) and state = 'skipped'
    union
    select auditor from slot where item = :item and work_date = any (:dates) and state = 'returned'
""")
DATES = text("""
    select plan.id as plan, plan.work_date from plan
    where state = 'published' and plan.work_date >= :earliest
      and (cast(:work_date as date) is null or plan.work_date = :work_date)
      and exists (select from shift where shift.work_date = plan.work_date and there_until(shift) > :now)
    order by plan.work_date
""")
PROTECTED = "when :category = any (opt_outs) or :severity > max_severity then 'protected'"


def reason(protected: str = PROTECTED) -> str:
    """Why the person of a `shift` does not come into question, in SQL; null where they may. The rule book's
    reasons but for limits and time that is taken; whoever has no time may be protected as well."""
    return f"""
    case
        when shift.auditor = any (:have_it) then 'has-it'
        when not :language = any (languages) then 'language'
        when not (:market = any (markets) or '*' = any (markets)) then 'market'
        when cast(:clearance as text) is not null and not :clearance = any (clearances) then 'clearance'
        when shift.auditor = any (:kept_away) then 'excluded'
        {protected}
        when not :fits_alone or greatest(
                :now, there_from(shift) + make_interval(secs => :first), cast(:release as timestamptz),
                last_end + make_interval(secs => :rest)
            ) + make_interval(secs => :seconds)
            > there_until(shift) - make_interval(secs => :last) then 'shift'
    end
"""


EVERYBODY = text(f"""
    select shift.auditor, shift.team, {reason()} as reason from shift where work_date = :work_date
    order by shift.auditor
""")
# How much time each of these has left that nothing is planned for.
IDLE = text("""
    select shift.auditor,
        extract(epoch from there_until(shift) - greatest(:now, there_from(shift)))::bigint
        - coalesce((
            select sum(extract(epoch from planned_end - planned_start)) from slot
            where slot.work_date = shift.work_date and slot.auditor = shift.auditor
              and state in ('planned', 'started', 'done') and planned_end > :now
        ), 0)::bigint as idle
    from shift where work_date = :work_date and auditor = any (:people)
""")
# By person and limit that selects it: what the limit allows, what is left of it in the fullest window that
# the date lies in, what the review adds.
ROOM = text("""
    with bound as materialized (
        select l.key, l.scope, l.position, l.use, l.amount, least(l.window_days, 36500) - 1 as earlier,
            u.measure, u.categories, u.min_severity, added.adds
        from exposure_limit l
        join exposure_use u on u.id = l.use
        left join dose_weight weight on weight.severity = :severity and weight.modality = :modality
        cross join lateral (
            select exposure_measured(
                u, :category, cast(:severity as smallint), :seconds, 1, weight.units_per_second) as adds
        ) added
        where added.adds > 0
    )
    select person.auditor, bound.key, bound.categories, bound.min_severity, bound.measure, bound.adds,
        min(may.allowed) as allowed, min(may.allowed - coalesce(span.used, 0)) as "left"
    from unnest(cast(:people as text[])) person (auditor)
    join auditor known on known.id = person.auditor
    cross join bound
    cross join lateral (
        select cast(:work_date as date) as work_date
        union all
        select day.work_date from limit_day day
        where day.auditor = person.auditor and day.use = bound.use and (day.seen > 0 or day.reserved > 0)
          and day.work_date > :work_date and day.work_date <= cast(:work_date as date) + bound.earlier
    ) last
    left join shift on shift.auditor = person.auditor and shift.work_date = last.work_date
    cross join lateral (
        select effective_amount(bound.amount, bound.measure,
                                coalesce(shift.exposure_percent, known.exposure_percent)) as allowed
    ) may
    cross join lateral (
        select sum(day.seen) + sum(day.reserved) as used from limit_day day
        where day.auditor = person.auditor and day.use = bound.use
          and day.work_date between last.work_date - bound.earlier and last.work_date
    ) span
    where bound.scope in ('org', 'market:' || coalesce(shift.home_market, known.home_market),
                          'team:' || coalesce(shift.team, known.team), 'auditor:' || person.auditor)
    group by person.auditor, bound.key, bound.categories, bound.min_severity, bound.measure, bound.adds,
        bound.position
    order by person.auditor, bound.position, bound.key
""")
# Leads are told this, so by skills and shifts alone: whoever is the only one to ask for would else be known
# for what protects them.
EARLIEST = text(f"""
    select min(greatest(
        :now, there_from(shift) + make_interval(secs => :first), cast(:release as timestamptz),
        last_end + make_interval(secs => :rest)))
    from shift
    where work_date between cast(:work_date as date) and cast(:work_date as date) + 14
      and work_date <> all (:planned)
      and (cast(:only_date as date) is null or work_date = :only_date)
      and {reason(protected="")} is null
""")


def asked_for(connection: Connection, item: str) -> Asked | None:
    """None: there is no such escalation, or it is withdrawn. `missing` may be 0."""
    row = connection.execute(ITEM, {"item": item}).one_or_none()
    if row is None or row.withdrawn_at is not None or row.kind != "escalation":
        return None
    return Asked(
        item=row.item,
        work_date=row.work_date,
        market=row.market,
        language=row.language,
        category=row.category,
        severity=row.severity,
        modality=row.modality,
        seconds=row.seconds,
        priority=row.priority,
        release=row.release,
        due=row.due,
        kept_away=tuple(row.excluded),
        missing=max(0, row.reviews - len(row.taken)),
        taken=tuple(row.taken),
        have_it=tuple(row.have_it),
    )


def find_places(
    connection: Connection,
    asked: Asked,
    now: datetime,
    *,
    unable: Collection[str] = (),
    most: int = MOST_LOOKED_AT,
) -> Found:
    """A place for each review that is missing, each with somebody else, on the first date that has one.

    `connection` sees one moment all along (`snapshot_transaction`). `unable` are people whose limits have
    just turned out to be full; `most` is how many people's days are read at most.
    """
    document = connection.execute(DOCUMENT).scalar_one_or_none()
    span = {"earliest": now.date() - STILL_RUNNING, "work_date": asked.work_date, "now": now}
    dates = connection.execute(DATES, span).all()
    if document is None or not dates:
        return Found(missing=asked.missing, left=True)
    policy = rules_in_short(document)
    if asked.item is not None:
        given_back = connection.execute(
            GAVE_BACK, {"item": asked.item, "dates": [row.work_date for row in dates]}
        )
        asked = replace(asked, kept_away=(*asked.kept_away, *given_back.scalars()))
    places: list[Place] = []
    no_place: NoPlace | None = None
    for row in dates:
        on_date = _Date(connection, policy, asked, row.plan, row.work_date, now, unable, most)
        while len(places) < asked.missing:
            found = on_date.next_place({one.placement.auditor for one in places})
            if found is None:
                break
            places.append(found)
        if len(places) == asked.missing:
            return Found(tuple(places))
        if no_place is None:
            taken = {one.placement.auditor for one in places}
            planned = [other.work_date for other in dates]
            no_place = on_date.no_place(taken, planned)
    return Found(tuple(places), asked.missing - len(places), no_place)


@lru_cache(maxsize=4)
def rules_in_short(document: str) -> Policy:
    """The rules of an adopted policy that are asked here, without their reasons. Its limits are asked of the
    database, as they are now."""
    found = parse(document)
    assert isinstance(found, dict)
    for kind in ("stretches", "edges"):
        found[kind] = [
            {name: part for name, part in rule.items() if name != "since"} for rule in found.get(kind, ())
        ]
    return declared(found | {"limits": []})


class _Date:
    """One work date, as far as it has been looked at."""

    def __init__(
        self,
        connection: Connection,
        policy: Policy,
        asked: Asked,
        plan: int,
        work_date: date,
        now: datetime,
        unable: Collection[str],
        most: int,
    ) -> None:
        self.connection = connection
        self.policy = policy
        self.asked = asked
        self.wanted = asked.wanted
        self.plan = plan
        self.work_date = work_date
        self.now = now
        self.unable = set(unable)
        self.most = most
        self.conditions = conditions(policy, asked, work_date, now)
        everybody = connection.execute(EVERYBODY, self.conditions).all()
        self.team = {row.auditor: row.team for row in everybody}
        self.reason = {row.auditor: row.reason for row in everybody}
        self.limited: dict[str, Limited] = {}
        self.days = Days(connection, policy, work_date, now, self.limited)
        self.order: list[str] | None = None

    def next_place(self, taken: Collection[str]) -> Place | None:
        """The best place with anybody but those `taken`."""
        people = [name for name in self.promising() if name not in taken][: self.most]
        found: Placement | None = None
        stood: dict[str, str] = {}
        for some in in_parts(people, AT_A_TIME):
            known = as_it_stands(self.connection, self.work_date, some)
            self.learn_limits(some)
            days = self.days.read([name for name in some if name not in self.unable])
            best = self.decided(days)
            if best is not None and (found is None or (found.late and not best.late)):
                found, stood = best, known
            if found is not None and (not found.late or self.is_late_for_everybody):
                break
        if found is None:
            return None
        return self.as_place(found, stood[found.auditor])

    @property
    def is_late_for_everybody(self) -> bool:
        wanted = self.wanted
        return wanted.is_late(max(self.days.at, wanted.release or 0) + wanted.seconds)

    @property
    def at(self) -> int:
        return math.ceil(self.now.timestamp())

    def promising(self) -> list[str]:
        """Everybody who may take it and is there: who has room first, then who has most time. Of very many
        only some, drawn evenly, are weighed against each other; the others come after them."""
        if self.order is None:
            able = [name for name, reason in self.reason.items() if reason is None]
            if len(able) > MOST_WEIGHED:
                able.sort(key=self.drawn)
            weighed = able[:MOST_WEIGHED]
            # Limits of everybody are asked only if those of these are full.
            self.learn_limits(weighed)
            if not any(self.has_room(name) for name in weighed):
                self.learn_limits(able)
                weighed = [name for name in able if self.has_room(name)][:MOST_WEIGHED] or weighed
            asked = {"work_date": self.work_date, "people": weighed, "now": self.now}
            idle = {row.auditor: row.idle for row in self.connection.execute(IDLE, asked)}
            first = sorted(
                weighed,
                key=lambda name: (
                    not self.has_room(name), -(idle[name] // ALIKE), -self.limited[name].share, name
                ),
            )  # fmt: skip
            known = set(first)
            self.order = [*first, *(name for name in able if name not in known)]
        return self.order

    def drawn(self, name: str) -> bytes:
        """A place in a draw of its own for each escalation, the same whenever it is asked."""
        asked = self.asked
        what = (asked.market, asked.language, asked.category, asked.seconds, asked.release, asked.due, name)
        return hashlib.sha256(repr(what).encode()).digest()

    def learn_limits(self, people: Iterable[str]) -> None:
        missing = [name for name in people if name not in self.limited]
        if not missing:
            return
        for name in missing:
            self.limited[name] = Limited()
        for row in self.connection.execute(ROOM, self.conditions | {"people": missing}):
            limited = self.limited[row.auditor]
            limited.room.append(Room(int(row.allowed), int(row.left), int(row.adds)))
            limited.limits.append(row)

    def has_room(self, name: str) -> bool:
        return name not in self.unable and self.limited[name].lets_in

    def decided(self, days: Sequence[Person]) -> Placement | None:
        at, wanted = self.days.at, self.wanted
        gentle = place(self.policy, wanted, days, at, may_drop=False)
        if gentle is not None and not gentle.late:
            return gentle
        if gentle is not None and self.is_late_for_everybody:
            return gentle
        return place(self.policy, wanted, self.days.with_draws(days), at)

    # -- what comes of it --------------------------------------------------------------------------------

    def as_place(self, found: Placement, stood: str) -> Place:
        shift = self.days.shifts[found.auditor]
        return Place(
            plan=self.plan,
            work_date=self.work_date,
            team=shift.team,
            timezone=shift.timezone,
            placement=found,
            stood=stood,
            dropped_items=tuple(self.days.items[slot].item for slot in found.dropped),
        )

    def no_place(self, taken: Collection[str], planned: Sequence[date]) -> NoPlace:
        unsure = [name for name, reason in self.reason.items() if reason in (None, "shift")]
        self.learn_limits(unsure)
        ruled_out: Counter[str] = Counter()
        for name, reason in self.reason.items():
            if name in taken:
                ruled_out["has-it"] += 1
            elif reason in (None, "shift") and not self.has_room(name):
                ruled_out["protected"] += 1
            else:
                ruled_out[reason or "capacity"] += 1
        # Whom to tell says nothing of what protects anybody.
        able = {self.team[name] for name, why in self.reason.items() if why in (None, "shift", "protected")}
        earliest = self.connection.execute(
            EARLIEST,
            self.conditions
            | {"planned": list(planned), "only_date": self.asked.work_date}
            | {"work_date": min(self.work_date, self.now.date())},
        ).scalar_one()
        return NoPlace(
            self.work_date, dict(ruled_out), earliest, tuple(sorted(able or set(self.team.values())))
        )


def conditions(policy: Policy, asked: Asked, work_date: date, now: datetime) -> dict[str, Any]:
    edges = [edge for edge in policy.edges if edge.selects(asked.category, asked.severity)]
    alone = (
        stretch.amount >= (1 if stretch.measure == "items" else asked.seconds)
        for stretch in policy.stretches
        if stretch.selects(asked.category, asked.severity)
    )
    return {
        "work_date": work_date,
        "now": now,
        "language": asked.language,
        "market": asked.market,
        "category": asked.category,
        "severity": asked.severity,
        "modality": asked.modality,
        "seconds": asked.seconds,
        "release": asked.release,
        "clearance": policy.clearances.get(asked.category),
        "have_it": list(asked.have_it),
        "kept_away": list(asked.kept_away),
        "first": max((edge.first for edge in edges), default=0),
        "last": max((edge.last for edge in edges), default=0),
        "rest": policy.rest_between_shifts,
        "fits_alone": all(alone),
    }


def in_parts(names: Sequence[str], size: int) -> Iterator[list[str]]:
    for begin in range(0, len(names), size):
        yield list(names[begin : begin + size])
