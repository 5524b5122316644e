"""One person's day as it really went up to now, for the rules that are asked at the moment of start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from allocator.files.json_text import parse
from allocator.moment import Break, Busy, Course, Review, Shift
from allocator.rules.policy import Policy
from models.policy_in_force import declared
from models.queries.asking import Ask

# The parts of a day, for statements that have a `day` with the person as `auditor` and a `work_date`, and a
# `rules` with the policy's `document`. The last work before this shift is what the shift says or what was
# really done, whichever was later. A review is what it turned out to be: as it was posted, and of several
# posts the severest; where it was interrupted, `parts` are when it was on the screen and `pauses` the breaks.
COURSE = """
    select rules.document,
        extract(epoch from there_from(shift))::bigint as shift_start,
        extract(epoch from there_until(shift))::bigint as shift_end,
        extract(epoch from greatest(shift.last_end, (
            select max(ended_at) from slot
            where slot.auditor = day.auditor and slot.started_at is not null and slot.kind = 'work'
                and slot.work_date < day.work_date and slot.work_date >= day.work_date - rules.dates_before
        )))::bigint as last_end,
        shift.timezone,
        (
            select json_agg(row_to_json(one)) from (
                select slot.kind, slot.item, floor(extract(epoch from slot.started_at))::bigint as start,
                    ceil(extract(epoch from slot.ended_at))::bigint as end, slot.seen_seconds as seconds,
                    coalesce(seen.category, item.category) as category,
                    coalesce(seen.severity, item.severity) as severity,
                    case when not (isempty(slot.pauses) and isempty(slot.silences)) then (
                        select coalesce(json_agg(json_build_array(
                                floor(extract(epoch from lower(part)))::bigint,
                                case when upper(part) < 'infinity'
                                    then ceil(extract(epoch from upper(part)))::bigint end
                            ) order by part), '[]')
                        from unnest(looked_at(
                            slot.started_at, slot.ended_at, slot.pauses, slot.silences, 'infinity')) part
                    ) end as parts,
                    case when not isempty(slot.pauses) then (
                        select json_agg(json_build_array(
                            ceil(extract(epoch from lower(pause)))::bigint,
                            floor(extract(epoch from upper(pause)))::bigint) order by pause)
                        from unnest(slot.pauses) pause
                    ) end as pauses
                from slot
                left join item on item.id = slot.item
                left join (
                    select distinct on (ledger.slot) ledger.slot, category, severity from ledger
                    where ledger.auditor = day.auditor and ledger.work_date = day.work_date
                        and entry in ('post', 'incident')
                    order by ledger.slot, severity desc, id desc
                ) seen on seen.slot = slot.id
                where slot.auditor = day.auditor and slot.work_date = day.work_date
                    and slot.started_at is not null
                order by slot.started_at, slot.id
            ) one
        ) as happened,
        (
            select json_agg(json_build_array(
                extract(epoch from planned_start)::bigint, extract(epoch from planned_end)::bigint
            ) order by planned_start, id)
            from slot
            where slot.auditor = day.auditor and slot.work_date = day.work_date and slot.kind = 'busy'
                and slot.state = 'planned'
        ) as ahead
    from day cross join rules
    left join shift on shift.auditor = day.auditor and shift.work_date = day.work_date
"""
# A policy is read once (`materialized`): PostgreSQL would parse it anew for every row. `dates_before` is how
# many dates earlier a shift can have been from which one has to have rested yet: shifts last 16 hours at
# most, and zones differ by about a day.
RULES = """
    rules as materialized (
        select document, severe_from, clearances, (2 + (rest + 86399) / 86400)::integer as dates_before
        from (
            select policy.document, (parsed ->> 'severe_from')::smallint as severe_from,
                parsed -> 'clearances' as clearances,
                least(3153600000, coalesce((parsed ->> 'rest_between_shifts')::bigint, 0)) as rest
            from installation left join policy on policy.id = installation.policy
            cross join lateral (select policy.document::json as parsed offset 0) once
        ) read
    )
"""
DAY = f"""
    with day as (select %(auditor)s::text collate "C" as auditor, %(work_date)s::date as work_date), {RULES}
    {COURSE}
"""


def day_so_far(ask: Ask, auditor: str, work_date: date) -> Course | None:
    """What the rules say, when its person is there, and all that was begun in the shift. None: no shift, or
    no policy."""
    (row,) = ask(DAY, {"auditor": auditor, "work_date": work_date})
    return course_of(row)


def course_of(row: Any) -> Course | None:
    """A row of `COURSE`."""
    if row.document is None or row.shift_start is None:
        return None
    happened: list[Review | Break | Busy] = []
    for one in row.happened or ():
        happened += _happened(one)
    happened += [Busy(start, end) for start, end in row.ahead or ()]
    shift = Shift(row.shift_start, row.shift_end, row.last_end, row.timezone)
    return Course(rules(row.document), shift, tuple(happened))


def _happened(row: Mapping[str, Any]) -> list[Review | Break | Busy]:
    start, end = row["start"], row["end"]
    if row["kind"] == "break":
        return [Break(start, end)]
    if row["kind"] == "busy":
        return [Busy(start, end)]
    what = row["category"], row["severity"]
    if row["parts"] is None:
        return [Review(*what, start, end, row["seconds"], row["item"])]
    parts = [(begun, end if ended is None else ended) for begun, ended in row["parts"]]
    if not parts and end is not None:
        # Never on the screen by the clock: what was seen of it may have been seen just before its end.
        parts = [(end, end)]
    looked = [
        Review(*what, begun, ended, seconds, row["item"])
        for (begun, ended), seconds in zip(parts, shares(parts, row["seconds"]), strict=True)
    ]
    return [*looked, *(Break(begun, ended) for begun, ended in row["pauses"] or ())]


def shares(parts: Sequence[tuple[int, int | None]], seconds: int | None) -> list[int | None]:
    """How long it was looked at in each of its parts, if it was so many seconds in all; None: for as long as
    the part lasts. The last parts are the fullest: what came after a rest counts for longer."""
    if seconds is None:
        return [None] * len(parts)
    left = seconds
    found: list[int | None] = []
    for begun, ended in reversed(parts):
        assert ended is not None
        found.append(min(left, ended - begun))
        left -= min(left, ended - begun)
    if found and left:
        found[0] = (found[0] or 0) + left
    return found[::-1]


@lru_cache(maxsize=4)
def rules(document: str) -> Policy:
    """The rules of an adopted policy. Its limits may have changed since; they are asked of the database."""
    found = parse(document)
    assert isinstance(found, dict)
    return declared(found)
