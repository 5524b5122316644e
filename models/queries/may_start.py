"""Whether a planned review may start now: asked of the person as the shift has them, of the time, and of what
they have really seen. The third place where limits are asked, after the plan and its publication; stretches
and edges are asked of the day as it really went."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, text

from allocator.moment import Candidate, Course, may_start
from models.queries.day_so_far import day_so_far
from models.refusal import Kind

# With `slot` null: of everything that is planned for the date.
CONDITIONS = text("""
    select slot.id as slot, plan.state = 'published' and item.withdrawn_at is null as is_in_force,
        item.id as item, item.category, item.severity, item.seconds,
        extract(epoch from item.release)::bigint as released, extract(epoch from item.due)::bigint as due,
        shift.shift_start, shift.shift_end, shift.timezone, item.release,
        item.severity <= shift.max_severity and not item.category = any (shift.opt_outs) as is_taken_on,
        item.language = any (shift.languages)
            and (item.market = any (shift.markets) or '*' = any (shift.markets))
            and (asked.clearance is null or asked.clearance = any (shift.clearances))
            and not slot.auditor = any (item.excluded)
            and (cardinality(item.only_for) = 0 or slot.auditor = any (item.only_for)) as is_entitled
    from slot
    join item on item.id = slot.item
    left join plan on plan.id = slot.plan
    left join shift on shift.auditor = slot.auditor and shift.work_date = slot.work_date
    cross join (
        select document::json as document
        from installation left join policy on policy.id = installation.policy
    ) rules
    cross join lateral (select rules.document -> 'clearances' ->> item.category as clearance) asked
    where slot.auditor = :auditor and slot.work_date = :work_date and slot.kind = 'work'
        and slot.state = 'planned' and slot.id = coalesce(cast(:slot as bigint), slot.id)
    order by slot.planned_start, slot.id
""")

# Limits that a review would pass. Seen counts, plus what this review is expected to add: in the window that
# ends on the work date, and in later ones on whose last date something was seen. What is reserved counts only
# where the review would add more than was reserved for it: that much the guard has allowed.
REACHED = text("""
    select slot.id as slot, l.key, u.measure, l.window_days, last.work_date as until,
        last.work_date = slot.work_date as is_today, may.allowed, span.seen, added.expected,
        selection_in_words(u.categories, u.min_severity, rules.severe_from, u.measure) as selection
    from slot
    join item on item.id = slot.item
    join auditor person on person.id = slot.auditor
    left join dose_weight weight on weight.severity = item.severity and weight.modality = item.modality
    cross join (
        select (document::json ->> 'severe_from')::smallint as severe_from
        from installation left join policy on policy.id = installation.policy
    ) rules
    cross join exposure_limit l
    join exposure_use u on u.id = l.use
    cross join lateral (
        select exposure_measured(
            u, item.category, item.severity, item.seconds, 1, weight.units_per_second) as expected
    ) added
    cross join lateral (
        select coalesce(sum(exposure_measured(
            u, e.category, e.severity, e.seconds, e.items, own_weight.units_per_second)), 0) as reserved
        from slot_reserved(slot.id, slot.work_date) e
        left join dose_weight own_weight
            on own_weight.severity = e.severity and own_weight.modality = e.modality
    ) own
    cross join lateral (
        select slot.work_date, true as counts_seen
        union all
        select day.work_date, day.seen > 0 from limit_day day
        where day.auditor = slot.auditor and day.use = u.id and (day.seen > 0 or day.reserved > 0)
            and day.work_date > slot.work_date
            and day.work_date <= slot.work_date + (least(l.window_days, 36500) - 1)
    ) last
    left join shift on shift.auditor = slot.auditor and shift.work_date = last.work_date
    cross join lateral (
        select coalesce(sum(day.seen), 0) as seen, coalesce(sum(day.reserved), 0) as reserved
        from limit_day day
        where day.auditor = slot.auditor and day.use = u.id
            and day.work_date between last.work_date - (least(l.window_days, 36500) - 1) and last.work_date
    ) span
    cross join lateral (
        select effective_amount(
            l.amount, u.measure, coalesce(shift.exposure_percent, person.exposure_percent)) as allowed
    ) may
    where slot.auditor = :auditor and slot.work_date = :work_date and slot.kind = 'work'
        and slot.state = 'planned' and slot.id = coalesce(cast(:slot as bigint), slot.id)
        and l.scope in (
            'org', 'market:' || coalesce(shift.home_market, person.home_market),
            'team:' || coalesce(shift.team, person.team), 'auditor:' || person.id)
        and added.expected > 0
        and (last.counts_seen and span.seen + added.expected > may.allowed
            or added.expected > own.reserved
                and span.seen + span.reserved - own.reserved + added.expected > may.allowed)
    order by slot.planned_start, slot.id, l.position, l.key, last.work_date
""")
UNITS = {"seconds": (60, "minutes"), "items": (1, "items"), "dose": (600, "points")}


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why a review may not start now, as a refusal says it; `sentence` is for its person alone."""

    kind: Kind
    sentence: str


def hindrance(
    connection: Connection, auditor: str, work_date: date, slot: int, now: datetime
) -> Hindrance | None:
    """Why this planned review of this person may not start now; none if it may."""
    asked = {"auditor": auditor, "work_date": work_date, "slot": slot}
    row = connection.execute(CONDITIONS, asked).one()
    if (found := _unmet(row, now)) is not None:
        return found
    if (reached := connection.execute(REACHED, asked).first()) is not None:
        return Hindrance("limit-reached", _limit_sentence(reached))
    course = day_so_far(connection, auditor, work_date)
    return None if course is None else _too_soon(course, row, now)


@dataclass(frozen=True, slots=True)
class Planned:
    """A planned review and why it may not start now, if it may not."""

    slot: int
    candidate: Candidate
    hindrance: Hindrance | None


def planned_reviews(
    connection: Connection, auditor: str, work_date: date, course: Course, now: datetime
) -> Iterator[Planned]:
    """Everything that is planned for this person on the date, in order."""
    asked = {"auditor": auditor, "work_date": work_date, "slot": None}
    reached = {row.slot: row for row in reversed(connection.execute(REACHED, asked).all())}
    for row in connection.execute(CONDITIONS, asked):
        found = _unmet(row, now)
        if found is None and row.slot in reached:
            found = Hindrance("limit-reached", _limit_sentence(reached[row.slot]))
        yield Planned(row.slot, _candidate(row), found or _too_soon(course, row, now))


def _too_soon(course: Course, row: Row[Any], now: datetime) -> Hindrance | None:
    """What of H3, H5 and H6 does not hold, asked of the day as it really went."""
    verdict = may_start(course, _candidate(row), int(now.timestamp()))
    if verdict.allowed:
        return None
    assert verdict.sentence is not None
    return Hindrance("too-soon", verdict.sentence)


def _candidate(row: Row[Any]) -> Candidate:
    return Candidate(row.category, row.severity, row.seconds, row.released, row.due, row.item)


def _unmet(row: Row[Any], now: datetime) -> Hindrance | None:
    """What of H1 and H3 does not hold."""
    if not row.is_in_force or row.shift_start is None:
        return Hindrance("stale", "This review is not in your plan any more; fetch your queue again.")
    if now < row.shift_start:
        return Hindrance("too-early", f"Your shift starts at {_clock(row.shift_start, row.timezone)}.")
    if now >= row.shift_end:
        return Hindrance("conflict", f"Your shift ended at {_clock(row.shift_end, row.timezone)}.")
    if not row.is_taken_on:
        return Hindrance("conflict", "You do not take this category or this severity.")
    if not row.is_entitled:
        return Hindrance("conflict", "This review asks for something that you do not have on this date.")
    if row.release is not None and now < row.release:
        return Hindrance("too-early", f"Nobody may start it before {_clock(row.release, row.timezone)}.")
    return None


def _clock(instant: datetime, timezone: str) -> str:
    return f"{instant.astimezone(ZoneInfo(timezone)):%H:%M}"


def _limit_sentence(row: Row[Any]) -> str:
    """Whole numbers that never make a refusal look wrong: what is used rounded up, what is allowed down."""
    size, unit = UNITS[row.measure]
    when = (
        "today"
        if row.window_days == 1 and row.is_today
        else f"in the {row.window_days} dates up to {'today' if row.is_today else row.until.isoformat()}"
    )
    expected = ceil(row.expected / size)
    adds = {
        "seconds": f"this review is expected to take {expected}",
        "items": "this review is one more",
        "dose": f"this review is expected to add {expected}",
    }[row.measure]
    used, allowed = ceil(row.seen / size), row.allowed // size
    if row.seen + row.expected > row.allowed:
        return f"You have seen {used} of {allowed} {unit} of {row.selection} {when}; {adds}."
    return (
        f"You have seen {used} of {allowed} {unit} of {row.selection} {when}, and what is left is kept for "
        f"what is planned; {adds}, more than was planned for it."
    )
