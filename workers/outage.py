"""What the work cannot do without and that is away: said once when it is lost and once when it is back."""

from __future__ import annotations

import structlog

from config.settings import Settings
from models.with_database import database_fault
from workers.stopping import Stopping

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 10.0
"""Seconds between tries."""

log = structlog.get_logger()


class Outage:
    """Of one thing that is needed. `failures` is how often it was missed in a row."""

    def __init__(self) -> None:
        self.failures = 0
        self.said: tuple[str, type[BaseException] | None] | None = None

    def goes_on(self, why: str, error: BaseException | None = None) -> None:
        """It was missed again. Another reason than last time is worth another line."""
        self.failures += 1
        reason = (why, None if error is None else type(error))
        if reason != self.said:
            self.said = reason
            log.warning("kept from working; tried again until it is over", kind=why, exc_info=error)

    def is_over(self) -> None:
        if self.said is not None:
            log.info("not kept from working any more", kind=self.said[0], count=self.failures)
        self.failures = 0
        self.said = None

    @property
    def pause(self) -> float:
        """Seconds until the next try; longer and longer."""
        return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(max(0, self.failures - 1), 10))


def wait_for_database(configured: Settings, stopping: Stopping) -> None:
    """Until the database can be used, or this is to stop. Leaves no connection open."""
    outage = Outage()
    while not stopping.asked:
        fault = database_fault(configured.need("database_url"))
        if fault is None:
            outage.is_over()
            return
        outage.goes_on(fault)
        stopping.sleep(outage.pause)


def database_lost(outage: Outage, configured: Settings, error: Exception) -> None:
    """After an error of the database: say why, unless that has been said. An error of a database that is
    well is not an outage, and always said."""
    fault = database_fault(configured.need("database_url"))
    if fault is not None:
        outage.goes_on(fault, error)
        return
    outage.failures += 1
    log.error("the database could not do its part; tried again", count=outage.failures, exc_info=error)
