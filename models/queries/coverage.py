"""How much of a work date's work is planned and done, and what was left out and why."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from typing import Any, Literal, NamedTuple, get_args

from sqlalchemy import Connection, Row, text

from models.queries.left_out import may_be_apart, sentence, told
from models.refusal import Refusal

Kind = Literal["escalation", "calibration", "sample"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MOST_EXPLANATIONS = 10
"""Of one kind in one cell; what is rarer is added up."""

IN_FORCE = text("""
    select id, version, published_at, (document::json #> '{policy,coverage_bands}')::text as bands
    from plan where work_date = :date and state = 'published'
""")
BANDS = text("""
    select (policy.document::json -> 'coverage_bands')::text
    from installation join policy on policy.id = installation.policy
""")
ROOM = text("set local work_mem = '64MB'")
"""A large day is added up in memory."""
KNOWN = text("select 1 from work_day where work_date = :date")
# What belongs to no date wants here what this date took on: what it holds, and what its plan left out.
WANTED = """
    case when item.withdrawn_at is not null then coalesce(planned, 0)
         when item.work_date is null then coalesce(planned, 0) + coalesce(missing, 0)
         when cardinality(item.only_for) > 0 then cardinality(item.only_for)
         else item.reviews end
"""
GROUPS = text(f"""
    with live as (
        select item, count(*) as planned, count(started_at) as started,
               count(*) filter (where state = 'done') as done
        from slot
        where work_date = :date and kind = 'work' and state in ('planned', 'started', 'done')
        group by item
    ), missed as (
        select item, missing from unplanned where plan = :plan
    ), work as (
        select item.market, item.language, item.kind, item.stratum,
               case item.kind when 'escalation' then item.priority end as priority,
               {WANTED} as wanted, coalesce(planned, 0) as planned, coalesce(started, 0) as started,
               coalesce(done, 0) as done
        from item
        left join live on live.item = item.id
        left join missed on missed.item = item.id
        where item.work_date = :date
           or item.work_date is null and (live.item is not null or missed.item is not null)
    )
    select market, language, kind, stratum, priority, sum(wanted)::bigint as wanted,
           sum(planned)::bigint as planned, sum(started)::bigint as started, sum(done)::bigint as done,
           sum(greatest(wanted - planned, 0))::bigint as left_out
    from work group by 1, 2, 3, 4, 5 having sum(wanted) > 0 or sum(planned) > 0
    order by 1, 2, 3, 4, 5
""")
LATE = text("""
    select item.priority, count(*) as late
    from item join slot on slot.item = item.id
    where item.kind = 'escalation' and (item.work_date = :date or item.work_date is null)
      and slot.work_date = :date and slot.kind = 'work' and slot.state in ('planned', 'started', 'done')
      and coalesce(slot.ended_at, slot.planned_end) > item.due
    group by item.priority
""")
EXPLAINED = text(f"""
    select item.market, item.language, item.kind, ruled_out::text as ruled_out, count(*) as items,
           sum(still.missing)::bigint as reviews
    from unplanned
    join item on item.id = unplanned.item
    cross join lateral (
        select count(*) as planned from slot
        where slot.item = item.id and slot.work_date = :date and slot.kind = 'work'
          and slot.state in ('planned', 'started', 'done')
    ) live
    cross join lateral (select least(unplanned.missing, {WANTED} - planned) as missing) still
    where unplanned.plan = :plan and still.missing > 0 and (item.work_date = :date or item.work_date is null)
    group by 1, 2, 3, 4
""")


class Place(NamedTuple):
    market: str
    language: str


@dataclass(slots=True)
class Progress:
    """Reviews. `planned` are those on somebody's timeline, `started` those of them that have begun, `done`
    those that have ended; `left_out` are wanted and on nobody's."""

    wanted: int = 0
    planned: int = 0
    started: int = 0
    done: int = 0
    left_out: int = 0

    def add(self, wanted: int, planned: int, started: int, done: int, left_out: int) -> None:
        self.wanted += wanted
        self.planned += planned
        self.started += started
        self.done += done
        self.left_out += left_out


@dataclass(frozen=True, slots=True)
class Band:
    """One band of all strata of a cell: its share of what each wants, in sample reviews, and how many of
    them are planned. Both may be fractions of a review."""

    share: float
    weight: float
    wanted: float
    planned: float

    @property
    def reached(self) -> float | None:
        """From 0 to 1; none where nothing is wanted."""
        return round(self.planned / self.wanted, 4) if self.wanted else None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Items left out for the same reasons: `ruled_out` is `left_out.told`."""

    items: int
    reviews: int
    ruled_out: dict[str, int]
    sentence: str


@dataclass(slots=True)
class LeftOut:
    """Of one kind in one cell: `reviews` that are missing, why, and how many of them `others` would explain.

    `since_plan` were skipped, or came after the plan was made: it has no reason for them.
    """

    kind: Kind
    reviews: int
    explanations: list[Explanation] = field(default_factory=list)
    others: int = 0
    since_plan: int = 0


@dataclass(slots=True)
class CoverageCell:
    """One market and language. `strata` have samples; of `strata_untouched` not one review is planned."""

    place: Place
    kinds: dict[Kind, Progress] = field(default_factory=dict)
    strata: int = 0
    strata_untouched: int = 0
    bands: list[Band] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


@dataclass(slots=True)
class EscalationProgress:
    """Reviews of one priority: those `on_time` end by when they are due, or have ended by then."""

    priority: int
    wanted: int = 0
    on_time: int = 0
    late: int = 0
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Coverage:
    """A work date; without a plan in force nothing is planned and nothing explained."""

    work_date: date
    plan: int | None
    version: int | None
    published_at: datetime | None
    cells: list[CoverageCell]
    escalations: list[EscalationProgress]


def coverage(connection: Connection, work_date: date) -> Coverage:
    """Cells in order of market and language, priorities from the most urgent.

    Raises:
        Refusal: `not-found` for a date of which nothing is known.
    """
    plan = connection.execute(IN_FORCE, {"date": work_date}).one_or_none()
    if plan is None and connection.execute(KNOWN, {"date": work_date}).first() is None:
        raise Refusal("not-found", "Nothing is known of this work date.", "date")
    asked = {"date": work_date, "plan": None if plan is None else plan.id}
    connection.execute(ROOM)
    groups = connection.execute(GROUPS, asked).all()
    cells: dict[Place, CoverageCell] = {}
    strata: dict[Place, list[tuple[int, int]]] = defaultdict(list)
    urgent: dict[int, EscalationProgress] = {}
    for row in groups:
        place = Place(row.market, row.language)
        cell = cells.setdefault(place, CoverageCell(place))
        progress = cell.kinds.setdefault(row.kind, Progress())
        progress.add(row.wanted, row.planned, row.started, row.done, row.left_out)
        if row.kind == "sample":
            strata[place].append((row.wanted, row.planned))
        elif row.kind == "escalation":
            one = urgent.setdefault(row.priority, EscalationProgress(row.priority))
            one.wanted += row.wanted
            one.on_time += row.planned
            one.left_out += row.left_out
    for row in connection.execute(LATE, asked):
        urgent[row.priority].late = row.late
        urgent[row.priority].on_time -= row.late
    bands = coverage_bands(plan.bands if plan is not None else connection.execute(BANDS).scalar_one_or_none())
    for place, counts in strata.items():
        cells[place].strata = len(counts)
        cells[place].strata_untouched = sum(planned == 0 for _, planned in counts)
        cells[place].bands = bands_of(bands, counts)
    explain(cells, connection.execute(EXPLAINED, asked).all() if plan is not None else ())
    return Coverage(
        work_date=work_date,
        plan=None if plan is None else plan.id,
        version=None if plan is None else plan.version,
        published_at=None if plan is None else plan.published_at,
        cells=list(cells.values()),
        escalations=[urgent[priority] for priority in sorted(urgent)],
    )


def coverage_bands(document: str | None) -> list[tuple[Fraction, Fraction]]:
    """(share, weight) pairs of a policy's `coverage_bands`; decimals as they are written."""
    if document is None:
        return []
    pairs = json.loads(document, parse_float=Fraction)
    return [(Fraction(share), Fraction(weight)) for share, weight in pairs]


def bands_of(bands: Sequence[tuple[Fraction, Fraction]], strata: Iterable[tuple[int, int]]) -> list[Band]:
    """For strata that want and get so many reviews: how far each band is filled, all strata together."""
    wanted = [Fraction(0)] * len(bands)
    planned = [Fraction(0)] * len(bands)
    for whole, got in strata:
        lower = Fraction(0)
        for place, (share, _) in enumerate(bands):
            upper = lower + share * whole
            wanted[place] += upper - lower
            planned[place] += max(Fraction(0), min(Fraction(got), upper) - lower)
            lower = upper
    return [
        Band(float(share), float(weight), round(float(whole), 3), round(float(got), 3))
        for (share, weight), whole, got in zip(bands, wanted, planned, strict=True)
    ]


class Reason(NamedTuple):
    """Rows of EXPLAINED that have the plan's counts in common."""

    place: Place
    kind: Kind
    counts: Mapping[str, int]
    items: int
    reviews: int


def explain(cells: Mapping[Place, CoverageCell], rows: Iterable[Row[Any]]) -> None:
    """Say in each cell what was left out and why."""
    reasons = [
        Reason(Place(row.market, row.language), row.kind, json.loads(row.ruled_out), row.items, row.reviews)
        for row in rows
    ]
    apart = may_be_apart([reason.counts for reason in reasons])
    merged: dict[tuple[Place, Kind], dict[tuple[tuple[str, int], ...], list[int]]] = defaultdict(dict)
    for reason in reasons:
        safe = tuple(told(reason.counts, apart).items())
        sums = merged[reason.place, reason.kind].setdefault(safe, [0, 0])
        sums[0] += reason.items
        sums[1] += reason.reviews
    for place, cell in cells.items():
        for kind in KINDS:
            missing = cell.kinds[kind].left_out if kind in cell.kinds else 0
            if missing:
                cell.left_out.append(left_out(place, kind, missing, merged.get((place, kind), {})))


def left_out(
    place: Place, kind: Kind, missing: int, explained: Mapping[tuple[tuple[str, int], ...], Sequence[int]]
) -> LeftOut:
    """The explanations that stand for most reviews first."""
    all_of_them = [
        Explanation(items, reviews, dict(safe), sentence(dict(safe), place.language, place.market))
        for safe, (items, reviews) in explained.items()
    ]
    all_of_them.sort(key=lambda one: (-one.reviews, one.sentence))
    return LeftOut(
        kind=kind,
        reviews=missing,
        explanations=all_of_them[:MOST_EXPLANATIONS],
        others=sum(one.reviews for one in all_of_them[MOST_EXPLANATIONS:]),
        since_plan=missing - sum(one.reviews for one in all_of_them),
    )
