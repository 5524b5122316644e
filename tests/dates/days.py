"""The people around changes of clocks: through the reader into a database, and asked for from all sides."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from allocator.files.faults import Refused
from allocator.files.instance import read_instance
from allocator.instance import Instance
from allocator.rules.policy import Limit, Policy, Stretch
from models.actions.complete import Outcome, complete
from models.actions.settle_exposure import Seen
from models.actions.start import start
from models.actor import Actor
from tests.dates.clocks import HOUR, Change, date_there, local, offset
from tests.dates.people import QUARTER, OneShift, Person, people_about
from tests.days import build
from tests.days_in_database.steps import inputs_of, load, planned, rows, write

REST = 11 * HOUR
"""Between shifts."""
LONG_BEFORE = datetime(2024, 1, 1, tzinfo=UTC)
WEEK = 7
ITEMS_EACH = 3
WORK_DATES_OF = """
    select person, extract(epoch from at)::bigint, work_date_of(person, at)
    from unnest(cast(:people as text[])) person
    cross join generate_series(to_timestamp(:first), to_timestamp(:last), interval '15 minutes') at
"""
SHIFTS = """
    select auditor, work_date, (shift_start at time zone timezone)::date,
        extract(epoch from shift_start)::bigint,
        extract(epoch from shift_end - shift_start)::bigint,
        there_from(shift) = shift_start and there_until(shift) = shift_end
    from shift
"""
SEEN_BEFORE = """
    insert into ledger (at, auditor, work_date, entry, category, severity, modality, seconds, items)
    select now(), person, cast(:day as date), 'history', 'adult', 0, 'image', :seconds, 1
    from unnest(cast(:people as text[])) person
"""
LIMITS_OF = """
    select person, l.window_days, l.seen from unnest(cast(:people as text[])) person
    cross join lateral limits_of(person, cast(:day as date)) l
"""
LAST_SLOTS = """
    select distinct on (auditor) id, auditor, planned_start, planned_end from slot
    where work_date = :day and kind = 'work' and state = 'planned'
    order by auditor, planned_start desc
"""


CLOCKS = """
    select extract(epoch from at)::bigint,
        extract(epoch from (at at time zone :zone) - (at at time zone 'UTC'))::bigint
    from generate_series(to_timestamp(:first), to_timestamp(:last), interval '1 hour') at
"""


def compare_clocks(engine: Engine, zone: str, years: Sequence[int]) -> int:
    """Whether this program and the database, which has tables of its own, agree on the time there at every
    hour of these years; how many hours that was."""
    first, last = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (years[0], years[-1] + 1))
    hours = rows(engine, CLOCKS, zone=zone, first=first, last=last)
    assert [(at, ahead) for at, ahead in hours if offset(at, zone) != ahead] == []
    return len(hours)


def policy() -> Policy:
    """Limits of one date and of seven, a rest after an hour of work, eleven hours between shifts."""
    far = 10**6
    return build.policy(
        rest_between_shifts=REST,
        limits=(
            Limit("day", scope="org", measure="seconds", window_days=1, amount=far),
            Limit("week", scope="org", measure="seconds", window_days=WEEK, amount=far),
        ),
        stretches=(Stretch("screen", measure="seconds", amount=HOUR, rest=QUARTER),),
    )


@dataclass(slots=True)
class Covered:
    """How much was looked at."""

    changes: int = 0
    shifts: int = 0
    work_dates: int = 0
    windows: int = 0
    plans: int = 0
    reviews: int = 0
    after_midnight: int = 0
    """Reviews that were begun on another date than their shift."""

    def __str__(self) -> str:
        return (
            f"{self.changes} changes, {self.shifts} shifts read and loaded; {self.work_dates} times what "
            f"date is today; {self.windows} windows of limits; {self.plans} plans, legal; {self.reviews} "
            f"reviews done, {self.after_midnight} of them begun on another date than their shift"
        )


class Around:
    """Some changes, and the people around them. `folder` is for files."""

    def __init__(self, engine: Engine, folder: Path, changes: Sequence[Change]) -> None:
        self.engine = engine
        self.folder = folder
        self.people = {change: people_about(change, number) for number, change in enumerate(changes)}
        self.covered = Covered(changes=len(changes))
        self.on: dict[date, list[tuple[Person, OneShift, int | None]]] = defaultdict(list)
        """Who works on a date, and when they last did before."""
        for person in self.everybody():
            last_end = None
            for shift in person.shifts:
                self.on[shift.work_date].append((person, shift, last_end))
                last_end = shift.end

    def everybody(self) -> Iterator[Person]:
        for people in self.people.values():
            yield from people

    def load(self) -> None:
        """Every date, as its files have it with local times; read on no other date, and in the database as
        long as it really is."""
        for day in sorted(self.on):
            instance = self._read(day, day)
            read = dict(
                zip(
                    instance.auditors["id"],
                    zip(instance.auditors["shift_start"], instance.auditors["shift_end"], strict=True),
                    strict=True,
                )
            )
            assert read == {person.name: (shift.start, shift.end) for person, shift, _ in self.on[day]}
            for other in (day - timedelta(days=1), day + timedelta(days=1)):
                faults = self._faults(day, other)
                assert faults == [(row, "shift_start") for row in range(1, len(self.on[day]) + 1)], (
                    day,
                    other,
                )
            load(self.engine, instance, LONG_BEFORE)
        found = {(row[0], row[1]): row[2:] for row in rows(self.engine, SHIFTS)}
        expected = {
            (person.name, day): (day, shift.start, shift.end - shift.start, True)
            for day, there in self.on.items()
            for person, shift, _ in there
        }
        assert found == expected
        self.covered.shifts += len(expected)

    def ask_for_today(self) -> None:
        """What date is today, at every quarter of an hour from before the shifts until after them."""
        for people in self.people.values():
            names = {person.name: person for person in people}
            first = min(person.shifts[0].start for person in people) - 4 * HOUR
            last = max(person.shifts[-1].end for person in people) + 30 * HOUR
            asked = {"people": list(names), "first": first // QUARTER * QUARTER, "last": last}
            for name, at, today in rows(self.engine, WORK_DATES_OF, **asked):
                assert today == names[name].today(at), (name, local(at, names[name].shifts[0].zone))
                self.covered.work_dates += 1

    def sum_windows(self) -> None:
        """A power of two seen on each of the dates before, during and after; windows add up those in them,
        and so does the history of a day to plan."""
        for change, people in self.people.items():
            names = [person.name for person in people]
            middle = date_there(change.at, change.zone)
            dates = [middle + timedelta(days=days) for days in range(-WEEK - 1, 4)]
            seen = {day: 2**turn for turn, day in enumerate(dates)}
            for day, seconds in seen.items():
                write(self.engine, SEEN_BEFORE, people=names, day=day, seconds=seconds)
            for day in (middle + timedelta(days=days) for days in range(-2, WEEK + 3)):
                for name, window, found in rows(self.engine, LIMITS_OF, people=names, day=day):
                    first = day - timedelta(days=window - 1)
                    expected = sum(seconds for when, seconds in seen.items() if first <= when <= day)
                    assert found == expected, (name, day, window)
                    self.covered.windows += 1
            for day in (middle, middle + timedelta(days=1)):
                if day not in self.on:
                    continue
                history = inputs_of(self.engine, day).instance.history
                told = {(row["auditor"], row["work_date"]): row["seconds"] for row in history.to_dicts()}
                for person in sorted({one.name for one, _, _ in self.on[day]} & set(names)):
                    before = {
                        when: seconds for when, seconds in seen.items() if 1 <= (day - when).days < WEEK
                    }
                    assert {when: told[person, when] for when in before} == before
                    assert all(when < day for name, when in told if name == person)

    def work(self, dates: Sequence[date]) -> None:
        """Plan these dates (a plan is verified before it is published), and do everybody's last review."""
        for day in dates:
            planned(self.engine, day, LONG_BEFORE)
            self.covered.plans += 1
            there = {person.name: (shift, last_end) for person, shift, last_end in self.on[day]}
            last_slots = rows(self.engine, LAST_SLOTS, day=day)
            assert last_slots
            for slot, name, begins, ends in last_slots:
                shift, last_end = there[name]
                assert last_end is None or begins.timestamp() >= last_end + REST
                assert shift.start <= begins.timestamp() < ends.timestamp() <= shift.end
                actor = Actor("auditor", name)
                start(self.engine, actor, slot, begins)
                seconds = int((ends - begins).total_seconds())
                complete(self.engine, actor, slot, Seen(seconds), Outcome("agree"), ends)
                posted = rows(
                    self.engine,
                    "select work_date, seconds from ledger where slot = :slot and entry = 'post'",
                    slot=slot,
                )
                assert posted == [(day, seconds)], (name, begins)
                self.covered.reviews += 1
                self.covered.after_midnight += date_there(int(begins.timestamp()), shift.zone) != day

    def dates_of_changes(self) -> list[date]:
        """The dates of the shifts that the clocks are changed in, or next to."""
        return sorted({person.shifts[1].work_date for person in self.everybody()})

    def _faults(self, day: date, as_date: date) -> list[tuple[int | None, str | None]]:
        try:
            self._read(day, as_date)
        except Refused as refused:
            return [(fault.row, fault.field) for fault in refused.faults]
        return []

    def _read(self, day: date, as_date: date) -> Instance:
        """The people of one date from files that say it is another, with times as their clocks show them."""
        there = self.on[day]
        auditors = tuple(
            build.auditor(
                person.name,
                timezone=shift.zone,
                shift_start=shift.start,
                shift_end=shift.end,
                last_end=last_end,
            )
            for person, shift, last_end in there
        )
        items = tuple(
            build.sample(f"{day}-{number}", draw=number + 1) for number in range(ITEMS_EACH * len(there))
        )
        # Something for the end of each shift, which may be on another date by the clock.
        items += tuple(
            build.calibration(f"{day}-{person.name}", only=[person.name], release=shift.end - 2 * QUARTER)
            for person, shift, _ in there
        )
        folder = self.folder / f"{day}-as-{as_date}"
        build.write_day(build.Day(policy(), auditors, items, work_date=as_date), folder)
        lines = []
        for row in auditors:
            shown = {
                name: local(row[name], row["timezone"]).isoformat() for name in ("shift_start", "shift_end")
            }
            ended = {} if row["last_end"] is None else {"last_end": build.instant(row["last_end"])}
            plain = {name: value for name, value in row.items() if name != "last_end"}
            lines.append(json.dumps(plain | shown | ended) + "\n")
        (folder / "auditors.ndjson").write_text("".join(lines), encoding="utf-8")
        return read_instance(folder)


def everything(
    engine: Engine, folder: Path, changes: Sequence[Change], most_plans: int | None = None
) -> Covered:
    """All that is asked here of these changes; plans for at most so many dates."""
    around = Around(engine, folder, changes)
    around.load()
    around.ask_for_today()
    around.sum_windows()
    dates = around.dates_of_changes()
    around.work(dates if most_plans is None else dates[:most_plans])
    return around.covered
