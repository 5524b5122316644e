"""The race of a live day: many processes work, escalate, place, plan and change limits on the same people.

    python -m tests.live_race.race --operations 50000 --processes 16 --seed 1

While they race, somebody asks PostgreSQL again and again, each time in one snapshot, for anything that may
never be (`invariants.py`); at the end the raw ledger is replayed in Python, statement by statement
(`tests.guard.replay`): a *breach* is a reservation after which more was in use than a limit allowed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from random import Random
from typing import Any

import psycopg

from config.embedded import servers
from models.actions.carry_over import carry_over
from models.actions.load_day import load_day
from models.actor import SYSTEM
from models.connection import application_engine
from models.migrate import migrate
from tests.days_in_database.steps import LONG_AGO, planned
from tests.guard import replay
from tests.guard.race import number_statements
from tests.live_race.invariants import AT_REST, NEVER, faults
from tests.live_race.racer import DEADLOCK, Clock, Course, run, stand_at_the_start
from tests.live_race.world import HOURS, live_days, people

LASTS = HOURS * 3600 * 9 // 10
"""Seconds of the day that are lived, at most."""
LONGEST_STEP = 4.0
"""Seconds between two operations, at most: a short race lives a part of the day, and not a thin one."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`ends` counts operations by kind and by how they ended."""

    ends: Counter[tuple[str, str]]
    seconds: dict[str, list[float]]
    took: float
    looked: int
    faults: list[str]
    breaches: list[replay.Breach]
    wrong_sums: dict[Any, Any]
    troubles: list[str]

    @property
    def deadlocks(self) -> int:
        return sum(number for (_, end), number in self.ends.items() if end == f"error: {DEADLOCK}")

    @property
    def errors(self) -> int:
        return sum(number for (_, end), number in self.ends.items() if end.startswith("error"))

    @property
    def sound(self) -> bool:
        wrong = self.faults or self.breaches or self.wrong_sums or self.errors
        return self.looked > 0 and not wrong


class Watcher(threading.Thread):
    """Asks for anything that may never be, until it is told to stop. What it finds first it keeps. Whatever
    stops it before is raised by `end`."""

    def __init__(self, url: str, every: float) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.every = every
        self.over = threading.Event()
        self.looked = 0
        self.found: list[str] = []
        self.failed: Exception | None = None

    def run(self) -> None:
        try:
            self.watch()
        except Exception as error:
            self.failed = error

    def watch(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            while True:
                last = self.over.wait(self.every)
                for fault in faults(connection):
                    if fault not in self.found and len(self.found) < 20:
                        self.found.append(fault)
                self.looked += 1
                if last:
                    return

    def end(self) -> None:
        """Have it look once more, and wait for that."""
        self.over.set()
        self.join()
        if self.failed is not None:
            raise self.failed


def race(
    url: str,
    owner_url: str,
    operations: int,
    processes: int,
    seed: int,
    persons: int = 20,
    items: int = 1200,
    every: float = 5.0,
    turmoil: int = 1,
) -> Outcome:
    """Race once in a migrated database without rows, and look at it `every` so many seconds.
    With `turmoil` so many times as often something changes the day (`racer.TURMOIL`)."""
    number_statements(owner_url)
    names = people(persons)
    engine = application_engine(url)
    for day in live_days(Random(seed), names, items):
        load_day(engine, SYSTEM, day, LONG_AGO)
        planned(engine, day.work_date)
    engine.dispose()
    step = min(LONGEST_STEP, LASTS / operations)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", "tests.live_race.racer"])
    barrier, counter = context.Barrier(processes + 1), context.Value("q", 0)
    company = context.Value("q", 0)
    each, more = divmod(operations, processes)
    watcher = Watcher(owner_url, every)
    with ProcessPoolExecutor(processes, context, stand_at_the_start, (barrier, counter, company)) as pool:
        running = [
            pool.submit(run, url, f"{seed}-{i}", each + (i < more), names, step, turmoil)
            for i in range(processes)
        ]
        barrier.wait(120)
        began = time.perf_counter()
        watcher.start()
        try:
            courses: list[Course] = [one.result() for one in running]
            took = time.perf_counter() - began
        finally:
            watcher.end()
    engine = application_engine(url)
    carry_over(engine, SYSTEM, Clock(counter, step)())
    engine.dispose()
    seconds: dict[str, list[float]] = defaultdict(list)
    for course in courses:
        for kind, times in course.seconds.items():
            seconds[kind] += times
    with psycopg.connect(owner_url, autocommit=True) as owner:
        watcher.found += faults(owner, NEVER | AT_REST)
        return Outcome(
            sum((course.ends for course in courses), Counter[tuple[str, str]]()),
            dict(seconds),
            took,
            watcher.looked,
            watcher.found,
            replay.breaches(owner),
            replay.wrong_sums(owner),
            [trouble for course in courses for trouble in course.troubles],
        )


def at(times: list[float], share: float) -> float:
    """Milliseconds at that share of the sorted times."""
    ordered = sorted(times)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 1)


def table(outcome: Outcome) -> list[str]:
    """A line for each kind of operation: how often, how many a second, how long, and how it ended."""
    lines = [f"{'':14}{'times':>7}{'a second':>10}{'p50 ms':>9}{'p99 ms':>9}  ended"]
    for kind, times in sorted(outcome.seconds.items(), key=lambda one: -len(one[1])):
        ends = sorted(
            ((number, end) for (of, end), number in outcome.ends.items() if of == kind), reverse=True
        )
        ended = ", ".join(f"{end} {number}" for number, end in ends)
        rate = len(times) / outcome.took
        lines.append(f"{kind:14}{len(times):>7}{rate:>10.1f}{at(times, 0.5):>9}{at(times, 0.99):>9}  {ended}")
    return lines


def main() -> int:
    """Exit code 0: nothing was passed, doubled or lost, and nothing ended in an error."""
    parser = argparse.ArgumentParser(description="Race on the same people's live day.")
    parser.add_argument("--operations", type=int, default=50_000)
    parser.add_argument("--processes", type=int, default=16)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--turmoil", type=int, default=1, help="so many times as much changes the day: finds deadlocks soon"
    )
    given = parser.parse_args()
    with ExitStack() as running:
        own = running.enter_context(servers())
        migrate(own.owner_database_url)
        outcome = race(
            own.database_url,
            own.owner_database_url,
            given.operations,
            given.processes,
            given.seed,
            given.people,
            turmoil=given.turmoil,
        )
    for line in table(outcome):
        print(line)
    for fault in [*outcome.faults, *map(str, outcome.breaches[:10]), *outcome.troubles[:10]]:
        print(fault, file=sys.stderr)
    said = {
        "operations": sum(outcome.ends.values()),
        "seconds": round(outcome.took, 1),
        "per_second": round(sum(outcome.ends.values()) / outcome.took),
        "snapshots": outcome.looked,
        "faults": len(outcome.faults),
        "breaches": len(outcome.breaches),
        "wrong_sums": len(outcome.wrong_sums),
        "deadlocks": outcome.deadlocks,
        "errors": outcome.errors,
    }
    print(json.dumps(said))
    return 0 if outcome.sound else 1


if __name__ == "__main__":
    sys.exit(main())
