"""The day to plan, as the database has it at one moment: an instance like one that was read from files.

Whatever the planner calls legal, the guard accepts. Where the guard would accept less than the day's own
limits say, because of what later dates hold already or because more was seen today than planned, a limit for
that one person says so (`later-1`, `later-2`, …).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from itertools import count
from typing import Any

import polars as pl
from sqlalchemy import Connection, text

from allocator.files.instance import FORMAT
from allocator.files.instants import text_from_instant
from allocator.instance import AUDITORS, FIXED, HISTORY, ITEMS, Instance
from allocator.plan import Plan
from allocator.rules.policy import UNITS_PER_POINT, Policy
from models.frames import copy_out
from models.plans import plan_to_come
from models.policy_in_force import declared, read_policy
from models.refusal import Refusal

DAYS_OF_EVENNESS = 7
"""Today and the six dates before count for even exposure (G3)."""

DAY = text("select name, input_version from work_day where work_date = :work_date")
SNAPSHOT = text("select pg_current_snapshot()::text")
PUBLISHED = text("select id from plan where work_date = :work_date and state = 'published'")
PROGRESS = text("""
    select concat(count(*), ':', coalesce(sum(hashtextextended(concat_ws(' ', id, state), 0)::numeric), 0))
    from slot where work_date = :work_date and state in ('started', 'done')
""")
SKIPPED = text("select count(*) from slot where work_date = :work_date and state = 'skipped'")


@dataclass(frozen=True, slots=True)
class Inputs:
    """A day to plan, and what must still be so when its plan is published: the versions, the plan in force
    (`previous_plan`, its number) and what work has been begun, ended or skipped (`progress`).

    `beside` is what of the instance stands in no table, or may stand there otherwise by tomorrow: who was
    known to be on shift, fixed slots, and items that want less or may go to fewer people than their rows say.
    """

    instance: Instance
    input_version: int
    limits_version: int
    ledger_snapshot: str
    previous: Plan | None
    previous_plan: int | None
    progress: str
    beside: dict[str, Any]


def read_inputs(connection: Connection, work_date: date, now: datetime) -> Inputs:
    """The day to plan. `connection` must be one that sees one moment all along (`snapshot_transaction`).

    Raises Refusal (not-found) where no policy is in force or nothing of that date is known.
    """
    in_force = read_policy(connection)
    day = connection.execute(DAY, {"work_date": work_date}).one_or_none()
    if in_force is None or day is None:
        raise Refusal("not-found", f"Nothing is loaded for {work_date}.", "work_date")
    fixed = _fixed(connection, work_date, now)
    auditors = copy_out(connection, AUDITORS_OF_DAY, {"work_date": work_date}, AUDITORS)
    begun = _first_to_plan(auditors, fixed, now)
    known_items = copy_out(connection, ITEMS_OF_DAY, {"work_date": work_date}, ITEMS_BESIDE)
    items = known_items.select(list(ITEMS))
    previous_plan = connection.execute(PUBLISHED, {"work_date": work_date}).scalar_one_or_none()
    tightened = _tightened(
        connection, work_date, in_force.policy, auditors, items, fixed, begun, previous_plan
    )
    policy_document = in_force.document | {"limits": [*in_force.document["limits"], *tightened]}
    document = {
        "format": FORMAT,
        "name": day.name,
        "work_date": work_date.isoformat(),
        "policy": policy_document,
        **({} if begun is None else {"now": text_from_instant(begun)}),
    }
    instance = Instance(
        name=day.name,
        work_date=work_date,
        policy=declared(policy_document),
        now=begun,
        auditors=auditors,
        items=items,
        history=read_history(connection, work_date, longest_window(in_force.policy), None),
        fixed=fixed,
        document=document,
    )
    return Inputs(
        instance=instance,
        input_version=day.input_version,
        limits_version=in_force.limits_version,
        ledger_snapshot=connection.execute(SNAPSHOT).scalar_one(),
        previous=None if previous_plan is None else plan_to_come(connection, previous_plan),
        previous_plan=previous_plan,
        progress=progress(connection, work_date),
        beside=_beside(auditors, known_items, fixed),
    )


def progress(connection: Connection, work_date: date) -> str:
    """What has been begun, ended and skipped on a date, as text that changes with it."""
    day = {"work_date": work_date}
    begun = connection.execute(PROGRESS, day).scalar_one()
    return f"{begun}:{connection.execute(SKIPPED, day).scalar_one()}"


# ----------------------------------------------------------------------------------------- people and items

AUDITORS_OF_DAY = """
    select auditor, team, home_market, timezone, to_json(languages), to_json(markets), to_json(clearances),
           to_json(opt_outs), max_severity, exposure_percent, extract(epoch from shift_start)::bigint,
           extract(epoch from shift_end)::bigint, extract(epoch from last_end)::bigint
    from shift where work_date = %(work_date)s order by auditor
"""
# An item without a date is everybody's until it has its reviews: those of other dates are had, and not by the
# same people again. Who has skipped an item is not asked again.
ITEMS_OF_DAY = """
    with elsewhere as (
        select item, count(*) as had, array_agg(auditor) as people
        from slot join item on item.id = slot.item
        where item.work_date is null and slot.kind = 'work' and slot.work_date <> %(work_date)s
          and slot.state in ('planned', 'started', 'done')
        group by slot.item
    ), skipped as (
        select slot.item, array_agg(distinct slot.auditor) as people
        from slot join item on item.id = slot.item
        where slot.state = 'skipped' and (item.work_date = %(work_date)s or item.work_date is null)
        group by slot.item
    ), begun as (
        select distinct item from slot
        where work_date = %(work_date)s and state in ('started', 'done') and kind = 'work'
    ), wanted as (
        select item.*, begun.item is not null as is_begun,
               array(select unnest(only_for) except select unnest(elsewhere.people) order by 1)
                   as still_asked,
               array(select unnest(excluded)
                     union select unnest(elsewhere.people) union select unnest(skipped.people)
                     order by 1) as kept_away,
               reviews - coalesce(elsewhere.had, 0) as still_wanted
        from item
        left join elsewhere on elsewhere.item = item.id
        left join skipped on skipped.item = item.id
        left join begun on begun.item = item.id
        where item.work_date = %(work_date)s or item.work_date is null
    )
    select id, kind, market, language, category, severity, modality, seconds,
           greatest(case when only_for = '{}' then still_wanted else cardinality(still_asked) end, 1),
           priority, extract(epoch from release)::bigint, extract(epoch from due)::bigint, stratum, draw,
           to_json(case when cardinality(kept_away) = cardinality(excluded) then excluded else kept_away end),
           to_json(case when cardinality(still_asked) = cardinality(only_for) then only_for
                        else still_asked end),
           reviews, to_json(excluded), to_json(only_for)
    from wanted
    where is_begun
       or withdrawn_at is null
          and case when only_for = '{}' then still_wanted > 0 else still_asked <> '{}' end
    order by position
"""
BESIDE = ("reviews", "excluded", "only")
ITEMS_BESIDE = ITEMS | {f"known_{name}": ITEMS[name] for name in BESIDE}


def _beside(auditors: pl.DataFrame, items: pl.DataFrame, fixed: pl.DataFrame) -> dict[str, Any]:
    asked = items.filter(
        pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"known_{name}")) for name in BESIDE)
    )
    return {
        "auditors": auditors["id"].to_list(),
        "fixed": fixed.rows(),
        "items": {
            item: dict(zip(BESIDE, as_asked, strict=True))
            for item, *as_asked in asked.select("id", *BESIDE).rows()
        },
    }


# Work that has begun stands, with the times that it really has; what still runs is expected to take as long
# as it was to take. A second is the shortest there is.
FIXED_OF_DAY = """
    select slot.auditor, slot.kind, slot.item, floor(extract(epoch from slot.started_at))::bigint,
           greatest(
               floor(extract(epoch from slot.started_at))::bigint + 1,
               case when slot.ended_at is not null then floor(extract(epoch from slot.ended_at))::bigint
                    else greatest(
                        floor(extract(epoch from slot.started_at))::bigint
                            + extract(epoch from slot.planned_end - slot.planned_start)::bigint,
                        %(now)s + 1) end)
    from slot join shift on shift.auditor = slot.auditor and shift.work_date = slot.work_date
    where slot.work_date = %(work_date)s and slot.state in ('started', 'done') and slot.started_at is not null
    order by slot.auditor, slot.started_at, slot.id
"""


def _fixed(connection: Connection, work_date: date, now: datetime) -> pl.DataFrame:
    return copy_out(connection, FIXED_OF_DAY, {"work_date": work_date, "now": int(now.timestamp())}, FIXED)


def _first_to_plan(auditors: pl.DataFrame, fixed: pl.DataFrame, now: datetime) -> int | None:
    """The instant from which there is still something to plan: none while no shift and no work has begun.

    After everything that stands has begun, whatever the clocks say of it.
    """
    at = int(now.timestamp())
    last = fixed["start"].max()
    if isinstance(last, int):
        return max(at, last + 1)
    first = auditors["shift_start"].min()
    return at if isinstance(first, int) and first < at else None


# ------------------------------------------------------------------------------------------------- exposure

HISTORY_BEFORE = """
    select auditor, work_date, category, severity, modality, seconds, items
    from (
        select auditor, work_date, category, severity, modality,
               sum(case entry when 'release' then -seconds else seconds end)::bigint as seconds,
               sum(case entry when 'release' then -items else items end)::bigint as items
        from ledger
        where work_date between %(work_date)s::date - %(days)s::integer and %(work_date)s::date - 1
          and auditor in (select auditor from shift where shift.work_date = %(work_date)s)
          and (%(snapshot)s::pg_snapshot is null or pg_visible_in_snapshot(xact, %(snapshot)s::pg_snapshot))
        group by auditor, work_date, category, severity, modality
    ) net
    where seconds > 0 or items > 0
    order by auditor, work_date, category, severity, modality
"""


def longest_window(policy: Policy) -> int:
    """How many dates count for what is planned today, today included."""
    return max([DAYS_OF_EVENNESS, *(limit.window_days for limit in policy.limits)])


def read_history(connection: Connection, work_date: date, longest: int, snapshot: str | None) -> pl.DataFrame:
    """What the people on shift had on the `longest` − 1 dates before: seen, or reserved and not yet seen.
    With a snapshot, as the ledger was then."""
    span = {"work_date": work_date, "days": longest - 1, "snapshot": snapshot}
    return copy_out(connection, HISTORY_BEFORE, span, HISTORY)


# For each person and use: `left`, what the guard would let be reserved on the date once the plan in force has
# given back what is still to come; `said`, what the day's limits leave after history. Only where the guard
# would let less.
ALLOWANCES = """
    with person as (select * from shift where work_date = %(work_date)s),
    to_come as (
        select slot.auditor, category, severity, modality, sum(seconds)::bigint as seconds,
               sum(items)::bigint as items
        from slot cross join lateral slot_reserved(slot.id, slot.work_date) reserved
        where slot.plan = %(previous)s and slot.state = 'planned' and slot.kind = 'work'
        group by slot.auditor, category, severity, modality
    ), given_back as (
        select auditor, u.id as use,
               sum(exposure_measured(u, category, severity, seconds, items, units_per_second)) as measured
        from to_come left join dose_weight using (severity, modality) cross join exposure_use u
        group by 1, 2
    ), last as (
        select auditor, use, work_date from limit_day
        where auditor in (select auditor from person)
          and work_date between %(work_date)s::date + 1 and %(work_date)s::date + %(days)s::integer
          and (seen > 0 or reserved > 0)
        union all
        select auditor, u.id, %(work_date)s::date from person cross join exposure_use u
    ), bound as (
        select last.auditor, last.use, last.work_date, earlier.days,
               effective_amount(l.amount, u.measure, coalesce(shift.exposure_percent, known.exposure_percent))
                   as allowed
        from last
        join exposure_limit l on l.use = last.use
        join exposure_use u on u.id = l.use
        cross join lateral (select least(l.window_days, 36500) - 1) earlier (days)
        join auditor known on known.id = last.auditor
        left join shift on shift.auditor = last.auditor and shift.work_date = last.work_date
        where last.work_date <= %(work_date)s::date + earlier.days
          and l.scope in ('org', 'market:' || coalesce(shift.home_market, known.home_market),
                          'team:' || coalesce(shift.team, known.team), 'auditor:' || last.auditor)
    ), windows as (
        select bound.auditor, bound.use,
               min(allowed - coalesce(whole.used, 0) + coalesce(given_back.measured, 0)) as "left",
               min(allowed - coalesce(before.used, 0)) filter (where work_date = %(work_date)s::date) as said
        from bound
        left join given_back on given_back.auditor = bound.auditor and given_back.use = bound.use
        cross join lateral (
            select sum(seen) + sum(reserved) as used from limit_day d
            where d.auditor = bound.auditor and d.use = bound.use
              and d.work_date between bound.work_date - bound.days and bound.work_date
        ) whole
        cross join lateral (
            select sum(seen) + sum(reserved) as used from limit_day d
            where d.auditor = bound.auditor and d.use = bound.use
              and d.work_date between %(work_date)s::date - bound.days and %(work_date)s::date - 1
        ) before
        group by 1, 2
    )
    select auditor, to_json(categories), min_severity, measure, exposure_percent, "left"::text, said::text
    from windows join person using (auditor) join exposure_use u on u.id = windows.use
    where "left" < said or said is null
    order by auditor, u.id
"""
ALLOWANCE = {
    "auditor": pl.String(),
    "categories": pl.List(pl.String()),
    "min_severity": pl.Int64(),
    "measure": pl.String(),
    "percent": pl.Int64(),
    "left": pl.String(),
    "said": pl.String(),
}


def _tightened(
    connection: Connection,
    work_date: date,
    policy: Policy,
    auditors: pl.DataFrame,
    items: pl.DataFrame,
    fixed: pl.DataFrame,
    now: int | None,
    previous_plan: int | None,
) -> list[dict[str, Any]]:
    """Limits, as in `instance.json`, for those of whom the guard would accept less than the policy says."""
    span = {"work_date": work_date, "previous": previous_plan, "days": longest_window(policy) - 1}
    allowances = copy_out(connection, ALLOWANCES, span, ALLOWANCE)
    if allowances.is_empty():
        return []
    begun = _begun(items, fixed, policy)
    spare = _spare_seconds(auditors, now)
    taken = {rule.key for rules in (policy.limits, policy.stretches, policy.edges) for rule in rules}
    keys = (key for key in (f"later-{number}" for number in count(1)) if key not in taken)
    heaviest = max(policy.dose.severity) * max(policy.dose.modality_tenths.values())
    found = []
    for auditor, categories, min_severity, measure, percent, left, said in allowances.iter_rows():
        used = sum(
            amount
            for (category, severity), amounts in begun.get(auditor, {}).items()
            for amount in [amounts[measure]]
            if severity >= min_severity and (not categories or category in categories)
        )
        allowed = int(left) + used
        most = spare.get(auditor, 0) * (heaviest if measure == "dose" else 1)
        if int(left) >= most or (said is not None and (allowed >= int(said) or int(said) <= used)):
            continue
        units = UNITS_PER_POINT if measure == "dose" else 1
        amount = max(0, ((allowed + 1) * 100 - 1) // (units * percent))
        limit = {
            "key": next(keys),
            "scope": f"auditor:{auditor}",
            "measure": measure,
            "window_days": 1,
            "amount": amount,
        }
        if categories:
            limit["categories"] = categories
        if min_severity:
            limit["min_severity"] = min_severity
        found.append(limit)
    return found


def _begun(
    items: pl.DataFrame, fixed: pl.DataFrame, policy: Policy
) -> dict[str, dict[tuple[str, int], dict[str, int]]]:
    """What fixed work takes of each person, by category and severity, in each measure."""
    work = fixed.filter(pl.col("kind") == "work").join(items, left_on="item", right_on="id")
    found: dict[str, dict[tuple[str, int], dict[str, int]]] = {}
    columns = ("auditor", "category", "severity", "modality", "start", "end")
    for auditor, category, severity, modality, start, end in work.select(columns).iter_rows():
        amounts = found.setdefault(auditor, {}).setdefault(
            (category, severity), {"seconds": 0, "items": 0, "dose": 0}
        )
        amounts["seconds"] += end - start
        amounts["items"] += 1
        amounts["dose"] += (end - start) * policy.dose.units_per_second(severity, modality)
    return found


def _spare_seconds(auditors: pl.DataFrame, now: int | None) -> dict[str, int]:
    """How long each person could work at most: what passes no limit even so needs none."""
    opens = pl.max_horizontal("shift_start", pl.lit(now, dtype=pl.Int64))
    spare = (pl.col("shift_end") - opens).clip(lower_bound=0)
    return dict(auditors.select("id", spare).iter_rows())
