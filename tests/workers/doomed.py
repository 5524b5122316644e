"""A real worker that is stopped, or spoilt, at a point of one's choice: only for tests.

    python -m tests.workers.doomed POINT FD

POINT is one of a planner's (tests/workers/points.py): there it writes a byte to FD and goes no further, to be
killed. Or it is

    spoilt          the first date's solver dies, as of a segmentation fault; the second's raises; and the
                    third date changes while it is planned for the first time
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine

import workers.planning
from allocator.optimise.planner import make_plan
from config.logging import configure
from config.settings import settings
from models.actions.publish_plan import publish_plan
from models.actor import Actor
from tests.workers.dates import SAMPLES, far_apart, load
from tests.workers.points import spoil_planner, stay_and_say
from workers.preload import preload
from workers.worker import work

UNSAYABLE = "three thousand seconds of it"
"""What an error says and nobody may find in a log."""


def die(*_: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def fail(*_: Any) -> Any:
    raise RuntimeError(f"aud-1 saw {UNSAYABLE}")


SPOILT = dict(zip(far_apart(3), (die, fail, make_plan), strict=True))


def make_spoilt(instance: Any, *given: Any) -> Any:
    return SPOILT[instance.work_date](instance, *given)


def change_day(engine: Engine, actor: Actor, claim: Any, inputs: Any, *given: Any) -> Any:
    """Publishing the first time finds that three samples have come meanwhile."""
    if claim.fence == 1:
        load(engine, inputs.instance.work_date, SAMPLES + 3)
    return publish_plan(engine, actor, claim, inputs, *given)


def spoil(point: str, fd: int) -> None:
    if point != "spoilt":
        spoil_planner(point, stay_and_say(fd))
        return
    planning: dict[str, Callable[..., Any]] = vars(workers.planning)
    planning["make_plan"] = make_spoilt
    planning["publish_plan"] = change_day


def main() -> None:
    point, fd = sys.argv[1], int(sys.argv[2])
    configured = settings()
    configure(configured.log_level)
    preload()
    spoil(point, fd)
    work(configured, monitoring=1, grace=0)


if __name__ == "__main__":
    main()
