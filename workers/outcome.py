"""What is logged when a task was given back."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from models.actions.return_task import Returned

log = structlog.get_logger()


def say_returned(returned: Iterable[Returned]) -> None:
    """A parked task is an alert: nothing will happen to it unless somebody looks."""
    for one in returned:
        if one.parked:
            log.error("a task is parked, it failed too often: look into it", task=one.task, kind=one.why)
        else:
            log.info("a task was given back, to be tried again", task=one.task, kind=one.why)
