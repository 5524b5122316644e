"""A real worker that is stopped, or spoilt, at a point of one's choice: only for tests.

    python -m tests.workers.doomed POINT FD

The functions that the worker calls are wrapped here, so that nothing in the program knows of it. Where the
worker reaches the point it writes a byte to FD and goes no further, to be killed there.

    solving:N       the planner begins its Nth stage
    before-commit   all of the plan is written, COMMIT comes next
    after-commit    the plan is published, nothing else is done
    spoilt          the first date's solver dies, as of a segmentation fault; the second's raises; and the
                    third date changes while it is planned for the first time
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, event

import workers.planning
from allocator.optimise.planner import make_plan
from config.logging import configure
from config.settings import settings
from models.actions.publish_plan import publish_plan
from models.actor import Actor
from tests.workers.dates import SAMPLES, far_apart, load
from workers.preload import preload
from workers.worker import work


def stay(fd: int) -> None:
    os.write(fd, b".")
    while True:
        signal.pause()


def stop_in_stage(number: int, fd: int) -> Callable[..., Any]:
    def made(instance: Any, previous: Any, clock: Any, progress: Callable[[str], None]) -> Any:
        begun = 0

        def counted(stage: str) -> None:
            nonlocal begun
            progress(stage)
            begun += 1
            if begun == number:
                stay(fd)

        return make_plan(instance, previous, clock, counted)

    return made


def stop_before_commit(fd: int) -> Callable[..., Any]:
    def published(*given: Any) -> Any:
        def committing(connection: Connection) -> None:  # noqa: ARG001
            stay(fd)

        event.listen(Engine, "commit", committing)
        return publish_plan(*given)

    return published


def stop_after_commit(fd: int) -> Callable[..., Any]:
    def published(*given: Any) -> None:
        publish_plan(*given)
        stay(fd)

    return published


def die(*_: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def fail(*_: Any) -> Any:
    raise RuntimeError("aud-1 saw 4711 seconds of it")  # which nobody may find in a log


SPOILT = dict(zip(far_apart(3), (die, fail, make_plan), strict=True))


def make_spoilt(instance: Any, *given: Any) -> Any:
    return SPOILT[instance.work_date](instance, *given)


def change_day(engine: Engine, actor: Actor, claim: Any, inputs: Any, *given: Any) -> Any:
    """Publishing the first time finds that three samples have come meanwhile."""
    if claim.fence == 1:
        load(engine, inputs.instance.work_date, SAMPLES + 3)
    return publish_plan(engine, actor, claim, inputs, *given)


def spoil(point: str, fd: int) -> None:
    name, _, number = point.partition(":")
    spoiled: dict[str, Callable[..., Any]] = vars(workers.planning)
    if name == "solving":
        spoiled["make_plan"] = stop_in_stage(int(number), fd)
    elif name == "before-commit":
        spoiled["publish_plan"] = stop_before_commit(fd)
    elif name == "after-commit":
        spoiled["publish_plan"] = stop_after_commit(fd)
    elif name == "spoilt":
        spoiled["make_plan"] = make_spoilt
        spoiled["publish_plan"] = change_day
    else:
        raise SystemExit(f"there is no point {point}")


def main() -> None:
    point, fd = sys.argv[1], int(sys.argv[2])
    configured = settings()
    configure(configured.log_level)
    preload()
    spoil(point, fd)
    work(configured, monitoring=1, grace=0)


if __name__ == "__main__":
    main()
