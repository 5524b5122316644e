"""What workers are put through: a database, a Redis, dates to plan, and trouble."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis import Redis
from sqlalchemy import Engine, text

from allocator.instance import Instance
from config.clock import clock_of
from config.settings import Settings
from models.actions.request_plan import request_plan
from models.actor import SYSTEM
from models.connection import application_engine
from models.doorbell import connect, ring
from tests.workers.dates import far_apart, faults_of, load
from tests.workers.processes import Running, wait_for, worker

now = clock_of(Settings(database_url=None))
QUICK = {"BREAKWATER_LEASE_SECONDS": "1.5", "BREAKWATER_RECONCILE_SECONDS": "0.2"}
"""So that what was lost is found within a second or two instead of a minute."""


@dataclass
class Scene:
    """`tasks` has the tasks that were asked for and the dates as loaded."""

    engine: Engine
    redis: Redis
    environment: dict[str, str]
    folder: Path
    tasks: dict[int, Instance] = field(default_factory=dict)

    def ask(self, count: int = 1) -> list[int]:
        """Further dates, loaded and asked for. Nobody has rung."""
        dates = far_apart(len(self.tasks) + count)[len(self.tasks) :]
        asked = []
        for work_date in dates:
            loaded = load(self.engine, work_date)
            task = request_plan(self.engine, SYSTEM, work_date, now()).task
            self.tasks[task] = loaded
            asked.append(task)
        return asked

    def ring(self, task: int, queue: str = "breakwater") -> None:
        ring(self.redis, queue, "plan", task)

    def column(self, name: str, task: int) -> Any:
        with self.engine.connect() as connection:
            return connection.execute(
                text(f"select {name} from task where id = :task"), {"task": task}
            ).scalar_one()

    def wait_until(self, state: str, task: int) -> None:
        wait_for(lambda: self.column("state", task) == state, f"task {task} is {state}")

    def faults(self, task: int) -> list[str]:
        with self.engine.begin() as connection:
            return faults_of(connection, self.tasks[task])


@contextmanager
def scene(database_url: str, redis_url: str, folder: Path, **settings: str) -> Iterator[Scene]:
    engine = application_engine(database_url)
    environment = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, **QUICK, **settings}
    with connect(redis_url) as redis:
        redis.flushall()
        try:
            yield Scene(engine, redis, environment, folder)
        finally:
            engine.dispose()


POINTS = ("solving", "before-commit", "after-commit")
STAGES = 8
"""Stages in which a planner is killed in turn."""
KINDS = (*POINTS, "emptied")


def trouble(there: Scene, turn: int) -> dict[str, list[str]]:
    """A worker is killed at each of the points, and Redis is emptied while a task waits; then one worker is
    left to put it right. Gives what is wrong afterwards for each kind of trouble: nothing, that is."""
    tasks = dict(zip(KINDS, there.ask(len(KINDS)), strict=True))
    there.ring(tasks["emptied"])
    running: list[Running] = []
    with ExitStack() as doomed:  # which kills them at its end
        for name in POINTS:
            # Each on a queue of its own, and as slow to look round as workers are by default.
            own = {"BREAKWATER_QUEUE": name, "BREAKWATER_RECONCILE_SECONDS": "600"}
            point = f"solving:{turn % STAGES + 1}" if name == "solving" else name
            running.append(doomed.enter_context(worker(there.folder, there.environment | own, point)))
            there.ring(tasks[name], queue=name)
        for one in running:
            one.wait_until_reached()
    there.redis.flushall()
    with worker(there.folder, there.environment) as healthy:
        for task in tasks.values():
            there.wait_until("done", task)
        assert healthy.stop() == 0, healthy.said()
    assert not there.redis.keys("rq:results:*")
    return {kind: there.faults(task) for kind, task in tasks.items()}
