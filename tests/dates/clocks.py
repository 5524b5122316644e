"""When the clocks of a place are changed, found by asking them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

ZONES = (
    "Asia/Jakarta",
    "America/New_York",
    "Europe/Berlin",
    "Africa/Casablanca",
    "Australia/Lord_Howe",
    "America/St_Johns",
)
YEARS = range(2025, 2031)
HOUR = 3600


@dataclass(frozen=True, slots=True)
class Change:
    """At `at` (seconds since 1970) the offset from UTC changes from `before` to `after` seconds. Where clocks
    are never changed, the two are the same, and `at` is a midnight in March."""

    zone: str
    at: int
    before: int
    after: int

    @property
    def is_back(self) -> bool:
        """Whether the same times are shown twice."""
        return self.after < self.before


def changes(zones: Iterable[str] = ZONES, years: Iterable[int] = YEARS) -> list[Change]:
    """All of them, in order of time; of a zone without any, one moment a year."""
    found: list[Change] = []
    for zone in zones:
        for year in years:
            of_year = list(_changes(zone, year))
            found += of_year or [_none(zone, year)]
    return sorted(found, key=lambda change: (change.at, change.zone))


def _changes(zone: str, year: int) -> Iterator[Change]:
    first, last = (int(datetime(y, 1, 1, tzinfo=UTC).timestamp()) for y in (year, year + 1))
    for day in range(first, last, 24 * HOUR):  # twice within a day they are changed nowhere
        low, high = day, day + 24 * HOUR
        if offset(low, zone) == offset(high, zone):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle, zone) == offset(low, zone) else (low, middle)
        yield Change(zone, high, offset(low, zone), offset(high, zone))


def _none(zone: str, year: int) -> Change:
    midnight = int(datetime(year, 3, 29, tzinfo=ZoneInfo(zone)).timestamp())
    return Change(zone, midnight, offset(midnight, zone), offset(midnight, zone))


def offset(instant: int, zone: str) -> int:
    """Seconds that the clocks there are ahead of UTC."""
    ahead = local(instant, zone).utcoffset()
    assert ahead is not None
    return int(ahead.total_seconds())


def local(instant: int, zone: str) -> datetime:
    return datetime.fromtimestamp(instant, UTC).astimezone(ZoneInfo(zone))


def date_there(instant: int, zone: str) -> date:
    return local(instant, zone).date()
