"""One process of a race: random writes with the application's rights, and what became of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random
from threading import BrokenBarrierError
from typing import Any

import psycopg
from psycopg import IsolationLevel

from allocator.rules.policy import Limit
from tests.guard.world import (
    DATES,
    LATER_LIMITS,
    MARKETS,
    NOW,
    TEAMS,
    Entry,
    Place,
    copy_in,
    enter,
    put_in_force,
    some_reserve,
)

ACCEPTED = "accepted"
NOTHING = "nothing to do"
REFUSED = "BW001"
OLD_SNAPSHOT = "BW002"
DEADLOCK = "40P01"
CONNECT_WITHIN = 60.0
"""Seconds until all processes have to be ready."""

Weights = Mapping[str, int]
EVERYTHING: Weights = {
    "one": 30, "several": 14, "copy": 4, "together": 14, "nested": 4, "give_back": 20, "truth": 3,
    "old_snapshot": 6, "limit": 1, "person": 1,
}  # fmt: skip
"""How often each kind of attempt is made; names of methods of Racer."""

SHIFT = """
    insert into shift (auditor, work_date, team, home_market, timezone, languages, markets, clearances,
                       opt_outs, max_severity, exposure_percent, shift_start, shift_end)
    values (%(auditor)s, %(day)s, %(team)s, %(market)s, 'Asia/Jakarta', '{id}', '{ID}', '{}', '{}', 4,
            %(percent)s, %(day)s::date, %(day)s::date + interval '8 hours')
    on conflict (work_date, auditor) do update
        set team = excluded.team, home_market = excluded.home_market,
            exposure_percent = excluded.exposure_percent
"""
PERSON = """
    update auditor set team = %(team)s, home_market = %(market)s, exposure_percent = %(percent)s
    where id = %(auditor)s
"""
PROPOSE = """
    insert into limit_proposal (limit_key, amount, reason, proposed_by, proposed_at)
    values (%s, %s, 'race', 'lead:one', %s) on conflict do nothing returning id
"""
WITHDRAW = "update limit_proposal set state = 'withdrawn', decided_by = 'lead:one' where id = %s"


def as_application(url: str) -> psycopg.Connection:
    """A connection with the application's rights, even where the URL is the owner's."""
    return psycopg.connect(url, autocommit=True, options="-c role=breakwater_app -c timezone=UTC")


class Racer:
    """Makes attempts. `mine` is what this racer has reserved and may give back."""

    def __init__(self, connection: psycopg.Connection, random: Random, places: Sequence[Place]) -> None:
        self.connection = connection
        self.random = random
        self.places = places
        self.started = [place for place in places if place.started]
        self.people = sorted({place.auditor for place in places})
        self.mine: list[Entry] = []

    def run(self, attempts: int, weights: Weights) -> Counter[str]:
        kinds: list[Callable[[], str]] = [getattr(self, name) for name in weights]
        outcomes: Counter[str] = Counter()
        for _ in range(attempts):
            kind = self.random.choices(kinds, list(weights.values()))[0]
            try:
                outcome = kind()
            except psycopg.Error as error:
                outcome = error.sqlstate or type(error).__name__
            outcomes[outcome] += 1
        return outcomes

    def reserves(self, least: int, most: int) -> list[Entry]:
        """For several people and dates, in no order."""
        number = self.random.randint(least, most)
        return [some_reserve(self.random, self.random.choice(self.places)) for _ in range(number)]

    def back(self) -> Entry:
        """What gives back one of mine, which is then no longer mine."""
        place = self.random.randrange(len(self.mine))
        self.mine[place], self.mine[-1] = self.mine[-1], self.mine[place]
        one = self.mine.pop()
        return replace(one, entry="release")

    def one(self) -> str:
        """A single row, without any lock taken before."""
        entries = self.reserves(1, 1)
        enter(self.connection, *entries)
        self.mine += entries
        return ACCEPTED

    def several(self) -> str:
        """Several people in one statement, unsorted, without any lock taken before."""
        entries = self.reserves(2, 4)
        enter(self.connection, *entries)
        self.mine += entries
        return ACCEPTED

    def copy(self) -> str:
        entries = self.reserves(2, 4)
        copy_in(self.connection, entries)
        self.mine += entries
        return ACCEPTED

    def give_back(self) -> str:
        if not self.mine:
            return NOTHING
        enter(self.connection, self.back())
        return ACCEPTED

    def together(self) -> str:
        """Several statements in a transaction: everybody's guard first, then giving back and reserving."""
        entries = self.reserves(2, 3)
        backs = [self.back() for _ in range(self.random.randint(0, 2)) if self.mine]
        try:
            with self.connection.transaction():
                people = [entry.auditor for entry in (*backs, *entries)]
                self.connection.execute("select lock_guards(%s)", [people])
                for entry in (*backs, *entries):
                    enter(self.connection, entry)
        except psycopg.Error:
            self.mine += [replace(back, entry="reserve") for back in backs]
            raise
        self.mine += entries
        return ACCEPTED

    def nested(self) -> str:
        """Savepoints: what was refused is rolled back alone, and something else is tried."""
        entries = self.reserves(2, 4)
        accepted = []
        with self.connection.transaction():
            self.connection.execute("select lock_guards(%s)", [[entry.auditor for entry in entries]])
            for entry in entries:
                try:
                    with self.connection.transaction():
                        enter(self.connection, entry)
                except psycopg.Error as error:
                    if error.sqlstate != REFUSED:
                        raise
                else:
                    accepted.append(entry)
        self.mine += accepted
        return ACCEPTED if accepted else REFUSED

    def truth(self) -> str:
        """What was seen, which is never refused: reserving for it in the same statement may be."""
        place = self.random.choice(self.started)
        reserve = some_reserve(self.random, place)
        kind = self.random.choice(("post", "incident", "history"))
        seen = Entry(
            place.auditor, place.work_date, kind, reserve.category, reserve.severity, reserve.modality,
            self.random.randint(0, 3), 0, None if kind == "history" else place.slot,
        )  # fmt: skip
        enter(self.connection, seen)
        return ACCEPTED

    def old_snapshot(self) -> str:
        """Under an isolation that does not see what was committed meanwhile."""
        entries = self.reserves(1, 2)
        self.connection.set_isolation_level(
            self.random.choice((IsolationLevel.REPEATABLE_READ, IsolationLevel.SERIALIZABLE))
        )
        try:
            with self.connection.transaction():
                self.connection.execute("select count(*) from limit_day")
                enter(self.connection, *entries)
        finally:
            self.connection.set_isolation_level(None)
        self.mine += entries
        return ACCEPTED

    def limit(self) -> str:
        """Lower a limit; raise it, which takes a proposal and another person; or put a new one in force."""
        known = self.connection.execute("select key, amount, ceiling from exposure_limit").fetchall()
        key, amount, ceiling = self.random.choice(sorted(known))
        later = [limit for limit in LATER_LIMITS if limit.key not in {row[0] for row in known}]
        if later and self.random.random() < 0.1:
            return self.new_limit(self.random.choice(later))
        if amount == ceiling or (amount > ceiling // 4 and self.random.random() < 0.5):
            lower = amount * self.random.randint(5, 9) // 10
            self.connection.execute("select lower_limit(%s, %s)", [key, lower])
            return ACCEPTED
        proposed = self.connection.execute(PROPOSE, [key, self.random.randint(amount + 1, ceiling), NOW])
        if (row := proposed.fetchone()) is None:
            return NOTHING
        try:
            self.connection.execute("select approve_raise(%s, 'wellbeing:two', %s)", [row[0], NOW])
        except psycopg.Error:
            self.connection.execute(WITHDRAW, [row[0]])
            raise
        return ACCEPTED

    def new_limit(self, limit: Limit) -> str:
        with self.connection.transaction():
            self.connection.execute("select lock_limits()")
            there = self.connection.execute("select from exposure_limit where key = %s", [limit.key])
            if there.fetchone() is not None:
                return NOTHING
            put_in_force(self.connection, limit)
        return ACCEPTED

    def person(self) -> str:
        """Somebody changes team, market or percentage, for good or for one date."""
        auditor = self.random.choice(self.people)
        given = {
            "auditor": auditor,
            "day": self.random.choice(DATES),
            "team": self.random.choice(TEAMS),
            "market": self.random.choice(MARKETS),
            "percent": self.random.randint(60, 100),
        }
        with self.connection.transaction():
            self.connection.execute("select lock_guards(%s)", [[auditor]])
            self.connection.execute(self.random.choice((SHIFT, PERSON)), given)
        return ACCEPTED


start: Any = None
"""In a racing process: the barrier at which all wait for each other."""


def stand_at_the_start(barrier: Any) -> None:
    global start
    start = barrier


def run(
    url: str, seed: str, attempts: int, places: list[Place], weights: Weights
) -> tuple[Counter[str], float]:
    """In a process of its own. Returns how the attempts ended and how long they took."""
    with as_application(url) as connection:
        racer = Racer(connection, Random(seed), places)
        try:
            start.wait(CONNECT_WITHIN)
        except BrokenBarrierError:
            raise RuntimeError("not all racing processes could be started") from None
        began = time.perf_counter()
        return racer.run(attempts, weights), time.perf_counter() - began
