"""The race: many processes write exposure for few people at once, by every way that the application has.

    python -m tests.guard.race --attempts 50000 --processes 16 --seed 1

Afterwards the raw ledger is replayed in Python. A *breach* is a statement that reserved something and after
which, with what all statements before it had entered, more was in use than a limit allowed at that moment, in
a window that holds the reserved day and whose last day holds exposure. That a limit is lowered later below
what is in use, or that more is seen later, is no breach.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any

import psycopg

from config.embedded import servers
from models.migrate import migrate
from tests.guard import replay
from tests.guard.racer import (
    ACCEPTED,
    DEADLOCK,
    EVERYTHING,
    OLD_SNAPSHOT,
    REFUSED,
    Weights,
    as_application,
    run,
    stand_at_the_start,
)
from tests.guard.world import DATES, build

TABLES = """
    truncate ledger, limit_day, exposure_limit, exposure_use, dose_weight, limit_proposal, slot, item,
             work_day, shift, auditor_guard, auditor, plan, moment_of_entry, change cascade
"""
EXPECTED = {ACCEPTED, REFUSED, OLD_SNAPSHOT, "nothing to do", "BW006", "BW007"}
"""How attempts may end. The last two: a limit was changed by another process meanwhile."""


@dataclass(frozen=True, slots=True)
class Course:
    """What is raced. `weights` is how often each kind of attempt is made."""

    attempts: int
    processes: int
    seed: int
    people: int = 20
    days: int = len(DATES)
    weights: Weights = field(default_factory=lambda: EVERYTHING)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`outcomes` counts attempts by how they ended: accepted, or an SQLSTATE."""

    outcomes: Counter[str]
    seconds: float
    changes: Counter[str]
    breaches: list[replay.Breach]
    wrong_sums: dict[Any, Any]

    @property
    def attempts(self) -> int:
        return self.outcomes.total()

    @property
    def deadlocks(self) -> int:
        return self.outcomes[DEADLOCK]

    @property
    def unexpected(self) -> dict[str, int]:
        return {end: number for end, number in self.outcomes.items() if end not in EXPECTED}

    @property
    def sound(self) -> bool:
        return not (self.breaches or self.wrong_sums or self.unexpected)


def number_statements(owner_url: str) -> None:
    """Have every statement numbered while it holds its locks."""
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute(replay.NUMBERING)


def race(url: str, owner_url: str, course: Course) -> Outcome:
    """Race once, in a world that is made for it; the database's tables lose what they held."""
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute(TABLES)
    with as_application(url) as connection:
        places = build(connection, course.people, course.days)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", "tests.guard.racer"])
    barrier = context.Barrier(course.processes)
    each, more = divmod(course.attempts, course.processes)
    with ProcessPoolExecutor(course.processes, context, stand_at_the_start, (barrier,)) as pool:
        running = [
            pool.submit(run, url, f"{course.seed}-{i}", each + (i < more), places, course.weights)
            for i in range(course.processes)
        ]
        ended = [one.result() for one in running]
    outcomes = sum((counted for counted, _ in ended), Counter[str]())
    with psycopg.connect(owner_url, autocommit=True) as owner:
        return Outcome(
            outcomes,
            max(seconds for _, seconds in ended),
            replay.changes(owner),
            replay.breaches(owner),
            replay.wrong_sums(owner),
        )


def report(outcome: Outcome) -> dict[str, Any]:
    named = (ACCEPTED, REFUSED, OLD_SNAPSHOT)
    return {
        "attempts": outcome.attempts,
        "accepted": outcome.outcomes[ACCEPTED],
        "refused": outcome.outcomes[REFUSED],
        "refused_isolation": outcome.outcomes[OLD_SNAPSHOT],
        "other": {end: n for end, n in outcome.outcomes.items() if end not in named},
        "changes": dict(outcome.changes),
        "seconds": round(outcome.seconds, 1),
        "per_second": round(outcome.attempts / outcome.seconds),
        "breaches": len(outcome.breaches),
        "deadlocks": outcome.deadlocks,
        "wrong_sums": len(outcome.wrong_sums),
    }


def main() -> int:
    """Exit code 0: nothing was passed, nothing locked each other out, the sums are the ledger's."""
    parser = argparse.ArgumentParser(description="Race for exposure, and replay the ledger.")
    parser.add_argument("--attempts", type=int, default=50_000)
    parser.add_argument("--processes", type=int, default=16)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", help="an empty database's URL, as its owner; else servers of its own")
    given = parser.parse_args()
    with ExitStack() as running:
        if given.database is None:
            own = running.enter_context(servers())
            url, owner_url = own.database_url, own.owner_database_url
        else:
            url = owner_url = given.database
            with psycopg.connect(url) as connection:
                if connection.execute("select to_regclass('public.auditor')").fetchone() != (None,):
                    parser.error("the database is not empty; what it holds would be lost")
        migrate(owner_url)
        number_statements(owner_url)
        outcome = race(url, owner_url, Course(given.attempts, given.processes, given.seed, given.people))
    for breach in outcome.breaches[:10]:
        print(asdict(breach), file=sys.stderr)
    print(json.dumps(report(outcome)))
    return 0 if outcome.sound else 1


if __name__ == "__main__":
    sys.exit(main())
