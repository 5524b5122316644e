"""Where something was more severe than expected. Only `read_incidents` may ask: it records who read of whom
and why before anything is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

# What a review added later to the same is the same incident. A limit is passed by it if what was recorded
# before left room in the window that ends on its date.
INCIDENTS = text("""
    select found.id, found.auditor, person.team, found.work_date, slot.ended_at as at, found.slot, slot.item,
        item.category as expected_category, item.severity as expected_severity,
        item.modality as expected_modality, found.category, found.severity, found.modality, found.seconds,
        array(
            select l.key
            from exposure_limit l
            join exposure_use u on u.id = l.use
            left join shift on shift.auditor = found.auditor and shift.work_date = found.work_date
            left join dose_weight weight
                on weight.severity = found.severity and weight.modality = found.modality
            cross join lateral (
                select exposure_measured(u, found.category, found.severity, found.seconds::bigint,
                    found.items::bigint, weight.units_per_second) as measured
            ) own
            cross join lateral (
                select coalesce(sum(exposure_measured(u, entry.category, entry.severity, entry.seconds,
                    entry.items, entry_weight.units_per_second)), 0) as measured
                from ledger entry
                left join dose_weight entry_weight
                    on entry_weight.severity = entry.severity and entry_weight.modality = entry.modality
                where entry.auditor = found.auditor and entry.id < found.id
                  and entry.work_date between found.work_date - (least(l.window_days, 36500) - 1)
                      and found.work_date
                  and entry.entry in ('history', 'post', 'incident')
            ) before
            cross join lateral (
                select effective_amount(l.amount, u.measure,
                    coalesce(shift.exposure_percent, person.exposure_percent)) as allowed
            ) may
            where l.scope in ('org', 'market:' || coalesce(shift.home_market, person.home_market),
                    'team:' || coalesce(shift.team, person.team), 'auditor:' || found.auditor)
              and before.measured <= may.allowed and before.measured + own.measured > may.allowed
            order by l.position, l.key
        ) as passed
    from (
        select min(id) as id, auditor, work_date, slot, category, severity, modality,
            sum(seconds)::bigint as seconds, sum(items)::bigint as items
        from ledger
        where entry = 'incident' and work_date between :from and :to
        group by auditor, work_date, slot, category, severity, modality
    ) found
    join slot on slot.id = found.slot
    join item on item.id = slot.item
    join auditor person on person.id = found.auditor
    where found.id > :after
    order by found.id limit :rows
""")


@dataclass(frozen=True, slots=True, repr=False)
class Material:
    category: str
    severity: int
    modality: str


@dataclass(frozen=True, slots=True, repr=False)
class Incident:
    """`at` is when the review ended; `passed`, the keys of the limits that it passed, as they stand now."""

    id: int
    auditor: str
    team: str
    work_date: date
    at: datetime
    item: str
    expected: Material
    seen: Material
    seconds: int
    passed: tuple[str, ...]


@dataclass(frozen=True, slots=True, repr=False)
class IncidentPage:
    """`after` asks for the next page; none on the last."""

    incidents: tuple[Incident, ...]
    after: int | None


def incident_page(
    connection: Connection, first: date, last: date, after: int | None, rows: int
) -> IncidentPage:
    """Those of these work dates, in the order in which they were recorded."""
    asked = {"from": first, "to": last, "after": after or 0, "rows": rows + 1}
    found = connection.execute(INCIDENTS, asked).all()
    incidents = tuple(
        Incident(
            id=row.id,
            auditor=row.auditor,
            team=row.team,
            work_date=row.work_date,
            at=row.at,
            item=row.item,
            expected=Material(row.expected_category, row.expected_severity, row.expected_modality),
            seen=Material(row.category, row.severity, row.modality),
            seconds=row.seconds,
            passed=tuple(row.passed),
        )
        for row in found[:rows]
    )
    return IncidentPage(incidents, incidents[-1].id if len(found) > rows else None)
