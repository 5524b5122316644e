"""What happens to a day in a database, one step a function, with the application's rights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, text

from allocator.instance import Instance
from allocator.optimise.planner import make_plan
from allocator.plan import Plan
from allocator.verify import verify
from models.actions.claim_task import Claim, claim_task
from models.actions.load_day import Loaded, load_day
from models.actions.publish_plan import Published, publish_plan
from models.actions.request_plan import request_plan
from models.actor import SYSTEM, Actor
from models.connection import application_engine, snapshot_transaction
from models.export import Exported, read_published
from models.snapshot import Inputs, read_inputs
from tests.conftest import Database

LOADER = Actor("operations", "loader")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
"""Before every day that is tried: nothing of it has begun."""


@contextmanager
def engine_of(database: Database, connections: int = 4) -> Iterator[Engine]:
    engine = application_engine(database.url, pool_size=connections)
    try:
        yield engine
    finally:
        engine.dispose()


def load(engine: Engine, day: Instance, now: datetime = LONG_AGO) -> Loaded:
    return load_day(engine, LOADER, day, now)


def inputs_of(engine: Engine, work_date: date, now: datetime = LONG_AGO) -> Inputs:
    with snapshot_transaction(engine) as connection:
        return read_inputs(connection, work_date, now)


def claimed(engine: Engine, work_date: date, now: datetime = LONG_AGO) -> Claim:
    """A plan asked for, and the claim of whoever is to make it."""
    asked = request_plan(engine, SYSTEM, work_date, now)
    claim = claim_task(engine, SYSTEM, asked.task, 600, now)
    assert claim is not None
    return claim


@dataclass(frozen=True, slots=True)
class Made:
    """A plan that waits to be published."""

    claim: Claim
    inputs: Inputs
    plan: Plan


def make(engine: Engine, work_date: date, now: datetime = LONG_AGO) -> Made:
    """Ask for a plan and make it. It is legal and true, or the test fails here."""
    claim = claimed(engine, work_date, now)
    inputs = inputs_of(engine, work_date, now)
    plan = make_plan(inputs.instance, inputs.previous)
    assert verify(inputs.instance, plan) == []
    return Made(claim, inputs, plan)


def publish(engine: Engine, made: Made, now: datetime = LONG_AGO) -> Published:
    return publish_plan(engine, SYSTEM, made.claim, made.inputs, made.plan, now)


def planned(engine: Engine, work_date: date, now: datetime = LONG_AGO) -> Published:
    """Ask, plan, publish."""
    return publish(engine, make(engine, work_date, now), now)


def exported(engine: Engine, work_date: date, now: datetime = LONG_AGO) -> Exported:
    with snapshot_transaction(engine) as connection:
        return read_published(connection, work_date, now)


def rows(engine: Engine, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement), parameters)]


def write(engine: Engine, statement: str, **parameters: Any) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement), parameters)


CONTENTS = "select md5(coalesce(string_agg(md5(t::text), '' order by t::text), '')) from {} t"
TABLES = (
    "policy",
    "installation",
    "exposure_limit",
    "auditor",
    "shift",
    "work_day",
    "item",
    "plan",
    "slot",
    "unplanned",
    "ledger",
    "limit_day",
    "task",
)


def contents(engine: Engine, without: tuple[str, ...] = ()) -> dict[str, str]:
    """A fingerprint of every table: equal as long as nothing is written."""
    return {table: rows(engine, CONTENTS.format(table))[0][0] for table in TABLES if table not in without}


def on_other_date(day: Instance, days: int) -> Instance:
    """The same people and work so many days later, the items under other ids; nothing seen before."""
    seconds = days * 86_400
    date_of = day.work_date + timedelta(days=days)
    moved = {"shift_start", "shift_end", "last_end"}
    auditors = day.auditors.with_columns(
        day.auditors[name] + seconds for name in day.auditors.columns if name in moved
    )
    items = day.items.with_columns(
        day.items["id"] + f"@{date_of}", day.items["release"] + seconds, day.items["due"] + seconds
    )
    document = day.document | {"work_date": date_of.isoformat(), "name": f"{day.name}@{days}"}
    return replace(
        day,
        name=f"{day.name}@{days}",
        work_date=date_of,
        auditors=auditors,
        items=items,
        history=day.history.clear(),
        document=document,
    )
