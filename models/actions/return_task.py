"""Giving a task back undone: to be tried again a little later, or, after too many tries, parked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Row, text

from models import audit
from models.actions.claim_task import Claim
from models.actions.notify import notify
from models.actions.wait_for_place import wait_for_operations
from models.actor import Actor

MOST_ATTEMPTS = 5
"""Tries that went wrong after which a task is parked."""
MOST_GIVEN_BACK = 20
"""Tries that were given back through no fault of the task's, after which they count like the others."""

Why = Literal[
    "stale", "stopped", "lease-expired", "worker-died", "took-too-long", "not-legal", "unknown-kind", "error"
]
NO_FAULT: frozenset[Why] = frozenset({"stale", "stopped"})
BROKEN_OFF: frozenset[Why] = frozenset({"lease-expired", "worker-died"})
"""Its worker went, most likely for reasons of its own: the first time it is tried again at once."""
HOPELESS: frozenset[Why] = frozenset({"unknown-kind"})
"""Nothing that another try would change."""

SENTENCES: dict[Why, str] = {
    "stale": "The day kept changing while it was being planned.",
    "stopped": "Its workers were stopped every time before they had finished.",
    "lease-expired": "Its workers fell silent every time before they had finished.",
    "worker-died": "Its workers died every time before they had finished.",
    "took-too-long": "Planning took longer than is allowed (BREAKWATER_SOLVE_SECONDS).",
    "not-legal": "The plan that was made broke a rule, so it was not published: Breakwater is at fault.",
    "unknown-kind": "The workers do not know what this task asks for: they are older than what asked.",
    "error": "Planning failed. The workers' log says where.",
}

HELD = text("""
    select id, kind, payload, attempts, fence from task
    where id = :task and fence = :fence and state = 'claimed' for update
""")
EXPIRED = text("""
    select id, kind, payload, attempts, fence from task
    where state = 'claimed' and lease_until < :now
    order by id for update skip locked
""")
GIVE_BACK = text("""
    update task set state = 'waiting', lease_until = null, attempts = :attempts, run_after = :run_after,
        rung_at = null, last_error = :error
    where id = :task
""")
PARK = text("""
    update task set state = 'parked', lease_until = null, ended_at = :now, last_error = :error
    where id = :task
""")
PLAN_WAITS = text("update plan set state = 'waiting', stage = null where id = :plan and state = 'planning'")
OF_PLAN = text("select work_date from plan where id = :plan")
OF_ITEM = text("select work_date from item where id = :item")
PLAN_FAILED = text("""
    update plan set state = 'failed', stage = null, failure = :sentence
    where id = :plan and state in ('waiting', 'planning')
""")


@dataclass(frozen=True, slots=True)
class Next:
    """What becomes of a task: `attempts` to its name, tried again `after` so many seconds, if at all."""

    attempts: int
    after: float | None


@dataclass(frozen=True, slots=True)
class Returned:
    """A task that was given back; `parked` ones nobody tries again, and somebody should look."""

    task: int
    parked: bool
    why: Why


def what_next(attempts: int, fence: int, why: Why, pause: float) -> Next:
    """`attempts` and `fence` as they are while claimed; `pause` is the first wait in seconds, then doubled.

    The fence counts all claims, `attempts` those that went wrong; the rest was given back through no fault
    of the task's.
    """
    if why in NO_FAULT and fence - attempts < MOST_GIVEN_BACK:
        return Next(attempts - 1, pause / 5)
    if attempts >= MOST_ATTEMPTS or why in HOPELESS:
        return Next(attempts, None)
    if why in BROKEN_OFF:
        return Next(attempts, 0 if attempts == 1 else pause * 2.0 ** (attempts - 2))
    return Next(attempts, pause * 2.0 ** (attempts - 1))


def return_task(
    engine: Engine, actor: Actor, claim: Claim, why: Why, error: str, pause: float, now: datetime
) -> list[Returned]:
    """Empty if the claim was no longer held: then there is nothing to give back.

    `error` names the kind of failure and never holds data.
    """
    with engine.begin() as connection:
        row = connection.execute(HELD, {"task": claim.task, "fence": claim.fence}).one_or_none()
        return [] if row is None else [_give_back(connection, actor, row, why, error, pause, now)]


def take_back_tasks(engine: Engine, actor: Actor, pause: float, now: datetime) -> list[Returned]:
    """Takes back every claim whose lease has run out: its holder has been silent for too long."""
    with engine.begin() as connection:
        rows = connection.execute(EXPIRED, {"now": now}).all()
        return [
            _give_back(connection, actor, row, "lease-expired", "lease-expired", pause, now) for row in rows
        ]


def _give_back(
    connection: Connection, actor: Actor, row: Row[Any], why: Why, error: str, pause: float, now: datetime
) -> Returned:
    following = what_next(row.attempts, row.fence, why, pause)
    plan = row.payload["plan"] if row.kind == "plan" else None
    if following.after is None:
        connection.execute(PARK, {"task": row.id, "now": now, "error": error})
        if plan is not None:
            connection.execute(PLAN_FAILED, {"plan": plan, "sentence": SENTENCES[why]})
        if row.kind == "place":
            wait_for_operations(connection, row.payload["item"], now)
        tell_operations(connection, row.id, row.kind, row.payload, why, now)
    else:
        back = {
            "task": row.id,
            "attempts": following.attempts,
            "run_after": now + timedelta(seconds=following.after),
            "error": error,
        }
        connection.execute(GIVE_BACK, back)
        if plan is not None:
            connection.execute(PLAN_WAITS, {"plan": plan})
    parked = following.after is None
    verb = "park_task" if parked else "return_task"
    audit.record(connection, actor, verb, f"task:{row.id}", now, why=why, attempts=following.attempts)
    return Returned(row.id, parked, why)


def tell_operations(
    connection: Connection, task: int, kind: str, payload: dict[str, Any], why: Why, now: datetime
) -> None:
    """Nothing more happens to a parked task by itself, so somebody has to know of it."""
    work_date = None
    if kind == "plan":
        what = "A plan could not be made"
        work_date = connection.execute(OF_PLAN, {"plan": payload["plan"]}).scalar()
    elif kind == "place":
        what = "An escalation could not be placed"
        work_date = connection.execute(OF_ITEM, {"item": payload["item"]}).scalar()
    else:
        what = "A task could not be done"
    given_up = "no worker knows how" if why in HOPELESS else "it was given up after too many tries"
    sentence = f"{what}: {given_up}. See the workers' log, then POST /v1/tasks/{task}/retry."
    notify(connection, "operations", work_date, "task-parked", sentence, now, task=task, of=kind, why=why)
