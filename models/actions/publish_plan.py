"""A plan comes into force, with its reservations: all of it, against the ledger as it is now, or nothing.

The first plan of a date is published as it was made, or not at all. One that takes another's place is brought
together with what people have done while it was made (`models.merging`): begun work stays as it is, and so
does the day of everybody for whom it had moved on, or to whom the guard allows no more what was planned.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl
import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy import Connection, Engine, Row, text
from sqlalchemy.exc import DBAPIError

from allocator.files.json_text import dump
from allocator.plan import SLOTS, Plan
from models import audit
from models.actions.claim_task import Claim
from models.actions.finish_task import finish_task, hold_task
from models.actions.keep_left_out import keep_left_out
from models.actions.place_again import place_again
from models.actions.tell_of_replan import tell_of_replan
from models.actions.wait_for_place import tell_that_it_waits_no_longer
from models.actor import Actor
from models.frames import copy_in, copy_out
from models.merging import Merged, merged, moved_on, numbered
from models.plans import certificate_text
from models.refusal import LIMIT_PASSED, UNIQUE, Refusal, sqlstate, whose_limit
from models.snapshot import Inputs, progress, read_placed, read_standing, read_there

STALE = "The day has changed while it was planned; it is planned again."
MOST_ROUNDS = 20
"""How often a plan is merged anew because the guard refuses somebody else."""

# Everybody on shift: what nobody's guard is held for may change while it is looked at.
LOCK = text("""
    select lock_guards(array(
        select auditor from shift where work_date = :work_date
        union select distinct auditor from slot where work_date = :work_date and state = 'planned'
        union select unnest(cast(:people as text[]))
    ))
""")
VERSIONS = text("""
    select work_day.input_version, installation.limits_version,
           (select id from plan where work_date = :work_date and state = 'published') as previous
    from work_day cross join installation where work_date = :work_date
    for no key update of work_day
""")
ASKED = text("select state, reason from plan where id = :plan and work_date = :work_date for update")
SUPERSEDE = text("update plan set state = 'superseded' where id = :previous")
PUBLISH = text("""
    update plan
    set state = 'published', stage = null, published_at = :now, document = :document, beside = :beside,
        version = (select coalesce(max(version), 0) + 1 from plan where work_date = :work_date),
        input_version = :input_version, ledger_snapshot = cast(:ledger_snapshot as pg_snapshot),
        begins_at = to_timestamp(:begins_at), people = :people, left_alone = :left_alone, dropped = :dropped,
        goals = :goals, bounds = :bounds, certificate = :certificate, counts = :counts, seconds = :seconds
    where id = :plan
    returning version
""")
# The next plan begins so much later than it is asked for.
TOOK = text("""
    update plan set seconds = seconds || jsonb_build_object(
        'publish', round(extract(epoch from clock_timestamp() - transaction_timestamp()), 4))
    where id = :plan
""")
RESERVE = text("""
    insert into ledger (at, auditor, work_date, entry, category, severity, modality, seconds, items, slot)
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
# Which of an item's reviews are had, by those who stay: begun or done, or planned for another date.
TAKEN = """
    select item, review_no from slot
    where kind = 'work' and state in ('started', 'done')
      and item in (select item from slot where work_date = %(work_date)s and state in ('started', 'done'))
    union
    select item, review_no from slot join item on item.id = slot.item
    where item.work_date is null and slot.kind = 'work'
      and (slot.state in ('started', 'done') or slot.state = 'planned' and slot.work_date <> %(work_date)s)
"""
# Nobody may have been given what was withdrawn while the plan was made.
WITHDRAWN = text("""
    select from item
    where withdrawn_at > cast(:now as timestamptz) - interval '2 days'
      and exists (select from slot where slot.item = item.id and slot.plan = :plan and slot.state = 'planned')
    limit 1
""")
NO_LONGER_WAITS = text("""
    with placed as materialized (
        select waiting.item from waiting_escalation waiting join item on item.id = waiting.item
        where item.reviews <= (
            select count(*) from slot
            where slot.item = item.id and slot.kind = 'work'
              and slot.state in ('planned', 'started', 'done'))
        order by waiting.item for update of waiting
    )
    delete from waiting_escalation waiting using placed where placed.item = waiting.item
    returning waiting.item, waiting.told_at
""")

BECOMES = text("""
    create temp table becomes (
        id bigint primary key, role text not null, label text, "start" timestamptz not null,
        "end" timestamptz not null, published_start timestamptz, published_end timestamptz
    ) on commit drop
""")
LOOK = text("analyze becomes")
# What stays belongs to the plan in force from now on, also where it is none of its own.
CHANGE = text("""
    update slot
    set plan = case role when 'gone' then plan else :plan end,
        state = case role when 'gone' then 'withdrawn' else state end,
        label = becomes.label, planned_start = becomes."start", planned_end = becomes."end",
        published_start = case role
            when 'own' then becomes.published_start
            when 'kept' then coalesce(slot.published_start, becomes.published_start)
            else slot.published_start end,
        published_end = case role
            when 'own' then becomes.published_end
            when 'kept' then coalesce(slot.published_end, becomes.published_end)
            else slot.published_end end,
        placed_at = case role when 'own' then null else placed_at end
    from becomes where slot.id = becomes.id
""")
# One statement, so that the guard weighs what is given back and what is taken at once.
EXCHANGE = text("""
    with given_back as (
        select slot.id as slot, slot.auditor, slot.work_date, reserved.*
        from becomes join slot on slot.id = becomes.id
        cross join lateral slot_reserved(slot.id, slot.work_date) reserved
        where becomes.role = 'gone' and slot.kind = 'work'
    )
    insert into ledger (at, auditor, work_date, entry, category, severity, modality, seconds, items, slot)
    select :now, auditor, work_date, 'release', category, severity, modality, seconds, items, slot
    from given_back
    union all
    select :now, slot.auditor, slot.work_date, 'reserve', item.category, item.severity, item.modality,
           extract(epoch from planned_end - planned_start)::bigint, 1, slot.id
    from slot join item on item.id = slot.item
    where slot.plan = :plan and slot.kind = 'work' and slot.state = 'planned'
      and not exists (select from becomes where becomes.id = slot.id)
""")


# Whom the guard refuses, all at once: it names some at a time, and each time everything is written again.
REFUSED = text("""
    with entries as (
        select slot.auditor, -1 as sign, reserved.category, reserved.severity, reserved.modality,
               reserved.seconds, reserved.items
        from becomes join slot on slot.id = becomes.id
        cross join lateral slot_reserved(slot.id, slot.work_date) reserved
        where becomes.role = 'gone' and slot.kind = 'work'
        union all
        select slot.auditor, 1, item.category, item.severity, item.modality,
               extract(epoch from planned_end - planned_start)::bigint, 1
        from slot join item on item.id = slot.item
        where slot.plan = :plan and slot.kind = 'work' and slot.state = 'planned'
          and not exists (select from becomes where becomes.id = slot.id)
    ), parts as (
        select auditor, u.id as use, sign,
               exposure_measured(u, category, severity, seconds, items, units_per_second) as measured
        from entries left join dose_weight using (severity, modality) cross join exposure_use u
    ), more as (
        select auditor, use, sum(sign * measured) as measured from parts
        group by auditor, use having bool_or(sign = 1 and measured > 0)
    )
    select distinct more.auditor
    from more
    join exposure_use u on u.id = more.use
    join exposure_limit l on l.use = more.use
    cross join lateral (select least(l.window_days, 36500) - 1) earlier (days)
    cross join lateral (
        select cast(:work_date as date) as work_date
        union select day.work_date from limit_day day
        where day.auditor = more.auditor and day.use = more.use and (day.seen > 0 or day.reserved > 0)
          and day.work_date between cast(:work_date as date) and cast(:work_date as date) + earlier.days
    ) last
    join auditor person on person.id = more.auditor
    left join shift on shift.auditor = more.auditor and shift.work_date = last.work_date
    cross join lateral (
        select coalesce(sum(seen) + sum(reserved), 0) as used from limit_day day
        where day.auditor = more.auditor and day.use = more.use
          and day.work_date between last.work_date - earlier.days and last.work_date
    ) span
    where l.scope in ('org', 'market:' || coalesce(shift.home_market, person.home_market),
                      'team:' || coalesce(shift.team, person.team), 'auditor:' || more.auditor)
      and span.used + more.measured > effective_amount(
          l.amount, u.measure, coalesce(shift.exposure_percent, person.exposure_percent))
""")


class _Refused(Exception):  # noqa: N818 - says what the guard did
    """The guard has refused these people what is planned for them."""

    def __init__(self, people: set[str]) -> None:
        super().__init__()
        self.people = people


@dataclass(frozen=True, slots=True)
class Published:
    """`slots` are those of the plan but for fixed ones, `reviews` the reviews among them; of the plan before,
    `withdrawn` slots were taken back. Of those who worked meanwhile `left_alone` people keep what they had,
    and `dropped` reviews of others were theirs already. `told` people's queues have changed."""

    plan: int
    work_date: date
    version: int
    slots: int
    reviews: int
    withdrawn: int
    left_alone: int = 0
    dropped: int = 0
    told: int = 0


def publish_plan(
    engine: Engine, actor: Actor, claim: Claim, inputs: Inputs, made: Plan, now: datetime
) -> Published:
    """Publish the plan that the claimed task has made from these inputs, and end the task.

    Whoever calls has had the plan verified: what is checked here is that it is still about the day as it is,
    and that no limit is passed. Everybody whose queue changes by it is told.

    Raises:
        Refusal: `stale`, if the claim is lost, or the day's inputs, a limit or the plan in force are not as
            the plan knew them; the first plan of a date also if anybody has begun, or the guard refuses.
            Nothing is written; the day can be planned again from a fresh snapshot.
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
            connection.execute(LOCK, {"work_date": work_date, "people": people})
            asked = _check_still_so(connection, plan, inputs)
            step = _Step(connection, actor, claim, inputs, made, slots, asked.reason, now)
            is_first = inputs.previous_plan is None and inputs.instance.now is None
            published = step.first() if is_first else step.next()
            connection.execute(TOOK, {"plan": plan})
            return published
    except (DBAPIError, psycopg.Error) as error:  # COPY is the driver's own
        if (sqlstate(error) if isinstance(error, DBAPIError) else error.sqlstate) in (LIMIT_PASSED, UNIQUE):
            # Without the database's words: they can tell whose limit it was.
            raise Refusal("stale", STALE) from None
        raise


def _check_still_so(connection: Connection, plan: int, inputs: Inputs) -> Row[Any]:
    work_date = inputs.instance.work_date
    now = connection.execute(VERSIONS, {"work_date": work_date}).one_or_none()
    known = (inputs.input_version, inputs.limits_version, inputs.previous_plan)
    if now is None or tuple(now) != known:
        raise Refusal("stale", STALE)
    asked = connection.execute(ASKED, {"plan": plan, "work_date": work_date}).one_or_none()
    if asked is None or asked.state not in ("waiting", "planning"):
        raise Refusal("stale", "This plan is not being made any more.")
    return asked


@dataclass(frozen=True, slots=True)
class _Step:
    """The publication of one plan, within its transaction."""

    connection: Connection
    actor: Actor
    claim: Claim
    inputs: Inputs
    made: Plan
    slots: pl.DataFrame
    reason: str | None
    now: datetime

    @property
    def plan(self) -> int:
        plan: int = self.claim.payload["plan"]
        return plan

    @property
    def work_date(self) -> date:
        return self.inputs.instance.work_date

    def first(self) -> Published:
        """Nothing stands, and nobody has begun."""
        if progress(self.connection, self.work_date) != self.inputs.progress:
            raise Refusal("stale", STALE)
        slots = numbered(self.slots, self._taken())
        copy_in(self.connection, "slot", slots, ("planned_start", "planned_end"))
        if self.connection.execute(TOO_MANY, {"plan": self.plan}).first() is not None:
            raise Refusal("stale", STALE)
        published = self._finished({})
        self.connection.execute(RESERVE, {"plan": self.plan, "now": self.now})
        return published

    def next(self) -> Published:
        """Something stands, and people may have gone on. Whom the guard names is left alone as well."""
        known, connection = self.inputs.standing, self.connection
        standing = read_standing(connection, self.work_date)
        placed = read_placed(connection, self.inputs.previous_plan or 0)
        alone = moved_on(
            known,
            standing,
            {auditor for slot, auditor in placed.items() if slot not in self.inputs.placed},
            self.inputs.there,
            read_there(connection, self.work_date),
        )
        wanted = self.slots.select(
            "auditor", "kind", "item", "label", start="planned_start", end="planned_end"
        )
        taken = self._taken()
        for _ in range(MOST_ROUNDS):
            change = merged(wanted, known, standing, taken, self.inputs.reviews, alone)
            attempt = connection.begin_nested()
            try:
                published = self._exchanged(change, alone)
            except _Refused as refused:
                attempt.rollback()
                if refused.people <= alone:
                    break
                alone |= refused.people
            else:
                attempt.commit()
                return published
        raise Refusal("stale", STALE)

    def _exchanged(self, change: Merged, alone: Collection[str]) -> Published:
        connection = self.connection
        connection.execute(SUPERSEDE, {"previous": self.inputs.previous_plan})
        connection.execute(BECOMES)
        copy_in(connection, "becomes", change.rows, ("start", "end", "published_start", "published_end"))
        connection.execute(LOOK)
        connection.execute(CHANGE, {"plan": self.plan})
        slots = change.added.rename({"start": "planned_start", "end": "planned_end"}).with_columns(
            plan=pl.lit(self.plan, pl.Int64), work_date=pl.lit(self.work_date, pl.Date)
        )
        copy_in(connection, "slot", slots, ("planned_start", "planned_end"))
        roles = change.rows["role"]
        aside = change.rows.filter(roles.is_in(["kept", "alone"]))["id"].to_list()
        place_again(connection, change.lost, self.now)
        tell_of_replan(connection, self.work_date, change.told, self.reason, self.now)
        published = self._finished(
            {"aside": aside},
            withdrawn=int((roles == "gone").sum()),
            left_alone=len(alone),
            dropped=change.dropped,
            told=change.told.height,
        )
        self._exchange()
        return published

    def _exchange(self) -> None:
        attempt = self.connection.begin_nested()
        try:
            self.connection.execute(EXCHANGE, {"plan": self.plan, "now": self.now})
        except DBAPIError as error:
            if sqlstate(error) != LIMIT_PASSED:
                raise
            attempt.rollback()
            asked = {"plan": self.plan, "work_date": self.work_date}
            found = self.connection.execute(REFUSED, asked).scalars()
            raise _Refused(whose_limit(error) | set(found)) from None
        attempt.commit()

    def _taken(self) -> pl.DataFrame:
        columns = {"item": pl.String(), "review_no": pl.Int64()}
        return copy_out(self.connection, TAKEN, {"work_date": self.work_date}, columns)

    def _finished(
        self, beside: dict[str, Any], withdrawn: int = 0, left_alone: int = 0, dropped: int = 0, told: int = 0
    ) -> Published:
        """All but the ledger, which comes last."""
        connection, plan, now = self.connection, self.plan, self.now
        copy_in(connection, "unplanned", self.made.unplanned.with_columns(plan=pl.lit(plan, pl.Int64)))
        row = _row(plan, self.inputs, self.made, beside, now)
        row |= {"left_alone": left_alone, "dropped": dropped}
        version: int = connection.execute(PUBLISH, row).scalar_one()
        if connection.execute(WITHDRAWN, {"plan": plan, "now": now}).first() is not None:
            raise Refusal("stale", STALE)
        keep_left_out(connection, self.work_date, self.made.unplanned, now)
        placed = connection.execute(NO_LONGER_WAITS).all()
        if told_of := sorted(row.item for row in placed if row.told_at is not None):
            tell_that_it_waits_no_longer(connection, self.work_date, told_of, now)
        published = Published(
            plan=plan,
            work_date=self.work_date,
            version=version,
            slots=self.slots.height,
            reviews=int((self.slots["kind"] == "work").sum()),
            withdrawn=withdrawn,
            left_alone=left_alone,
            dropped=dropped,
            told=told,
        )
        audit.record(
            connection,
            self.actor,
            "publish_plan",
            f"plan:{plan}",
            now,
            work_date=self.work_date.isoformat(),
            version=version,
            task=self.claim.task,
            slots=published.slots,
            withdrawn=withdrawn,
            left_alone=left_alone,
            dropped=dropped,
            told=told,
        )
        finish_task(connection, self.claim.task, self.claim.fence, now)
        return published


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


def _row(plan: int, inputs: Inputs, made: Plan, beside: dict[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "plan": plan,
        "work_date": inputs.instance.work_date,
        "now": now,
        "document": dump(inputs.instance.document),
        "beside": json.dumps(inputs.beside | beside),
        "input_version": inputs.input_version,
        "begins_at": inputs.instance.now,
        "people": inputs.instance.auditors.height,
        "ledger_snapshot": inputs.ledger_snapshot,
        "goals": Jsonb({name: float(value) for name, value in made.goals.items()}),
        "bounds": Jsonb({name: float(value) for name, value in made.bounds.items()}),
        "certificate": certificate_text(made.certificate),
        "counts": Jsonb({name: int(value) for name, value in made.counts.items()}),
        "seconds": Jsonb({name: float(value) for name, value in made.seconds.items()}),
    }
