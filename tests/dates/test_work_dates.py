"""Work dates around changes of clocks: a slice of `python -m tests.dates.changes`."""

from __future__ import annotations

import zoneinfo
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from allocator.files.faults import Refused
from allocator.files.instance import read_instance
from allocator.instance import Instance
from allocator.moment import Candidate, Course, Shift, may_start
from allocator.moment.words import clock
from models.actions.skip import skip
from models.actions.start import start
from models.actor import Actor
from tests.conftest import Database
from tests.dates.clocks import HOUR, YEARS, ZONES, changes, local
from tests.dates.days import REST, compare_clocks, everything, policy
from tests.days import build
from tests.days_in_database.steps import engine_of, load, planned, rows


def test_the_clocks_are_those_of_the_package_and_of_the_database(database: Database) -> None:
    """Not of the machine, which may have heard of no change for years."""
    assert zoneinfo.TZPATH == ()
    with engine_of(database) as engine:
        for zone in ZONES:
            assert compare_clocks(engine, zone, YEARS) > 50_000


def test_every_change_is_found() -> None:
    real = [change for change in changes() if change.before != change.after]
    twice_a_year = {"America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns"}
    for zone in twice_a_year:
        assert len([change for change in real if change.zone == zone]) == 12
    assert {change.after - change.before for change in real if change.zone == "Australia/Lord_Howe"} == {
        1800,
        -1800,
    }
    assert {change.zone for change in real} == twice_a_year | {"Africa/Casablanca"}
    assert {change.zone for change in changes()} == set(ZONES)


def test_around_the_changes_of_a_year(database: Database, tmp_path: Path) -> None:
    found = changes(years=[2026])
    with engine_of(database) as engine:
        covered = everything(engine, tmp_path, found, most_plans=2)
    assert covered.changes == len(found)
    assert covered.plans == 2
    assert covered.after_midnight > 0


def test_sixteen_hours_are_real_hours(tmp_path: Path) -> None:
    """However long the clock says that a shift is."""
    for change in changes(years=[2026]):
        for length, is_allowed in ((16 * HOUR, True), (16 * HOUR + 1, False)):
            start_at = change.at - 8 * HOUR
            there = build.auditor(timezone=change.zone, shift_start=start_at, shift_end=start_at + length)
            day = build.Day(policy(), (there,), (), work_date=local(start_at, change.zone).date())
            folder = tmp_path / f"{change.zone.replace('/', '-')}-{change.at}-{length}"
            build.write_day(day, folder)
            if is_allowed:
                shift = read_instance(folder).auditors.row(0, named=True)
                assert shift["shift_end"] - shift["shift_start"] == 16 * HOUR
            else:
                with pytest.raises(Refused):
                    read_instance(folder)


def test_the_rest_between_shifts_is_real_time() -> None:
    """Eleven hours, of which the clock shows ten or twelve; told by the clock, and clearly where it shows a
    time twice."""
    review = Candidate("adult", 0, 600)
    doubled = 0
    for change in changes():
        for before in (10 * HOUR, 5 * HOUR, 1800, REST - 1800, REST):
            last_end = change.at - before
            rested = last_end + REST
            shift = Shift(rested - HOUR, rested + 8 * HOUR, last_end, change.zone)
            course = Course(policy(), shift, ())
            early = may_start(course, review, rested - 1)
            assert (early.allowed, early.earliest) == (False, rested)
            assert early.sentence is not None
            assert clock(rested, change.zone) in early.sentence
            assert may_start(course, review, rested).allowed
            doubled += "(" in early.sentence
    assert doubled >= 24  # half an hour before each change back, and right at it


def test_times_that_the_clock_shows_twice_have_a_name() -> None:
    for change in changes():
        width = abs(change.after - change.before)
        around = range(change.at - 3 * HOUR, change.at + 3 * HOUR, 900)
        told = {at: clock(at, change.zone) for at in around}
        for at, words in told.items():
            is_double = change.is_back and change.at - width <= at < change.at + width
            assert ("(" in words) == is_double, (change, words)
        assert len(set(told.values())) == len(told)
        assert all(first != second for first, second in pairwise(told.values()))


def test_two_shifts_on_one_work_date(database: Database) -> None:
    """Whoever travels west can begin a second shift on the same date. A work date has one: the later one
    counts as long as nothing was begun in the first, and is refused afterwards."""
    in_jakarta, in_new_york = 1_781_478_000, 1_781_580_600  # Monday 06:00, and 23:30 when it is Tuesday there
    monday = local(in_jakarta, "Asia/Jakarta").date()
    assert monday == local(in_new_york, "America/New_York").date()

    def day(zone: str, start_at: int, hours: int = 8) -> Instance:
        there = build.auditor(timezone=zone, shift_start=start_at, shift_end=start_at + hours * HOUR)
        items = tuple(build.sample(f"s{number}", draw=number + 1) for number in range(4))
        return build.instance(build.Day(policy(), (there,), items, work_date=monday))

    ada = Actor("auditor", "ada")
    with engine_of(database) as engine:
        load(engine, day("America/New_York", in_new_york))
        assert load(engine, day("Asia/Jakarta", in_jakarta)).changed_shifts == 1
        assert rows(engine, "select timezone from shift") == [("Asia/Jakarta",)]
        planned(engine, monday)
        slot, begins = rows(
            engine, "select id, planned_start from slot where kind = 'work' order by planned_start"
        )[0]
        start(engine, ada, slot, begins)
        skip(engine, ada, slot, None, begins + timedelta(seconds=60))
        with pytest.raises(Refused) as refused:
            load(engine, day("America/New_York", in_new_york))
        assert [(fault.file, fault.row, fault.field) for fault in refused.value.faults] == [
            ("auditors", 1, "shift_start")
        ]
        assert "one shift" in refused.value.faults[0].message
        assert load(engine, day("Asia/Jakarta", in_jakarta, hours=7)).changed_shifts == 1
        assert rows(engine, "select timezone from shift") == [("Asia/Jakarta",)]
        assert rows(engine, "select work_date, seconds from ledger where entry = 'post'") == [(monday, 60)]
