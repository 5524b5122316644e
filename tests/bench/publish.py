"""Publishing a plan beside the plain COPY of the same rows, on this machine, in the same run.

    python -m tests.bench.publish --size L

The day is ten generated days of the next smaller size side by side, each planned by the planner: 2 000 people
and 200 000 items for L. It is loaded into an empty database and its plan published, with everything that
publishing is: claim, locks, versions, numbers of reviews, slots, what was left out, reservations, the guard's
sums and windows, audit, commit.

Beside it, the rows that are then in `slot` and `ledger` are copied, by the same COPY from the same kind of
frame, into tables with the same columns and the same primary keys, and nothing else: no other index, no
reference, no trigger, no partition, no reservation. Each round has a database of its own.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import get_args

import polars as pl
import psycopg
from psycopg import sql
from sqlalchemy import Engine, create_engine, text

from allocator.instance import Instance
from allocator.optimise.planner import make_plan
from allocator.plan import COUNTS, GOALS, Certificate, Plan, Prices
from allocator.scenarios.generate import SIZES, Size, generate
from config.embedded import servers
from config.embedded.roles import database_url
from config.policy import default_policy_document
from models.actions.claim_task import claim_task
from models.actions.load_day import load_day
from models.actions.publish_plan import publish_plan
from models.actions.request_plan import request_plan
from models.actor import SYSTEM
from models.connection import application_engine, driver_url, snapshot_transaction
from models.frames import copy_in, copy_out
from models.migrate import migrate
from models.snapshot import read_inputs

WORK_DATE = date(2026, 11, 23)
NOW = datetime(2026, 11, 20, tzinfo=UTC)
PARTS = 10
AT_MOST = 12.0
"""Times the plain COPY that publishing may take."""

SLOT = {
    "id": pl.Int64(),
    "plan": pl.Int64(),
    "auditor": pl.String(),
    "work_date": pl.Date(),
    "kind": pl.String(),
    "item": pl.String(),
    "review_no": pl.Int64(),
    "label": pl.String(),
    "planned_start": pl.Int64(),
    "planned_end": pl.Int64(),
    "state": pl.String(),
}
LEDGER = {
    "id": pl.Int64(),
    "at": pl.Int64(),
    "auditor": pl.String(),
    "work_date": pl.Date(),
    "entry": pl.String(),
    "category": pl.String(),
    "severity": pl.Int64(),
    "modality": pl.String(),
    "seconds": pl.Int64(),
    "items": pl.Int64(),
    "slot": pl.Int64(),
    "xact": pl.String(),
}
INSTANTS = ("at", "planned_start", "planned_end")


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds. `reviews` are reserved, `slots` are those and the breaks."""

    slots: int
    reviews: int
    left_out: int
    publish: float
    copy: float

    @property
    def ratio(self) -> float:
        return self.publish / self.copy


def planned_day(size: Size, seed: int) -> tuple[Instance, Plan]:
    """A day of this size made of smaller ones, and their plans as one. Goals and bounds are left out: each
    part's would not be the whole's."""
    policy = default_policy_document()
    if size == SIZES[0]:
        whole = generate(size, seed, policy, WORK_DATE)
        return whole, make_plan(whole)
    smaller = SIZES[SIZES.index(size) - 1]
    parts = []
    for number in range(PARTS):
        part = apart(generate(smaller, seed * PARTS + number, policy, WORK_DATE), f"{number}.")
        parts.append((part, make_plan(part)))
    days, plans = [day for day, _ in parts], [plan for _, plan in parts]
    return replace(
        days[0],
        name=f"{size.lower()}-{seed}",
        document=days[0].document | {"name": f"{size.lower()}-{seed}"},
        auditors=pl.concat(day.auditors for day in days),
        items=pl.concat(day.items for day in days),
        history=pl.concat(day.history for day in days),
    ), Plan(
        instance=f"{size.lower()}-{seed}",
        work_date=WORK_DATE,
        goals=dict.fromkeys(GOALS, 0.0),
        bounds={},
        certificate=Certificate(1, Prices(), Prices(), 0),
        counts=dict.fromkeys(COUNTS, 0),
        seconds={},
        slots=pl.concat(plan.slots for plan in plans),
        unplanned=pl.concat(plan.unplanned for plan in plans),
    )


def apart(day: Instance, mark: str) -> Instance:
    """The day with a mark before every name in it, so that it can stand beside others."""
    people = [
        pl.col(name).list.eval(pl.concat_str(pl.lit(mark), pl.element())) for name in ("excluded", "only")
    ]
    return replace(
        day,
        auditors=day.auditors.with_columns(*marked(mark, "id", "team")),
        items=day.items.with_columns(*marked(mark, "id", "stratum"), *people),
        history=day.history.with_columns(*marked(mark, "auditor")),
    )


def marked(mark: str, *names: str) -> list[pl.Expr]:
    return [pl.concat_str(pl.lit(mark), name).alias(name) for name in names]


def timed_round(engine: Engine, owner: Engine, day: Instance, plan: Plan) -> Round:
    load_day(engine, SYSTEM, day, NOW)
    asked = request_plan(engine, SYSTEM, WORK_DATE, NOW)
    claim = claim_task(engine, SYSTEM, asked.task, 3600, NOW)
    assert claim is not None
    with snapshot_transaction(engine) as connection:
        inputs = read_inputs(connection, WORK_DATE, NOW)
    began = time.perf_counter()
    published = publish_plan(engine, SYSTEM, claim, inputs, plan, NOW)
    publishing = time.perf_counter() - began
    slots, ledger = rows_of(engine, published.plan)
    assert ledger.height == published.reviews
    return Round(
        slots=slots.height,
        reviews=published.reviews,
        left_out=plan.unplanned.height,
        publish=publishing,
        copy=plain_copy(owner, slots, ledger),
    )


def rows_of(engine: Engine, plan: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What publishing has written to `slot` and `ledger`."""

    def columns(schema: Iterable[str]) -> str:
        epoch = "extract(epoch from {})::bigint"
        return ", ".join(epoch.format(name) if name in INSTANTS else name for name in schema)

    with engine.connect() as connection:
        slots = copy_out(
            connection, f"select {columns(SLOT)} from slot where plan = %(plan)s", {"plan": plan}, SLOT
        )
        ledger = copy_out(
            connection, f"select {columns(LEDGER)} from ledger where entry = 'reserve'", {}, LEDGER
        )
    return slots, ledger


def plain_copy(owner: Engine, slots: pl.DataFrame, ledger: pl.DataFrame) -> float:
    """Seconds in which the rows are copied, in one transaction, into plain tables."""
    with owner.begin() as connection:
        connection.execute(text("create table plain_slot (like slot including defaults)"))
        connection.execute(text("alter table plain_slot add primary key (id)"))
        connection.execute(text("create table plain_ledger (like ledger)"))
        connection.execute(text("alter table plain_ledger add primary key (work_date, id)"))
    began = time.perf_counter()
    with owner.begin() as connection:
        copy_in(connection, "plain_slot", slots, ("planned_start", "planned_end"))
        copy_in(connection, "plain_ledger", ledger, ("at",))
    return time.perf_counter() - began


@contextmanager
def empty_database(folder: Path, name: str) -> Iterator[tuple[Engine, Engine]]:
    """A migrated database of a round's own: engines with the application's and the owner's rights."""
    with psycopg.connect(database_url(folder, "super", "postgres"), autocommit=True) as administration:
        made = sql.SQL("create database {} owner breakwater_owner").format(sql.Identifier(name))
        administration.execute(made)
    owner_url = database_url(folder, "owner", name)
    migrate(owner_url)
    engine = application_engine(database_url(folder, "app", name))
    owner = create_engine(driver_url(owner_url))
    try:
        yield engine, owner
    finally:
        engine.dispose()
        owner.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.publish", description=__doc__)
    parser.add_argument("--size", choices=get_args(Size)[:3], default="L")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()

    began = time.perf_counter()
    day, plan = planned_day(given.size, given.seed)
    print(
        f"{day.auditors.height} people, {day.items.height} items, {day.history.height} rows of history; "
        f"planned in {time.perf_counter() - began:.0f} s"
    )
    rounds = []
    with servers(durable=True) as own:
        for number in range(given.rounds):
            with empty_database(own.folder, f"round_{number}") as engines:
                one = timed_round(*engines, day, plan)
            rounds.append(one)
            print(
                f"{one.slots} slots, {one.reviews} reservations, {one.left_out} left out: published in "
                f"{one.publish:.2f} s; {one.slots + one.reviews} rows copied in {one.copy:.2f} s; "
                f"{one.ratio:.1f} times",
                flush=True,
            )
    median = statistics.median(one.ratio for one in rounds)
    print(f"median {median:.1f} times; at most {AT_MOST:.0f} are wanted")


if __name__ == "__main__":
    main()
