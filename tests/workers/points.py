"""Points at which a real process of ours is made to stop, to be killed there: only for tests.

Functions that the program calls are wrapped here, so that nothing in it knows of this. A process that reaches
its point writes a byte to a file and goes no further.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, Engine, event, text

WROTE = text("select pg_current_xact_id_if_assigned() is not null")

Stay = Callable[[], None]


def stay_and_say(fd: int) -> Stay:
    def stay() -> None:
        os.write(fd, b".")
        while True:
            signal.pause()

    return stay


def after(function: Callable[..., Any], stay: Stay) -> Callable[..., Any]:
    def wrapped(*given: Any, **named: Any) -> Any:
        done = function(*given, **named)
        if done is not None:  # a claim that was not to be had is no point
            stay()
        return done

    return wrapped


def before(stay: Stay) -> Callable[..., Any]:
    def wrapped(*_: Any, **__: Any) -> None:
        stay()

    return wrapped


def at_the_commit(function: Callable[..., Any], stay: Stay) -> Callable[..., Any]:
    """All is written, COMMIT comes next. Transactions that have only read are let through."""

    def wrapped(*given: Any, **named: Any) -> Any:
        def committing(connection: Connection) -> None:
            if connection.execute(WROTE).scalar_one():
                stay()

        event.listen(Engine, "commit", committing)
        return function(*given, **named)

    return wrapped


def in_stage(function: Callable[..., Any], number: int, stay: Stay) -> Callable[..., Any]:
    """The planner begins its Nth stage; if it has fewer, it has just ended."""

    def wrapped(instance: Any, previous: Any, clock: Any, progress: Callable[[str], None]) -> Any:
        begun = 0

        def counted(stage: str) -> None:
            nonlocal begun
            progress(stage)
            begun += 1
            if begun == number:
                stay()

        made = function(instance, previous, clock, counted)
        stay()
        return made

    return wrapped


def spoil_planner(point: str, stay: Stay) -> None:
    import workers.jobs
    import workers.planning

    jobs: dict[str, Any] = vars(workers.jobs)
    planning: dict[str, Any] = vars(workers.planning)
    name, _, number = point.partition(":")
    if name == "claimed":
        jobs["claim_task"] = after(jobs["claim_task"], stay)
    elif name == "read":
        planning["read"] = after(planning["read"], stay)
    elif name == "solving":
        planning["make_plan"] = in_stage(planning["make_plan"], int(number), stay)
    elif name == "before-commit":
        planning["publish_plan"] = at_the_commit(planning["publish_plan"], stay)
    elif name == "after-commit":
        planning["publish_plan"] = after(planning["publish_plan"], stay)
    else:
        raise ValueError(point)


def spoil_placer(point: str, stay: Stay) -> None:
    import models.actions.place_escalation
    import workers.jobs
    import workers.placing

    jobs: dict[str, Any] = vars(workers.jobs)
    placing: dict[str, Any] = vars(workers.placing)
    inside: dict[str, Any] = vars(models.actions.place_escalation)
    if point == "claimed":
        jobs["claim_task"] = after(jobs["claim_task"], stay)
    elif point == "deciding":
        inside["find_places"] = after(inside["find_places"], stay)
    elif point == "before-commit":
        placing["place_escalation"] = at_the_commit(placing["place_escalation"], stay)
    elif point == "after-commit":
        placing["place_escalation"] = after(placing["place_escalation"], stay)
    else:
        raise ValueError(point)


def spoil_server(point: str, stay: Stay) -> None:
    import api.routes.escalations
    from models.doorbell import Bell

    if point == "before-commit":
        routes: dict[str, Any] = vars(api.routes.escalations)
        routes["escalate"] = at_the_commit(routes["escalate"], stay)
    elif point == "before-ring":
        patch.object(Bell, "ring_for", before(stay)).start()
    else:
        raise ValueError(point)


def spoil_clock(point: str, stay: Stay) -> None:
    import workers.clock
    from models.doorbell import Bell

    if point == "before-commit":
        clock: dict[str, Any] = vars(workers.clock)
        clock["request_plan"] = at_the_commit(clock["request_plan"], stay)
    elif point == "before-ring":
        patch.object(Bell, "ring_for", before(stay)).start()
    else:
        raise ValueError(point)


def spoil_client(point: str, stay: Stay) -> None:
    import models.actions.beat
    import models.actions.start

    if point == "before-commit":
        acts: dict[str, Any] = vars(models.actions.beat)
        acts["beat"] = at_the_commit(acts["beat"], stay)
    elif point != "leased":
        raise ValueError(point)
