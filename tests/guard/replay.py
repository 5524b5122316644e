"""What the ledger says, worked out in Python from its raw rows: nothing here asks the guard or its sums.

Ids of the ledger do not tell what came first, since a number is drawn before the guard is waited for. So the
owner adds triggers that number every statement while it holds its locks: what has a higher number saw what
has a lower one. Changes of limits and people are numbered in the same row of numbers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import groupby
from typing import Any

import psycopg

from allocator.rules.policy import Dose, Limit
from tests.guard.world import DOSE, Entry

NUMBERING = """
create sequence moments;
create table moment_of_entry (moment bigint not null, work_date date not null, id bigint not null);
create table change (moment bigint not null, subject text not null, row jsonb not null);

create function number_entries() returns trigger language plpgsql security definer as $$
declare
    now bigint := nextval('public.moments');
begin
    insert into public.moment_of_entry select now, work_date, id from added;
    return null;
end
$$;
create function number_changes() returns trigger language plpgsql security definer as $$
declare
    now bigint := nextval('public.moments');
begin
    insert into public.change select now, tg_table_name, to_jsonb(added) from added;
    return null;
end
$$;
-- Triggers fire in order of their names: these after the guard's.
create trigger numbered after insert on ledger referencing new table as added
    for each statement execute function number_entries();
create trigger numbered_insert after insert on exposure_limit referencing new table as added
    for each statement execute function number_changes();
create trigger numbered_update after update on exposure_limit referencing new table as added
    for each statement execute function number_changes();
create trigger numbered_insert after insert on auditor referencing new table as added
    for each statement execute function number_changes();
create trigger numbered_update after update on auditor referencing new table as added
    for each statement execute function number_changes();
create trigger numbered_insert after insert on shift referencing new table as added
    for each statement execute function number_changes();
create trigger numbered_update after update on shift referencing new table as added
    for each statement execute function number_changes();
"""
SEEN = ("history", "post", "incident")

Sums = dict[tuple[str, int, date], tuple[int, int]]
"""By person, use and work date: what was seen, and what is reserved beside it. In the use's measure."""


@dataclass(frozen=True, slots=True)
class Numbered:
    moment: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class Breach:
    """A reservation after which more was in use than the limit allowed, in the window that ends that date."""

    moment: int
    auditor: str
    limit: str
    window_end: date
    used: int
    allowed: int


def measured(rule: Limit, entry: Entry, dose: Dose = DOSE) -> int:
    """The entry's part in a limit: seconds, items or dose units; 0 where the limit does not select it."""
    if not rule.selects(entry.category, entry.severity):
        return 0
    if rule.measure == "items":
        return entry.items
    return entry.seconds * (
        dose.units_per_second(entry.severity, entry.modality) if rule.measure == "dose" else 1
    )


def parts(rule: Limit, entry: Entry, dose: Dose = DOSE) -> tuple[int, int]:
    """What the entry adds to what was seen and to what is reserved."""
    amount = measured(rule, entry, dose)
    if entry.entry in SEEN:
        return amount, 0
    return 0, amount if entry.entry == "reserve" else -amount


def sums_of(entries: Iterable[Entry], uses: Mapping[int, Limit], dose: Dose = DOSE) -> Sums:
    """The sums that `limit_day` should hold, as far as they are not 0."""
    sums: Sums = defaultdict(lambda: (0, 0))
    for entry in entries:
        for use, rule in uses.items():
            seen, reserved = parts(rule, entry, dose)
            before = sums[entry.auditor, use, entry.work_date]
            sums[entry.auditor, use, entry.work_date] = before[0] + seen, before[1] + reserved
    return {key: sums for key, sums in sums.items() if sums != (0, 0)}


@dataclass
class State:
    """What held at a moment: the limits, who was where, what was in use."""

    limits: dict[str, Limit] = field(default_factory=dict)
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    shifts: dict[tuple[str, date], dict[str, Any]] = field(default_factory=dict)
    used: dict[tuple[str, str], dict[date, int]] = field(default_factory=lambda: defaultdict(dict))
    past: list[Entry] = field(default_factory=list)

    def change(self, subject: str, row: dict[str, Any], uses: Mapping[int, Limit]) -> None:
        if subject == "auditor":
            self.people[row["id"]] = row
        elif subject == "shift":
            self.shifts[row["auditor"], date.fromisoformat(row["work_date"])] = row
        else:
            known = row["key"] in self.limits
            limit = replace(
                uses[row["use"]],
                key=row["key"],
                scope=row["scope"],
                window_days=row["window_days"],
                amount=row["amount"],
                ceiling=row["ceiling"],
            )
            self.limits[limit.key] = limit
            if not known:
                for entry in self.past:
                    self.add(limit, entry)

    def add(self, limit: Limit, entry: Entry) -> None:
        if more := sum(parts(limit, entry)):
            days = self.used[limit.key, entry.auditor]
            days[entry.work_date] = days.get(entry.work_date, 0) + more

    def enter(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.past.append(entry)
            for limit in self.limits.values():
                self.add(limit, entry)

    def passed(self, moment: int, entry: Entry) -> Iterable[Breach]:
        """The limits that this reservation, which has been entered, leaves passed."""
        for limit in self.limits.values():
            if measured(limit, entry) == 0:
                continue
            days = self.used[limit.key, entry.auditor]
            for later in range(limit.window_days):
                end = entry.work_date + timedelta(later)
                if later > 0 and days.get(end, 0) == 0:
                    continue
                of_that_day = self.shifts.get((entry.auditor, end), self.people[entry.auditor])
                if not limit.binds(
                    auditor=entry.auditor, team=of_that_day["team"], home_market=of_that_day["home_market"]
                ):
                    continue
                used = sum(days.get(end - timedelta(back), 0) for back in range(limit.window_days))
                allowed = limit.effective_amount(of_that_day["exposure_percent"])
                if used > allowed:
                    yield Breach(moment, entry.auditor, limit.key, end, used, allowed)


def uses_of(connection: psycopg.Connection) -> dict[int, Limit]:
    """The uses, each as a limit that selects and measures so and allows nothing."""
    rows = connection.execute("select id, categories, min_severity, measure from exposure_use").fetchall()
    return {
        use: Limit(
            str(use), frozenset(categories), severity, scope="org", measure=measure, window_days=1, amount=0
        )
        for use, categories, severity, measure in rows
    }


def read_entries(connection: psycopg.Connection) -> list[Numbered]:
    """The raw ledger with its moments; an entry that nobody numbered would be an error of these tests."""
    rows = connection.execute("""
        select moment, auditor, work_date, entry, category, severity, modality, seconds, items, slot
        from ledger left join moment_of_entry using (work_date, id) order by moment, id
    """).fetchall()
    assert all(row[0] is not None for row in rows)
    return [Numbered(moment, Entry(*rest)) for moment, *rest in rows]


def breaches(connection: psycopg.Connection) -> list[Breach]:
    """Replay everything in the order in which it happened, and look at each statement that reserved."""
    uses = uses_of(connection)
    changes = connection.execute("select moment, subject, row from change order by moment").fetchall()
    waiting = iter([*changes, (float("inf"), "", {})])
    next_change = next(waiting)
    state = State()
    found: list[Breach] = []
    for moment, numbered in groupby(read_entries(connection), lambda entry: entry.moment):
        while next_change[0] < moment:
            state.change(next_change[1], next_change[2], uses)
            next_change = next(waiting)
        statement = [one.entry for one in numbered]
        state.enter(statement)
        for entry in statement:
            if entry.entry == "reserve":
                found.extend(state.passed(moment, entry))
    return found


def changes(connection: psycopg.Connection) -> Counter[str]:
    """What changed meanwhile: limits that were put in force, lowered and raised, people and their shifts."""
    rows = connection.execute("""
        select case
                   when subject <> 'exposure_limit' then subject
                   when amount > before then 'raised'
                   when amount < before then 'lowered'
                   else 'new limit'
               end, count(*)
        from (
            select subject, (row ->> 'amount')::bigint as amount,
                   lag((row ->> 'amount')::bigint) over (partition by row ->> 'key' order by moment) as before
            from change
        ) one group by 1
    """).fetchall()
    return Counter(dict(rows))


def wrong_sums(connection: psycopg.Connection, dose: Dose = DOSE) -> dict[Any, Any]:
    """Where `limit_day` differs from the ledger: by person, use and work date, what it holds and should."""
    should = sums_of((one.entry for one in read_entries(connection)), uses_of(connection), dose)
    rows = connection.execute("select auditor, use, work_date, seen, reserved from limit_day").fetchall()
    holds = {(auditor, use, day): (seen, reserved) for auditor, use, day, seen, reserved in rows}
    return {
        key: (holds.get(key, (0, 0)), should.get(key, (0, 0)))
        for key in holds.keys() | should.keys()
        if holds.get(key, (0, 0)) != should.get(key, (0, 0))
    }
