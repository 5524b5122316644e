"""A plan comes into force, with its reservations: all of it, against the ledger as it is now, or nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl
import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from allocator.files.json_text import dump
from allocator.plan import SLOTS, Plan
from models import audit
from models.actions.claim_task import Claim
from models.actions.finish_task import finish_task, hold_task
from models.actor import Actor
from models.frames import copy_in, copy_out
from models.plans import certificate_text
from models.refusal import LIMIT_PASSED, Refusal, sqlstate
from models.snapshot import Inputs, progress

UNIQUE = "23505"
STALE = "The day has changed while it was planned; it is planned again."

LOCK = text("""
    select lock_guards(array(
        select distinct auditor from slot where plan = :previous and state = 'planned'
        union select unnest(cast(:people as text[]))
    ))
""")
VERSIONS = text("""
    select work_day.input_version, installation.limits_version,
           (select id from plan where work_date = :work_date and state = 'published') as previous
    from work_day cross join installation where work_date = :work_date
    for no key update of work_day
""")
ASKED = text("select state from plan where id = :plan and work_date = :work_date for update")
SUPERSEDE = text("update plan set state = 'superseded' where id = :previous")
WITHDRAW = text("update slot set state = 'withdrawn' where plan = :previous and state = 'planned'")
PUBLISH = text("""
    update plan
    set state = 'published', stage = null, published_at = :now, document = :document, beside = :beside,
        version = (select coalesce(max(version), 0) + 1 from plan where work_date = :work_date),
        input_version = :input_version, ledger_snapshot = cast(:ledger_snapshot as pg_snapshot),
        goals = :goals, bounds = :bounds, certificate = :certificate, counts = :counts, seconds = :seconds
    where id = :plan
    returning version
""")
# One statement, so that the guard weighs what is given back and what is taken at once.
EXPOSURE = text("""
    with given_back as (
        select slot.id as slot, slot.auditor, slot.work_date, reserved.*
        from slot cross join lateral slot_reserved(slot.id, slot.work_date) reserved
        where slot.plan = :previous and slot.state = 'withdrawn' and slot.kind = 'work'
    )
    insert into ledger (at, auditor, work_date, entry, category, severity, modality, seconds, items, slot)
    select :now, auditor, work_date, 'release', category, severity, modality, seconds, items, slot
    from given_back
    union all
    select :now, slot.auditor, slot.work_date, 'reserve', item.category, item.severity, item.modality,
           extract(epoch from planned_end - planned_start)::bigint, 1, slot.id
    from slot join item on item.id = slot.item
    where slot.plan = :plan and slot.kind = 'work'
""")
# What belongs to no date may have been planned for another one meanwhile.
TOO_MANY = text("""
    select from slot join item on item.id = slot.item
    where slot.plan = :plan and item.work_date is null and item.only_for = '{}'
        and slot.review_no > item.reviews
        and slot.state = 'planned'
    limit 1
""")
# Which of an item's reviews are had, by those who stay: begun or done today, or on another date.
TAKEN = """
    select item, review_no from slot
    where kind = 'work' and state in ('started', 'done')
      and item in (select item from slot where work_date = %(work_date)s and state in ('started', 'done'))
    union
    select item, review_no from slot join item on item.id = slot.item
    where item.work_date is null and slot.kind = 'work' and slot.state in ('planned', 'started', 'done')
"""


@dataclass(frozen=True, slots=True)
class Published:
    """`slots` are the new ones, `reviews` the reviews among them, `withdrawn` those of the plan before."""

    plan: int
    work_date: date
    version: int
    slots: int
    reviews: int
    withdrawn: int


def publish_plan(
    engine: Engine, actor: Actor, claim: Claim, inputs: Inputs, made: Plan, now: datetime
) -> Published:
    """Publish the plan that the claimed task has made from these inputs, and end the task.

    Whoever calls has had the plan verified: what is checked here is that it is still about the day as it is,
    and that no limit is passed.

    Raises:
        Refusal: `stale`, if the claim is lost, or the day, a limit, what has been begun or the ledger is not
            as the plan knew it. Nothing is written; the day can be planned again from a fresh snapshot.
    """
    plan: int = claim.payload["plan"]
    work_date = inputs.instance.work_date
    slots = new_slots(inputs, made).with_columns(
        plan=pl.lit(plan, pl.Int64), work_date=pl.lit(work_date, pl.Date)
    )
    try:
        with engine.begin() as connection:
            hold_task(connection, claim.task, claim.fence)
            people = slots["auditor"].unique().to_list()
            connection.execute(LOCK, {"previous": inputs.previous_plan, "people": people})
            _check_still_so(connection, plan, inputs)

            withdrawn = 0
            if inputs.previous_plan is not None:
                previous = {"previous": inputs.previous_plan}
                connection.execute(SUPERSEDE, previous)
                withdrawn = connection.execute(WITHDRAW, previous).rowcount
            taken = copy_out(
                connection, TAKEN, {"work_date": work_date}, {"item": pl.String(), "review_no": pl.Int64()}
            )
            copy_in(connection, "slot", numbered(slots, taken), ("planned_start", "planned_end"))
            if connection.execute(TOO_MANY, {"plan": plan}).first() is not None:
                raise Refusal("stale", STALE)
            copy_in(connection, "unplanned", made.unplanned.with_columns(plan=pl.lit(plan, pl.Int64)))
            version: int = connection.execute(PUBLISH, _row(plan, inputs, made, now)).scalar_one()
            published = Published(
                plan=plan,
                work_date=work_date,
                version=version,
                slots=slots.height,
                reviews=int((slots["kind"] == "work").sum()),
                withdrawn=withdrawn,
            )
            audit.record(
                connection,
                actor,
                "publish_plan",
                f"plan:{plan}",
                now,
                work_date=work_date.isoformat(),
                version=version,
                task=claim.task,
                slots=published.slots,
                withdrawn=withdrawn,
            )
            finish_task(connection, claim.task, claim.fence, now)
            connection.execute(EXPOSURE, {"previous": inputs.previous_plan, "plan": plan, "now": now})
            return published
    except (DBAPIError, psycopg.Error) as error:  # COPY is the driver's own
        if (sqlstate(error) if isinstance(error, DBAPIError) else error.sqlstate) in (LIMIT_PASSED, UNIQUE):
            # Without the database's words: they can tell whose limit it was.
            raise Refusal("stale", STALE) from None
        raise


def _check_still_so(connection: Connection, plan: int, inputs: Inputs) -> None:
    work_date = inputs.instance.work_date
    now = connection.execute(VERSIONS, {"work_date": work_date}).one_or_none()
    known = (inputs.input_version, inputs.limits_version, inputs.previous_plan)
    if now is None or tuple(now) != known or progress(connection, work_date) != inputs.progress:
        raise Refusal("stale", STALE)
    state = connection.execute(ASKED, {"plan": plan, "work_date": work_date}).scalar_one_or_none()
    if state not in ("waiting", "planning"):
        raise Refusal("stale", "This plan is not being made any more.")


def new_slots(inputs: Inputs, made: Plan) -> pl.DataFrame:
    """The plan's slots but for the fixed ones, which are rows already, with the columns of `slot`."""
    key = ["auditor", "kind", "item", "start", "end"]
    copy = pl.int_range(pl.len()).over(key).alias("copy")
    standing = inputs.instance.fixed.with_columns(copy).select(*key, "copy")
    slots = made.slots.select(list(SLOTS)).with_columns(copy)
    return (
        slots.join(standing, on=[*key, "copy"], how="anti", nulls_equal=True, maintain_order="left")
        .drop("copy")
        .rename({"start": "planned_start", "end": "planned_end"})
    )


def numbered(slots: pl.DataFrame, taken: pl.DataFrame) -> pl.DataFrame:
    """The slots with `review_no`: for each item the least numbers, from 1, that are not taken (item,
    review_no)."""
    nth = pl.int_range(1, pl.len() + 1).over("item")
    plain = slots.with_columns(review_no=pl.when(pl.col("kind") == "work").then(nth).cast(pl.Int64))
    shared = taken.join(slots.select("item").drop_nulls().unique(), on="item", how="semi")
    if shared.is_empty():
        return plain
    by_item: dict[str, set[int]] = {}
    for item, number in shared.iter_rows():
        by_item.setdefault(item, set()).add(number)
    numbers = plain["review_no"].to_list()
    for at in plain["item"].is_in(list(by_item)).fill_null(False).arg_true():
        used = by_item[plain["item"][at]]
        numbers[at] = next(number for number in range(1, len(used) + 2) if number not in used)
        used.add(numbers[at])
    return plain.with_columns(review_no=pl.Series(numbers, dtype=pl.Int64))


def _row(plan: int, inputs: Inputs, made: Plan, now: datetime) -> dict[str, Any]:
    return {
        "plan": plan,
        "work_date": inputs.instance.work_date,
        "now": now,
        "document": dump(inputs.instance.document),
        "beside": json.dumps(inputs.beside),
        "input_version": inputs.input_version,
        "ledger_snapshot": inputs.ledger_snapshot,
        "goals": Jsonb({name: float(value) for name, value in made.goals.items()}),
        "bounds": Jsonb({name: float(value) for name, value in made.bounds.items()}),
        "certificate": certificate_text(made.certificate),
        "counts": Jsonb({name: int(value) for name, value in made.counts.items()}),
        "seconds": Jsonb({name: float(value) for name, value in made.seconds.items()}),
    }
