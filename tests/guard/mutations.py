"""The guard with one part taken out: each must be caught by the race, or the race proves nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from tests.guard.race import Course, Outcome


@dataclass(frozen=True, slots=True)
class Mutation:
    """In `function`, `text` is replaced; without a function, `text` is a statement.

    `course` is where this is likely to show; `caught` says whether it did.
    """

    name: str
    function: str | None
    text: str
    instead: str
    course: Course
    caught: Callable[[Outcome], bool]


def passes_limits(outcome: Outcome) -> bool:
    return bool(outcome.breaches or outcome.wrong_sums)


def deadlocks(outcome: Outcome) -> bool:
    return outcome.deadlocks > 0


MUTATIONS = (
    Mutation(
        "the guard",
        None,
        "drop trigger guard on ledger",
        "",
        Course(100, 4, 1, people=4),
        passes_limits,
    ),
    Mutation(
        "the order of the guards",
        "lock_guards(text[])",
        "order by auditor for no key update",
        "order by random() for no key update",
        Course(100, 4, 1, people=8, weights={"several": 2, "together": 1, "give_back": 1}),
        deadlocks,
    ),
    Mutation(
        "the look at the isolation",
        "refuse_old_snapshots()",
        "<> 'read committed'",
        "= 'none'",
        Course(1000, 6, 1, people=1, days=7, weights={"old_snapshot": 2, "give_back": 1}),
        passes_limits,
    ),
    Mutation(
        "the guards' locks",
        "lock_guards(text[])",
        " order by auditor for no key update",
        "",
        Course(800, 6, 1, people=1, days=7, weights={"one": 2, "give_back": 1}),
        passes_limits,
    ),
    Mutation(
        "the limits' lock",
        "lock_guards(text[])",
        "perform pg_advisory_xact_lock_shared(limits_lock());",
        "",
        Course(800, 6, 1, people=2, days=7, weights={"one": 4, "together": 2, "give_back": 2, "limit": 3}),
        passes_limits,
    ),
)


def mutate(owner: psycopg.Connection, mutation: Mutation) -> None:
    """Take the part out of this database."""
    if mutation.function is None:
        owner.execute(mutation.text.encode())
        return
    row = owner.execute("select pg_get_functiondef(%s::regprocedure)", [mutation.function]).fetchone()
    assert row is not None
    assert row[0].count(mutation.text) == 1, "the guard was rewritten: rewrite what is taken out of it, too"
    owner.execute(row[0].replace(mutation.text, mutation.instead).encode())
