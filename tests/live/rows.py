"""What stands in the tables, read raw: after each step only what a transaction has touched since the last."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

import psycopg

from tests.live.arena import Stage

Intervals = tuple[tuple[int, int | None], ...]
Material = tuple[str, date, str, int, str]
"""Auditor, work date, category, severity, modality."""


class Slot(NamedTuple):
    """A row of `slot`; instants are whole seconds since 1970, an open pause ends in None."""

    id: int
    plan: int | None
    auditor: str
    work_date: date
    kind: str
    item: str | None
    review_no: int | None
    planned_start: int
    planned_end: int
    state: str
    started_at: int | None
    ended_at: int | None
    seen_seconds: int | None
    pauses: Intervals
    silences: Intervals
    leased_until: int | None
    beat_at: int | None
    ended_by: str | None
    placed_at: int | None

    @property
    def is_paused(self) -> bool:
        return any(upper is None for _, upper in self.pauses)


class Entry(NamedTuple):
    """A row of `ledger`."""

    id: int
    auditor: str
    work_date: date
    entry: str
    category: str
    severity: int
    modality: str
    seconds: int
    items: int
    slot: int | None

    @property
    def material(self) -> Material:
        return (self.auditor, self.work_date, self.category, self.severity, self.modality)


class Item(NamedTuple):
    """A row of `item`, as far as it matters here."""

    id: str
    work_date: date | None
    kind: str
    category: str
    severity: int
    modality: str
    seconds: int
    reviews: int
    only_for: tuple[str, ...]
    withdrawn: bool


class Limit(NamedTuple):
    """A row of `exposure_limit` with its use."""

    key: str
    scope: str
    use: int
    window_days: int
    amount: int
    ceiling: int | None


class Use(NamedTuple):
    id: int
    categories: tuple[str, ...]
    min_severity: int
    measure: str


class Shift(NamedTuple):
    auditor: str
    work_date: date
    team: str
    home_market: str
    percent: int
    start: int
    end: int
    available_from: int | None
    available_until: int | None


class Person(NamedTuple):
    id: str
    team: str
    home_market: str
    percent: int


class Task(NamedTuple):
    id: int
    kind: str
    payload: dict[str, Any]
    dedupe_key: str | None
    state: str
    attempts: int
    fence: int
    lease_until: int | None
    run_after: int
    rung_at: int | None
    ended_at: int | None


class Plan(NamedTuple):
    id: int
    work_date: date
    version: int | None
    state: str
    input_version: int | None
    reason: str | None
    requested_at: int


class Notice(NamedTuple):
    id: int
    addressee: str
    kind: str
    detail: dict[str, Any]


class Waiting(NamedTuple):
    """A row of `waiting_escalation`; `told`: leads have heard of it, or operations."""

    item: str
    work_date: date | None
    missing: int
    tries: int
    tried_at: int
    earliest: int | None
    told: bool


def _seconds(name: str) -> str:
    return f"extract(epoch from {name})::bigint"


def _intervals(name: str) -> str:
    parts = f"array[{_seconds('lower(part)')}, {_seconds('upper(part)')}]"
    return f"(select json_agg({parts} order by part) from unnest({name}) part)"


WHEN = "xmin::text::bigint >= {since}"
READ = f"""
    select pg_snapshot_xmax(pg_current_snapshot())::text::bigint;
    select id, plan, auditor, work_date, kind, item, review_no, {_seconds("planned_start")},
        {_seconds("planned_end")}, state, {_seconds("started_at")}, {_seconds("ended_at")}, seen_seconds,
        {_intervals("pauses")}, {_intervals("silences")}, {_seconds("leased_until")}, {_seconds("beat_at")},
        ended_by, {_seconds("placed_at")}
        from slot where {WHEN} order by id;
    select id, auditor, work_date, entry, category, severity, modality, seconds, items, slot
        from ledger where {WHEN} order by id;
    select auditor, use, work_date, seen, reserved from limit_day where {WHEN};
    select id, addressee, kind, detail from notice where {WHEN} order by id;
    select id, kind, payload, dedupe_key, state, attempts, fence, {_seconds("lease_until")},
        {_seconds("run_after")}, {_seconds("rung_at")}, {_seconds("ended_at")}
        from task where {WHEN} order by id;
    select id, work_date, version, state, input_version, reason, {_seconds("requested_at")}
        from plan where {WHEN} order by id;
    select id, work_date, kind, category, severity, modality, seconds, reviews, only_for,
        withdrawn_at is not null from item where {WHEN} order by position;
    select key, scope, use, window_days, amount, ceiling from exposure_limit where {WHEN} order by position;
    select id, categories, min_severity, measure from exposure_use where {WHEN} order by id;
    select auditor, work_date, team, home_market, exposure_percent, {_seconds("shift_start")},
        {_seconds("shift_end")}, {_seconds("available_from")}, {_seconds("available_until")}
        from shift where {WHEN} order by work_date, auditor;
    select id, team, home_market, exposure_percent from auditor where {WHEN} order by id;
    select slot, decision, error_type, note from outcome where {WHEN} order by slot;
    select id, limit_key, amount, proposed_by, state from limit_proposal where {WHEN} order by id;
    select item, work_date, missing, tries, {_seconds("tried_at")}, {_seconds("earliest")},
        told_at is not null from waiting_escalation order by item;
    select work_date, input_version from work_day where {WHEN};
    select limits_version from installation
"""


@dataclass(slots=True)
class Changes:
    """What a step has changed: slots before (None: new) and after, entries and notices added, and whether
    anything else of note was touched."""

    slots: list[tuple[Slot | None, Slot]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    tasks: list[tuple[Task | None, Task]] = field(default_factory=list)
    plans: list[tuple[Plan | None, Plan]] = field(default_factory=list)
    outcomes: list[int] = field(default_factory=list)
    items: list[tuple[Item | None, Item]] = field(default_factory=list)
    sums: list[tuple[str, date]] = field(default_factory=list)
    rules: bool = False
    """Whether limits, shifts or profiles changed."""
    proposals: int = 0
    waits: list[tuple[Waiting | None, Waiting | None]] = field(default_factory=list)
    """Rows of escalations that wait, before and after; None: there is none."""
    versions: list[date] = field(default_factory=list)
    """Known dates whose inputs have another version."""

    @property
    def nothing(self) -> bool:
        """Whether nothing changed that a repeated or lost call may not change."""
        return not (
            self.slots
            or self.entries
            or self.notices
            or self.tasks
            or self.plans
            or self.outcomes
            or self.items
            or self.sums
            or self.rules
            or self.proposals
            or self.waits
            or self.versions
        )

    def said(self) -> str:
        parts = [f"slot {new.id} {old.state if old else 'new'}>{new.state}" for old, new in self.slots]
        parts += [f"{one.entry} {one.seconds}s/{one.items} of {one.slot}" for one in self.entries]
        parts += [f"notice {one.kind} to {one.addressee}" for one in self.notices]
        parts += [f"task {new.id} {old.state if old else 'new'}>{new.state}" for old, new in self.tasks]
        parts += [f"plan {new.id} {old.state if old else 'new'}>{new.state}" for old, new in self.plans]
        parts += [f"item {new.id}" for old, new in self.items if old is not None]
        parts += [f"{new.item} waits" for old, new in self.waits if old is None and new is not None]
        parts += [f"{old.item} waits no longer" for old, new in self.waits if old is not None and new is None]
        return ", ".join(parts)


@dataclass(slots=True)
class Rows:
    """The tables in memory. `refresh` brings them up to date."""

    eyes: psycopg.Connection
    since: int = 0
    slots: dict[int, Slot] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    by_slot: dict[int, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    seen: dict[Material, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    """Seconds and items of what was seen, as the ledger has it."""
    reserved: dict[Material, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    days: dict[str, set[date]] = field(default_factory=lambda: defaultdict(set))
    """Dates of each person on which the ledger has anything."""
    sums: dict[tuple[str, int, date], tuple[int, int]] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    tasks: dict[int, Task] = field(default_factory=dict)
    plans: dict[int, Plan] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)
    limits: dict[str, Limit] = field(default_factory=dict)
    uses: dict[int, Use] = field(default_factory=dict)
    shifts: dict[tuple[str, date], Shift] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    outcomes: dict[int, tuple[str, str | None, str | None]] = field(default_factory=dict)
    proposals: dict[int, tuple[str, int, str, str]] = field(default_factory=dict)
    """Limit, amount, who proposed, state."""
    waiting: dict[str, Waiting] = field(default_factory=dict)
    versions: dict[date, int] = field(default_factory=dict)
    limits_version: int = 0

    def refresh(self) -> Changes:
        cursor = self.eyes.cursor()
        cursor.execute(READ.format(since=self.since))
        found = []
        while True:
            found.append(cursor.fetchall())
            if not cursor.nextset():
                break
        until, *tables = found
        self.since = until[0][0]
        return self._take(*tables)

    def _take(self, *tables: list[tuple[Any, ...]]) -> Changes:
        slots, entries, sums, notices, tasks, plans, items, limits, uses, *more = tables
        shifts, people, outcomes, proposals, waiting, days, installation = more
        changes = Changes()
        for row in slots:
            slot = Slot._make((*row[:13], _pairs(row[13]), _pairs(row[14]), *row[15:]))
            if (before := self.slots.get(slot.id)) != slot:
                changes.slots.append((before, slot))
            self.slots[slot.id] = slot
        for row in entries:
            entry = Entry(*row)
            self.entries.append(entry)
            changes.entries.append(entry)
            self.days[entry.auditor].add(entry.work_date)
            if entry.slot is not None:
                self.by_slot[entry.slot].append(entry)
            kept = self.reserved if entry.entry in ("reserve", "release") else self.seen
            sign = -1 if entry.entry == "release" else 1
            kept[entry.material][0] += sign * entry.seconds
            kept[entry.material][1] += sign * entry.items
        for auditor, use, work_date, seen, reserved in sums:
            if self.sums.get((auditor, use, work_date), (0, 0)) != (seen, reserved):
                changes.sums.append((auditor, work_date))
            self.sums[auditor, use, work_date] = (seen, reserved)
        for row in notices:
            notice = Notice(*row)
            if not self.notices or notice.id > self.notices[-1].id:
                changes.notices.append(notice)
                self.notices.append(notice)
        for row in tasks:
            task = Task(*row)
            if self.tasks.get(task.id) != task:
                changes.tasks.append((self.tasks.get(task.id), task))
            self.tasks[task.id] = task
        for row in plans:
            plan = Plan(*row)
            if self.plans.get(plan.id) != plan:
                changes.plans.append((self.plans.get(plan.id), plan))
            self.plans[plan.id] = plan
        for row in items:
            item = Item._make((*row[:8], tuple(row[8]), row[9]))
            if self.items.get(item.id) != item:
                changes.items.append((self.items.get(item.id), item))
            self.items[item.id] = item
        for row in limits:
            limit = Limit(*row)
            changes.rules |= self.limits.get(limit.key) != limit
            self.limits[limit.key] = limit
        for row in uses:
            use_row = Use(row[0], tuple(row[1]), row[2], row[3])
            changes.rules |= self.uses.get(use_row.id) != use_row
            self.uses[use_row.id] = use_row
        for row in shifts:
            shift = Shift(*row)
            changes.rules |= self.shifts.get((shift.auditor, shift.work_date)) != shift
            self.shifts[shift.auditor, shift.work_date] = shift
        for row in people:
            person = Person(*row)
            changes.rules |= self.people.get(person.id) != person
            self.people[person.id] = person
        for slot_id, *found in outcomes:
            changes.outcomes.append(slot_id)
            self.outcomes[slot_id] = tuple(found)
        for proposal, *told in proposals:
            changes.proposals += 1
            self.proposals[proposal] = tuple(told)
        known = {row[0]: Waiting(*row) for row in waiting}
        pairs = [(self.waiting.get(item), known.get(item)) for item in sorted({*known, *self.waiting})]
        changes.waits = [(before, after) for before, after in pairs if before != after]
        self.waiting = known
        changes.versions = [on for on, version in days if self.versions.get(on, version) != version]
        self.versions.update(days)
        self.limits_version = installation[0][0]
        return changes

    def held(self, slot: int) -> tuple[int, int]:
        """Seconds and items that are reserved for a slot now."""
        seconds = items = 0
        for one in self.by_slot.get(slot, ()):
            if one.entry in ("reserve", "release"):
                sign = -1 if one.entry == "release" else 1
                seconds += sign * one.seconds
                items += sign * one.items
        return seconds, items

    def planned(self, auditor: str) -> list[Slot]:
        found = [slot for slot in self.slots.values() if slot.auditor == auditor and slot.state == "planned"]
        return sorted(found, key=lambda slot: (slot.planned_start, slot.id))

    def running(self, auditor: str) -> Slot | None:
        return next(
            (slot for slot in self.slots.values() if slot.auditor == auditor and slot.state == "started"),
            None,
        )

    def in_force(self, work_date: date) -> Plan | None:
        return next(
            (
                plan
                for plan in self.plans.values()
                if plan.work_date == work_date and plan.state == "published"
            ),
            None,
        )


def _pairs(found: list[list[int | None]] | None) -> Intervals:
    return tuple((int(lower or 0), upper) for lower, upper in found or ())


def digest(stage: Stage) -> str:
    """One value for all that stands in all tables, ids and times included; but for transaction numbers, which
    are the cluster's."""
    tables = stage.eyes.execute(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
        " and not relispartition order by relname"
    ).fetchall()
    parts = []
    for (table,) in tables:
        # How long the making of a plan took is real time; `seconds` of all else is not.
        seconds_of = "seconds" if table == "plan" else ""
        said = stage.eyes.execute(
            f"select count(*), md5(string_agg(said, E'\\n' order by said collate \"C\")) from ("
            f"select (to_jsonb(t) - 'xact' - 'ledger_snapshot' - '{seconds_of}')::text as said"
            f" from {table} t) rows"
        ).fetchone()
        assert said is not None
        parts.append(f"{table} {said[0]} {said[1]}")
    return "\n".join(parts)
