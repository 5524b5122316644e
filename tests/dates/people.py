"""Who works around a change of clocks: shifts that end, begin or are under way when it comes, many over
midnight, and people who move between zones from one shift to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.dates.clocks import HOUR, Change, date_there

QUARTER = 900
ABOUT = (
    (-16 * HOUR, 16 * HOUR),
    (-16 * HOUR + QUARTER, 16 * HOUR),
    (-10 * HOUR, 16 * HOUR),
    (-4 * HOUR, 8 * HOUR),
    (-QUARTER, 4 * HOUR),
    (0, 16 * HOUR),
    (QUARTER, 8 * HOUR),
)
"""Where a shift begins from the change, and how long it lasts."""
MOVES = (
    ("Asia/Jakarta", None, "America/New_York"),
    ("America/New_York", None, "Australia/Lord_Howe"),
    (None, "Asia/Jakarta", None),
    ("Europe/Berlin", None, "America/St_Johns"),
)
"""Zones of three shifts of one person; None: where the clocks are changed."""


@dataclass(frozen=True, slots=True)
class OneShift:
    """From `start` to `end`, in seconds since 1970, where `zone` is; `work_date` as the rule book has it."""

    zone: str
    start: int
    end: int

    @property
    def work_date(self) -> date:
        return date_there(self.start, self.zone)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with shifts in order of time, none of them on the same work date as another."""

    name: str
    shifts: tuple[OneShift, ...]

    def today(self, instant: int) -> date:
        """The work date of the shift that runs or comes next; after all, the date where they live by then."""
        for shift in self.shifts:
            if shift.end > instant:
                return shift.work_date
        return date_there(instant, self.shifts[-1].zone)


def people_about(change: Change, number: int) -> list[Person]:
    """People with a shift about the change and one on the date before and after."""
    found = [
        Person(f"c{number}-{turn}", _three(change.zone, change.at + start, length))
        for turn, (start, length) in enumerate(ABOUT)
    ]
    evening = datetime.combine(
        date_there(change.at, change.zone) - timedelta(days=1), datetime.min.time(), ZoneInfo(change.zone)
    ).replace(hour=22)
    morning = (evening + timedelta(days=1)).replace(hour=6)  # by the clock: eight hours more or less
    begin, end = int(evening.timestamp()), int(morning.timestamp())
    found.append(Person(f"c{number}-night", _three(change.zone, begin, end - begin)))
    for turn, zones in enumerate(MOVES):
        shifts = _moving([zone or change.zone for zone in zones], change.at)
        found.append(Person(f"c{number}-moves-{turn}", shifts))
    return found


def _three(zone: str, start: int, length: int) -> tuple[OneShift, ...]:
    """The shift, and one that begins at the same time by the clock on the date before and after."""
    there = datetime.fromtimestamp(start, ZoneInfo(zone))
    begins = [int((there + timedelta(days=days)).timestamp()) for days in (-1, 0, 1)]
    begins[1] = start
    ends = [min(begins[0] + 8 * HOUR, start - HOUR), start + length, begins[2] + 8 * HOUR]
    begins[2] = max(begins[2], ends[1] + HOUR)
    shifts = tuple(
        OneShift(zone, begin, max(end, begin + QUARTER)) for begin, end in zip(begins, ends, strict=True)
    )
    assert len({shift.work_date for shift in shifts}) == 3
    return shifts


def _moving(zones: Sequence[str], change: int) -> tuple[OneShift, ...]:
    """Eight hours in each zone, the second over the change; whoever comes to an earlier date waits for the
    next one."""
    found: list[OneShift] = []
    for zone, start in zip(zones, (change - 34 * HOUR, change - 3 * HOUR, change + 26 * HOUR), strict=True):
        begin = start
        while found and date_there(begin, zone) <= found[-1].work_date:
            begin += QUARTER
        found.append(OneShift(zone, begin, begin + 8 * HOUR))
    return tuple(found)
