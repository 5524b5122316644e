"""The time, asked for once at the outermost shell and handed in from there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from config.settings import Settings

Clock = Callable[[], datetime]


def clock_of(settings: Settings) -> Clock:
    """A clock in UTC that runs `settings.clock_ahead` seconds ahead of the machine's.

    The demo lives through a Monday at any hour of any day; everybody else leaves the setting alone.
    """
    ahead = timedelta(seconds=settings.clock_ahead)
    return lambda: datetime.now(UTC) + ahead
