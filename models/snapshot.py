"""The day to plan, as the database has it at one moment: an instance like one that was read from files.

Whatever the planner calls legal, the guard accepts. Where the guard would accept less than the day's own
limits say, because of what later dates hold already or because more was seen today than planned, a limit for
that one person says so (`later-1`, `later-2`, …).

While a day is in progress its plan begins a little later than now, since making it takes time. What somebody
has begun, and what they will have come to by then, stands as fixed slots at the pace that they really have
(`models.pace`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import count
from typing import Any

import polars as pl
from sqlalchemy import Connection, Row, text

from allocator.files.instance import FORMAT
from allocator.files.instants import text_from_instant
from allocator.instance import AUDITORS, FIXED, HISTORY, ITEMS, Instance
from allocator.plan import SLOTS, Plan
from allocator.rules.policy import SHORTEST_BREAK, UNITS_PER_POINT, Policy
from models.frames import copy_out
from models.pace import Ahead, Begun, as_it_went, come_to, horizon_seconds
from models.plans import plan_with
from models.policy_in_force import declared, read_policy
from models.refusal import Refusal

DAYS_OF_EVENNESS = 7
"""Today and the six dates before count for even exposure (G3)."""

DAY = text("select name, input_version from work_day where work_date = :work_date")
SNAPSHOT = text("select pg_current_snapshot()::text")
PUBLISHED = text("""
    select id, (select sum(took::double precision) from jsonb_each_text(seconds) stage (name, took)) as making
    from plan where work_date = :work_date and state = 'published'
""")
PROGRESS = text("""
    select concat(count(*), ':', coalesce(sum(hashtextextended(concat_ws(' ', id, state), 0)::numeric), 0))
    from slot where work_date = :work_date and state in ('started', 'done')
""")
SKIPPED = text("select count(*) from slot where work_date = :work_date and state = 'skipped'")


@dataclass(frozen=True, slots=True)
class Inputs:
    """A day to plan, and what must still be so when its plan is published: the versions, the plan in force
    (`previous_plan`, its number) and, before anybody has begun, that nobody has (`progress`).

    `standing` (STANDING) is what was planned, of which `kept` slots are fixed in the instance with the times
    in `from` and `to`; `placed` the slots that were added to the plan in force; `there` when each person is
    there (start, end), in seconds since 1970; `reviews` how many reviews each item wants in all, null where
    it names its people. By these it is seen whose day has moved on otherwise when the plan is published.

    `beside` is what of the instance stands in no table, or may stand there otherwise by tomorrow: who was
    known to be on shift and when, where not as the shift says, fixed slots, and items that want less or may
    go to fewer people than their rows say.
    """

    instance: Instance
    input_version: int
    limits_version: int
    ledger_snapshot: str
    previous: Plan | None
    previous_plan: int | None
    progress: str
    standing: pl.DataFrame
    placed: frozenset[int]
    there: dict[str, tuple[int, int]]
    reviews: pl.DataFrame
    beside: dict[str, Any]


def read_inputs(connection: Connection, work_date: date, now: datetime) -> Inputs:
    """The day to plan. `connection` must be one that sees one moment all along (`snapshot_transaction`).

    Raises Refusal (not-found) where no policy is in force or nothing of that date is known.
    """
    in_force = read_policy(connection)
    day = connection.execute(DAY, {"work_date": work_date}).one_or_none()
    if in_force is None or day is None:
        raise Refusal("not-found", f"Nothing is loaded for {work_date}.", "work_date")
    previous = connection.execute(PUBLISHED, {"work_date": work_date}).one_or_none()
    shifts = copy_out(connection, AUDITORS_OF_DAY, {"work_date": work_date}, AUDITORS)
    there = read_there(connection, work_date)
    pace = _pace(connection, work_date, there, previous, now)
    auditors, fixed, times = _who_is_there(connection, work_date, there, shifts, pace.fixed)
    begun = pace.begins
    if begun is None and not fixed.is_empty():
        begun = int(now.timestamp())
    kept = pace.standing.filter("kept")
    asked = {"work_date": work_date, "kept": kept["item"].drop_nulls().to_list()}
    known_items = copy_out(connection, ITEMS_OF_DAY, asked, ITEMS_BESIDE)
    items = known_items.select(list(ITEMS))
    tightened = _tightened(
        connection, work_date, in_force.policy, auditors, items, fixed, begun, kept["id"].to_list()
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
        previous=None if previous is None else plan_with(connection, previous.id, _to_come(pace.standing)),
        previous_plan=None if previous is None else previous.id,
        progress=progress(connection, work_date),
        standing=pace.standing,
        placed=frozenset() if previous is None else frozenset(read_placed(connection, previous.id)),
        there=there,
        reviews=known_items.select(
            item="id", reviews=pl.when(pl.col("known_only").list.len() == 0).then("known_reviews")
        ),
        beside=_beside(auditors, known_items, fixed) | {"shifts": times},
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
# same people again. Who has skipped an item is not asked again, and who has handed it back not on that date.
# What was begun, or will be, is among them whatever became of it: of what was withdrawn since, no more than
# what was begun is wanted.
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
        where (item.work_date = %(work_date)s or item.work_date is null)
          and (slot.state = 'skipped' or slot.state = 'returned' and slot.work_date = %(work_date)s)
        group by slot.item
    ), begun as (
        select item, count(auditor) as number, array_agg(auditor) as people
        from (
            select item, auditor from slot
            where work_date = %(work_date)s and state in ('started', 'done') and kind = 'work'
            union all select unnest(%(kept)s::text[]), null
        ) one
        group by item
    ), wanted as (
        select item.*, begun.item is not null as is_begun,
               case when withdrawn_at is null
                   then array(select unnest(only_for) except select unnest(elsewhere.people) order by 1)
                   else array(select unnest(only_for) intersect select unnest(begun.people) order by 1)
               end as still_asked,
               array(select unnest(excluded)
                     union select unnest(elsewhere.people) union select unnest(skipped.people)
                     order by 1) as kept_away,
               case when withdrawn_at is null then reviews - coalesce(elsewhere.had, 0)
                   else begun.number end as still_wanted
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


# ------------------------------------------------------------------------------------- what stands, and when

STANDING = {
    "id": pl.Int64(),
    "auditor": pl.String(),
    "kind": pl.String(),
    "item": pl.String(),
    "review_no": pl.Int64(),
    "label": pl.String(),
    "start": pl.Int64(),
    "end": pl.Int64(),
    "release": pl.Int64(),
}
STANDING_OF_DAY = """
    select slot.id, slot.auditor, slot.kind, slot.item, slot.review_no, slot.label,
           extract(epoch from slot.planned_start)::bigint, extract(epoch from slot.planned_end)::bigint,
           extract(epoch from item.release)::bigint
    from slot left join item on item.id = slot.item
    where slot.work_date = %(work_date)s and slot.state = 'planned'
    order by slot.auditor, slot.planned_start, slot.id
"""
# What was begun and not brought to an end says how far somebody is, and stands for nothing else.
BEGUN_OF_DAY = """
    select slot.auditor, slot.kind, slot.item, slot.plan is not null, slot.state in ('started', 'done'),
           floor(extract(epoch from slot.started_at))::bigint,
           floor(extract(epoch from slot.ended_at))::bigint,
           slot.pauses <> '{}' or slot.silences <> '{}',
           looked_seconds(looked_at(slot.started_at, slot.ended_at, slot.pauses, slot.silences, %(now)s)),
           coalesce((
               select max(floor(extract(epoch from
                   coalesce(upper(pause), greatest(lower(pause), %(now)s::timestamptz)) - lower(pause))))
               from unnest(slot.pauses) pause), 0)::bigint,
           extract(epoch from slot.planned_end - slot.planned_start)::bigint,
           extract(epoch from slot.planned_end)::bigint
    from slot join shift on shift.auditor = slot.auditor and shift.work_date = slot.work_date
    where slot.work_date = %(work_date)s and slot.state in ('started', 'done', 'skipped')
      and slot.started_at is not null
    order by slot.auditor, slot.started_at, slot.id
"""
BEGUN = {
    "auditor": pl.String(),
    "kind": pl.String(),
    "item": pl.String(),
    "is_planned": pl.String(),
    "stands": pl.String(),
    "started": pl.Int64(),
    "ended": pl.Int64(),
    "is_in_parts": pl.String(),
    "looked": pl.Int64(),
    "longest_pause": pl.Int64(),
    "planned": pl.Int64(),
    "planned_end": pl.Int64(),
}
PLACED = text("select id, auditor from slot where plan = :plan and placed_at is not null")
THERE = text("""
    select auditor, ceil(extract(epoch from there_from(shift)))::bigint as there_from,
           floor(extract(epoch from there_until(shift)))::bigint as there_until
    from shift where work_date = :work_date
""")


@dataclass(frozen=True, slots=True)
class _Pace:
    """`begins`: the instant from which there is still something to plan, none while nobody has begun and
    nobody will before a plan can be made. `fixed` (FIXED) stands until then."""

    begins: int | None
    fixed: pl.DataFrame
    standing: pl.DataFrame


def read_standing(connection: Connection, work_date: date) -> pl.DataFrame:
    """What is planned for the date and not begun (STANDING), by auditor and time."""
    return copy_out(connection, STANDING_OF_DAY, {"work_date": work_date}, STANDING)


def read_placed(connection: Connection, plan: int) -> dict[int, str]:
    """The slots that were added to a plan in force, whatever became of them, and whose they are."""
    return {row.id: row.auditor for row in connection.execute(PLACED, {"plan": plan})}


def read_there(connection: Connection, work_date: date) -> dict[str, tuple[int, int]]:
    """From when until when each person on shift is there, in seconds since 1970; the end may come first."""
    rows = connection.execute(THERE, {"work_date": work_date})
    return {row.auditor: (row.there_from, row.there_until) for row in rows}


def _pace(
    connection: Connection,
    work_date: date,
    there: dict[str, tuple[int, int]],
    previous: Row[Any] | None,
    now: datetime,
) -> _Pace:
    standing = read_standing(connection, work_date)
    happened = copy_out(connection, BEGUN_OF_DAY, {"work_date": work_date, "now": now}, BEGUN)
    at = int(now.timestamp())
    horizon = at + horizon_seconds(None if previous is None else previous.making)
    first = min((start for start, end in there.values() if start < end), default=None)
    rows: list[tuple[str, str, str | None, int, int]] = []
    free_from: dict[str, int] = {}
    planned_until: dict[str, int] = {}
    for auditor, kind, item, is_planned, stands, *times in happened.iter_rows():
        started, ended, is_in_parts, looked, longest_pause, planned, planned_end = times
        if is_planned == "t":
            planned_until[auditor] = planned_end
        if stands != "t":
            continue
        begun = Begun(kind == "work", started, ended, is_in_parts == "t", looked, longest_pause, planned)
        rest, piece = as_it_went(begun, at, SHORTEST_BREAK)
        if rest is not None:
            rows.append((auditor, "break", None, rest.start, rest.end))
        rows.append((auditor, kind, item, piece.start, piece.end))
        if ended is None:
            free_from[auditor] = piece.end
    in_progress = bool(rows) or (first is not None and first < (at if previous is None else horizon))
    if not in_progress:
        return _Pace(None, pl.DataFrame(schema=FIXED), _marked(standing, {}))
    # After everything that stands has begun, whatever the clocks say of it.
    begins = max(horizon, *(start + 1 for *_, start, _ in rows)) if rows else horizon
    kept: dict[int, tuple[int, int]] = {}
    for (auditor,), mine in standing.group_by("auditor", maintain_order=True):
        name = str(auditor)
        if name not in there:
            continue
        free = max(at, free_from.get(name, at), there[name][0])
        early = max(0, planned_until.get(name, free) - free)
        ahead = (Ahead(*row) for row in mine.select("id", "start", "end", "release").iter_rows())
        for slot, when in come_to(free, early, ahead, begins):
            kept[slot] = (when.start, when.end)
    marked = _marked(standing, kept)
    to_be = marked.filter("kept").select("auditor", "kind", "item", start="from", end="to")
    fixed = pl.concat([pl.DataFrame(rows, schema=FIXED, orient="row"), to_be])
    return _Pace(begins, fixed.sort("auditor", "start", "end", maintain_order=True), marked)


def _marked(standing: pl.DataFrame, kept: dict[int, tuple[int, int]]) -> pl.DataFrame:
    """Which slots stand as they are, and when they will be begun and ended."""
    times = pl.DataFrame(
        [(slot, *times) for slot, times in kept.items()],
        schema={"id": pl.Int64(), "from": pl.Int64(), "to": pl.Int64()},
        orient="row",
    )
    return standing.join(times, on="id", how="left", maintain_order="left").with_columns(
        kept=pl.col("from").is_not_null()
    )


def _to_come(standing: pl.DataFrame) -> pl.DataFrame:
    """The slots (SLOTS) that a new plan would rather not disturb."""
    return standing.filter(~pl.col("kept")).select(list(SLOTS))


# Where somebody comes after midnight to a shift that begins before it, the shift has to begin where it does:
# its date is that of its start. The time before is taken.
OTHERWISE_THERE = text("""
    select auditor, extract(epoch from shift_start)::bigint as shift_start,
           extract(epoch from shift_end)::bigint as shift_end,
           (there_from(shift) at time zone timezone)::date = work_date as is_on_date
    from shift
    where work_date = :work_date and (available_from is not null or available_until is not null)
    order by auditor
""")


def _who_is_there(
    connection: Connection,
    work_date: date,
    there: Mapping[str, tuple[int, int]],
    shifts: pl.DataFrame,
    fixed: pl.DataFrame,
) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, tuple[int, int]]]:
    """The auditors with the times at which they are there, the fixed slots, and those times where they are
    not the shift's. Who is not there at all is no auditor of the day, unless something of theirs stands."""
    stands = dict(fixed.group_by("auditor").agg(pl.col("end").max()).iter_rows())
    times: dict[str, tuple[int, int]] = {}
    gone: list[str] = []
    taken: list[tuple[str, str, None, int, int]] = []
    for row in connection.execute(OTHERWISE_THERE, {"work_date": work_date}):
        start, end = there[row.auditor]
        if start >= end:
            if row.auditor not in stands:
                gone.append(row.auditor)
                continue
            start, end = row.shift_start, max(row.shift_start + 1, end, stands[row.auditor])
        elif not row.is_on_date:
            taken.append((row.auditor, "busy", None, row.shift_start, start))
            start = row.shift_start
        if (start, end) != (row.shift_start, row.shift_end):
            times[row.auditor] = (start, end)
    auditors = at_these_times(shifts.filter(~pl.col("id").is_in(gone)), times)
    if taken:
        fixed = pl.concat([fixed, pl.DataFrame(taken, schema=FIXED, orient="row")])
    return auditors, fixed.sort("auditor", "start", "end", maintain_order=True), times


def at_these_times(auditors: pl.DataFrame, times: Mapping[str, Sequence[int]]) -> pl.DataFrame:
    """The auditors (AUDITORS), some of them with another start and end of their shift."""
    if not times:
        return auditors
    otherwise = pl.DataFrame(
        [(name, start, end) for name, (start, end) in times.items()],
        schema={name: AUDITORS[name] for name in ("id", "shift_start", "shift_end")},
        orient="row",
    )
    return auditors.update(otherwise, on="id", maintain_order="left").select(list(AUDITORS))


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


# For each person and use: `left`, what the guard would let be reserved on the date once what is planned and
# not kept is given back; `said`, what the day's limits leave after history. Only where the guard
# would let less.
ALLOWANCES = """
    with person as (select * from shift where work_date = %(work_date)s),
    to_come as (
        select slot.auditor, category, severity, modality, sum(seconds)::bigint as seconds,
               sum(items)::bigint as items
        from slot cross join lateral slot_reserved(slot.id, slot.work_date) reserved
        where slot.work_date = %(work_date)s and slot.state = 'planned' and slot.kind = 'work'
          and not slot.id = any (%(kept)s::bigint[])
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
    kept: Sequence[int],
) -> list[dict[str, Any]]:
    """Limits, as in `instance.json`, for those of whom the guard would accept less than the policy says."""
    span = {"work_date": work_date, "kept": list(kept), "days": longest_window(policy) - 1}
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
