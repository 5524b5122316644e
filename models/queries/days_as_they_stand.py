"""People's days as they stand, read for `allocator.placing`: what has begun, with the times that it really
has, what is planned, and what leaving it out would free."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from allocator.placing import Person, Planned, Room, Stands
from allocator.rules.policy import Policy

SHIFTS = text("""
    select auditor, team, timezone, ceil(extract(epoch from there_from(shift)))::bigint as opens,
        floor(extract(epoch from there_until(shift)))::bigint as closes,
        ceil(extract(epoch from greatest(last_end, (
            select max(ended_at) from slot
            where slot.auditor = shift.auditor and slot.work_date between shift.work_date - 2
                and shift.work_date - 1 and slot.kind = 'work' and slot.started_at is not null
        ))))::bigint as last_end
    from shift where work_date = :work_date and auditor = any (:people)
""")
PLANNED = text("""
    select slot.id as slot, slot.auditor, slot.kind, slot.item,
        floor(extract(epoch from planned_start))::bigint as "start",
        floor(extract(epoch from planned_end))::bigint as "end",
        item.kind as item_kind, item.category, item.severity, item.modality, item.priority, item.stratum,
        item.draw, ceil(extract(epoch from item.release))::bigint as release,
        floor(extract(epoch from item.due))::bigint as due
    from slot left join item on item.id = slot.item
    where slot.work_date = :work_date and slot.auditor = any (:people) and slot.state = 'planned'
    order by slot.auditor, planned_start, slot.id
""")
# What has begun: for work the parts that were looked at and the pauses between, at their most (a second that
# is cut is work, and no rest); no parts where it went by in one piece.
BEGUN = text("""
    select slot.id as slot, slot.auditor, slot.kind, slot.state,
        extract(epoch from started_at)::float8 as started, extract(epoch from ended_at)::float8 as ended,
        extract(epoch from planned_end - planned_start)::bigint as expected,
        looked_seconds(looked_at(started_at, ended_at, pauses, silences, :now)) as looked,
        case when isempty(pauses) and isempty(silences) then null else (
            select coalesce(json_agg(json_build_array(
                extract(epoch from lower(part)), extract(epoch from upper(part)))), '[]')
            from unnest(looked_at(started_at, ended_at, pauses, silences, :now)) part) end as parts,
        case when isempty(pauses) then null else (
            select json_agg(json_build_array(
                extract(epoch from lower(part)), extract(epoch from least(upper(part), :now))))
            from unnest(pauses) part) end as pauses,
        item.category, item.severity
    from slot left join item on item.id = slot.item
    where slot.work_date = :work_date and slot.auditor = any (:people) and slot.started_at is not null
    order by slot.auditor, started_at, slot.id
""")
SEEN = text("""
    select slot, category, severity from ledger
    where work_date = :work_date and auditor = any (:people) and entry in ('post', 'incident')
    order by severity, id
""")
# For each stratum the draws that somebody is to see or has seen.
SEEN_DRAWS = text("""
    select item.stratum, array_agg(item.draw) as draws
    from item
    where item.work_date = :work_date and item.stratum = any (:strata)
      and exists (select from slot where slot.item = item.id and slot.kind = 'work'
                  and slot.state in ('planned', 'started', 'done'))
    group by item.stratum
""")
AS_IT_STANDS = text("""
    select shift.auditor, md5(concat_ws(
        '|', there_from(shift), there_until(shift), (
            select string_agg(concat_ws(' ', id, state, planned_start, planned_end), ',' order by id)
            from slot where slot.work_date = shift.work_date and slot.auditor = shift.auditor
              and state in ('planned', 'started')
        ))) as stood
    from shift where work_date = :work_date and auditor = any (:people)
""")


@dataclass(slots=True, repr=False)
class Limited:
    """One person's room for the review, and what each of the limits selects and measures."""

    room: list[Room] = field(default_factory=list)
    limits: list[Row[Any]] = field(default_factory=list)

    @property
    def lets_in(self) -> bool:
        return all(one.left >= one.adds for one in self.room)

    @property
    def share(self) -> float:
        return min((one.left / max(1, one.allowed) for one in self.room), default=1.0)


class Days:
    """The days of one work date, as many as have been asked for."""

    def __init__(
        self,
        connection: Connection,
        policy: Policy,
        work_date: date,
        now: datetime,
        limited: Mapping[str, Limited],
    ) -> None:
        self.connection = connection
        self.policy = policy
        self.work_date = work_date
        self.now = now
        self.at = math.ceil(now.timestamp())
        self.limited = limited
        self.items: dict[int, Row[Any]] = {}
        """Of each planned slot, what `PLANNED` says of it."""
        self.shifts: dict[str, Row[Any]] = {}

    def read(self, people: Sequence[str]) -> list[Person]:
        asked = {"work_date": self.work_date, "people": list(people), "now": self.now}
        planned = defaultdict(list)
        stands = defaultdict(list)
        for row in self.connection.execute(PLANNED, asked):
            if row.kind == "busy":
                stands[row.auditor].append(Stands("busy", row.start, row.end))
            elif row.end > row.start:
                self.items[row.slot] = row
                planned[row.auditor].append(self.as_planned(row))
        begun = self.connection.execute(BEGUN, asked).all()
        if begun:
            seen = {row.slot: row for row in self.connection.execute(SEEN, asked)}
            for row in begun:
                stands[row.auditor] += as_stands(row, seen.get(row.slot), self.at)
        shifts = self.connection.execute(SHIFTS, asked).all()
        self.shifts |= {row.auditor: row for row in shifts}
        return [
            Person(
                auditor=row.auditor,
                shift_start=row.opens,
                shift_end=row.closes,
                work_from=row.opens
                if row.last_end is None
                else max(row.opens, row.last_end + self.policy.rest_between_shifts),
                stands=tuple(stands[row.auditor]),
                planned=tuple(planned[row.auditor]),
                room=tuple(self.limited[row.auditor].room),
            )
            for row in shifts
        ]

    def as_planned(self, row: Row[Any]) -> Planned:
        if row.kind == "break":
            return Planned(
                row.slot, "break", row.start, row.end, frees=(0,) * len(self.limited[row.auditor].room)
            )
        seconds = row.end - row.start
        units = self.policy.dose.units_per_second(row.severity, row.modality)
        frees = tuple(
            measured(limit, row.category, row.severity, seconds, units)
            for limit in self.limited[row.auditor].limits
        )
        return Planned(
            slot=row.slot,
            kind="work",
            start=row.start,
            end=row.end,
            category=row.category,
            severity=row.severity,
            item_kind=row.item_kind,
            priority=row.priority,
            release=row.release,
            due=row.due,
            frees=frees,
        )

    def with_draws(self, days: Sequence[Person]) -> list[Person]:
        """The same, with how many samples that were drawn later are seen for each."""
        samples = [
            self.items[slot.slot]
            for person in days
            for slot in person.planned
            if slot.kind == "work" and slot.item_kind == "sample"
        ]
        strata = sorted({row.stratum for row in samples})
        asked = {"work_date": self.work_date, "strata": strata}
        draws = {row.stratum: row.draws for row in self.connection.execute(SEEN_DRAWS, asked)}
        behind = {row.slot: sum(draw > row.draw for draw in draws.get(row.stratum, ())) for row in samples}
        return [
            replace(
                person,
                planned=tuple(
                    replace(slot, behind=behind[slot.slot]) if behind.get(slot.slot) else slot
                    for slot in person.planned
                ),
            )
            for person in days
        ]


def as_it_stands(connection: Connection, work_date: date, people: Sequence[str]) -> dict[str, str]:
    """A fingerprint of each person's day: another one as soon as something in it is begun, ended or moved."""
    asked = {"work_date": work_date, "people": list(people)}
    return {row.auditor: row.stood for row in connection.execute(AS_IT_STANDS, asked)}


def as_stands(row: Row[Any], seen: Row[Any] | None, at: int) -> Iterator[Stands]:
    """What has begun, in the parts that it went by in; what runs, with the time that it is expected to take
    yet."""
    if row.kind != "work":
        start = math.ceil(row.started)
        end = max(at + 1, start + row.expected) if row.ended is None else math.floor(row.ended)
        if end > start:
            yield Stands(row.kind, start, end)
        return
    what = row if seen is None else seen
    category, severity = what.category, what.severity
    whole = row.parts is None
    given = [(row.started, at if row.ended is None else row.ended)] if whole else row.parts
    parts = [(math.floor(start), math.ceil(end)) for start, end in given]
    for start, end in row.pauses or ():
        if math.floor(end) > math.ceil(start):
            yield Stands("break", math.ceil(start), math.floor(end))
    if row.state == "started":
        to_come = at + max(1, row.expected - row.looked)
        if parts and parts[-1][1] >= at:
            parts[-1] = (parts[-1][0], to_come)
        else:
            parts.append((at, to_come))
    for start, end in parts:
        if end > start:
            yield Stands("work", start, end, category, severity)


def measured(limit: Row[Any], category: str, severity: int, seconds: int, units: int) -> int:
    if severity < limit.min_severity or (limit.categories and category not in limit.categories):
        return 0
    return {"seconds": seconds, "items": 1, "dose": seconds * units}[limit.measure]
