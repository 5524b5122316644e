"""What people were shown and are to be shown, person by person. Only `read_exposure` may ask: it records who
read whom and why before anything is told."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection, text

from models.queries.limits import UNITS

PEOPLE = text("""
    select id, team from auditor
    where (cast(:auditor as text) is null or id = :auditor)
      and (cast(:team as text) is null or team = :team)
      and (cast(:after as text) is null or id > :after)
    order by id limit :rows
""")
DAYS = text("""
    select auditor, work_date, category,
           sum(seconds) filter (where was_seen) as seconds,
           sum(items) filter (where was_seen) as items,
           as_measured(sum(units) filter (where was_seen), 'dose') as points,
           sum(seconds) filter (where not was_seen) as reserved_seconds,
           sum(items) filter (where not was_seen) as reserved_items,
           as_measured(sum(units) filter (where not was_seen), 'dose') as reserved_points
    from (
        select auditor, work_date, category, entry in ('history', 'post', 'incident') as was_seen,
               case entry when 'release' then -seconds else seconds end as seconds,
               case entry when 'release' then -items else items end as items,
               case entry when 'release' then -seconds else seconds end * coalesce(units_per_second, 0)
                   as units
        from ledger left join dose_weight using (severity, modality)
        where auditor = any (:people) and work_date between :from and :to
          and (cast(:category as text) is null or category = :category)
          and severity >= :min_severity
    ) entries
    group by auditor, work_date, category
    having bool_or(was_seen) or sum(seconds) > 0 or sum(items) > 0
    order by auditor, work_date, category
""")
LEFT = text("""
    select person.id as auditor, l.key, l.measure, l.window_days,
           as_measured(l.allowed, l.measure) as allowed,
           as_measured(l.seen, l.measure) as seen,
           as_measured(l.reserved, l.measure) as reserved,
           as_measured(greatest(l.allowed - l.seen - l.reserved, 0), l.measure) as left_over
    from unnest(cast(:people as text[])) person (id)
    cross join lateral limits_of(person.id, :on) l
    order by person.id, l.position, l.key
""")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which exposure is asked for. `after` is the last person of the page before; `rows` people a page."""

    from_date: date
    to_date: date
    auditor: str | None = None
    team: str | None = None
    category: str | None = None
    min_severity: int = 0
    after: str | None = None
    rows: int = 100


@dataclass(frozen=True, slots=True, repr=False)
class ExposureDay:
    """One person's, of one category on one work date: what was seen, and what is reserved on top."""

    work_date: date
    category: str
    seconds: int
    items: int
    points: Decimal
    reserved_seconds: int
    reserved_items: int
    reserved_points: Decimal


@dataclass(frozen=True, slots=True, repr=False)
class LeftUnder:
    """One limit that binds a person, in the window that ends on the selection's last date; all in `unit`.

    `allowed` is the amount for this person; `left` is 0 where it is passed.
    """

    key: str
    unit: str
    window_days: int
    allowed: Decimal
    seen: Decimal
    reserved: Decimal
    left: Decimal


@dataclass(frozen=True, slots=True, repr=False)
class PersonExposure:
    auditor: str
    team: str
    days: tuple[ExposureDay, ...]
    limits: tuple[LeftUnder, ...]


@dataclass(frozen=True, slots=True, repr=False)
class ExposurePage:
    """`after` asks for the next page; none on the last."""

    people: tuple[PersonExposure, ...]
    after: str | None


def exposure_page(connection: Connection, wanted: Selection) -> ExposurePage:
    """People in order of their ids, those without any exposure included."""
    asked = {"auditor": wanted.auditor, "team": wanted.team, "after": wanted.after, "rows": wanted.rows + 1}
    found = connection.execute(PEOPLE, asked).all()
    page = found[: wanted.rows]
    people = [row.id for row in page]
    days: dict[str, list[ExposureDay]] = defaultdict(list)
    selected = {
        "people": people,
        "from": wanted.from_date,
        "to": wanted.to_date,
        "category": wanted.category,
        "min_severity": wanted.min_severity,
    }
    for row in connection.execute(DAYS, selected):
        days[row.auditor].append(
            ExposureDay(
                row.work_date,
                row.category,
                int(row.seconds or 0),
                int(row.items or 0),
                row.points or Decimal(0),
                int(row.reserved_seconds or 0),
                int(row.reserved_items or 0),
                row.reserved_points or Decimal(0),
            )
        )
    limits: dict[str, list[LeftUnder]] = defaultdict(list)
    for row in connection.execute(LEFT, {"people": people, "on": wanted.to_date}):
        unit = f"{UNITS[row.measure]}s"
        limits[row.auditor].append(
            LeftUnder(row.key, unit, row.window_days, row.allowed, row.seen, row.reserved, row.left_over)
        )
    return ExposurePage(
        people=tuple(
            PersonExposure(row.id, row.team, tuple(days[row.id]), tuple(limits[row.id])) for row in page
        ),
        after=people[-1] if len(found) > wanted.rows else None,
    )
