"""Whether a planned review may start now, or a paused one go on: asked of the person as the shift has them,
of the time, and of what they have really seen. The third place where limits are asked, after the plan and its
publication; stretches and edges are asked of the day as it really went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from math import ceil
from typing import Any

from allocator.figures import several
from allocator.moment import Candidate, Course, Verdict, may_start, verdicts
from allocator.moment.words import clock
from models.queries.asking import Ask
from models.queries.day_so_far import RULES, day_so_far
from models.refusal import Kind

# Reviews of one person's date (for a statement that has `day` and `rules`), each with what of H1 to H3 holds
# and the first limit that it would pass. Seen counts, plus what the review is expected to add (one that runs:
# at least what is reserved for it): in the window that ends on the work date, and in later ones on whose last
# date something was seen. What is reserved counts only where the review would add more than was reserved for
# it: that much the guard has allowed.
CHOSEN = """
    chosen as materialized (
        select slot.* from day
        join slot on slot.auditor = day.auditor and slot.work_date = day.work_date and slot.kind = 'work'
            and {which}
    ), kept as materialized (
        select chosen.id as slot, e.category, e.severity, e.seconds, e.items, weight.units_per_second
        from chosen cross join lateral slot_reserved(chosen.id, chosen.work_date) e
        left join dose_weight weight on weight.severity = e.severity and weight.modality = e.modality
    ), spans as materialized (
        select l.key, l.position, l.window_days, u, last.work_date, last.counts_seen, span.seen,
            span.reserved, effective_amount(
                l.amount, (u).measure, coalesce(shift.exposure_percent, person.exposure_percent)) as allowed
        from day
        join auditor person on person.id = day.auditor
        cross join exposure_limit l
        join exposure_use u on u.id = l.use
        cross join lateral (
            select day.work_date, true as counts_seen
            union all
            select later.work_date, later.seen > 0 from limit_day later
            where later.auditor = person.id and later.use = u.id and (later.seen > 0 or later.reserved > 0)
                and later.work_date > day.work_date
                and later.work_date <= day.work_date + (least(l.window_days, 36500) - 1)
        ) last
        left join shift on shift.auditor = person.id and shift.work_date = last.work_date
        cross join lateral (
            select coalesce(sum(one.seen), 0) as seen, coalesce(sum(one.reserved), 0) as reserved
            from limit_day one
            where one.auditor = person.id and one.use = u.id and one.work_date
                between last.work_date - (least(l.window_days, 36500) - 1) and last.work_date
        ) span
        where l.scope in (
            'org', 'market:' || coalesce(shift.home_market, person.home_market),
            'team:' || coalesce(shift.team, person.team), 'auditor:' || person.id)
    )
"""
REVIEWS = """
    select chosen.id as slot, plan.state = 'published' and item.withdrawn_at is null as is_in_force,
        item.withdrawn_at is not null as is_withdrawn,
        item.id as item, item.category, item.severity, item.seconds,
        extract(epoch from item.release)::bigint as released, extract(epoch from item.due)::bigint as due,
        there_from(shift) as there_from, there_until(shift) as there_until, shift.timezone as zone,
        item.release,
        item.severity <= shift.max_severity and not item.category = any (shift.opt_outs) as is_taken_on,
        item.language = any (shift.languages)
            and (item.market = any (shift.markets) or '*' = any (shift.markets))
            and (asks.clearance is null or asks.clearance = any (shift.clearances))
            and not chosen.auditor = any (item.excluded)
            and (cardinality(item.only_for) = 0 or chosen.auditor = any (item.only_for)) as is_entitled,
        reached.told as reached
    from chosen
    join item on item.id = chosen.item
    left join plan on plan.id = chosen.plan
    left join shift on shift.auditor = chosen.auditor and shift.work_date = chosen.work_date
    left join dose_weight weight on weight.severity = item.severity and weight.modality = item.modality
    cross join rules
    cross join lateral (
        select rules.clearances ->> item.category as clearance,
            case when chosen.state = 'started' then greatest(item.seconds, (
                select coalesce(sum(kept.seconds), 0)::bigint from kept where kept.slot = chosen.id
            )) else item.seconds end as seconds
    ) asks
    left join lateral (
        select json_build_object(
            'measure', (spans.u).measure, 'window_days', spans.window_days, 'until', spans.work_date,
            'is_today', spans.work_date = chosen.work_date, 'allowed', spans.allowed, 'seen', spans.seen,
            'expected', added.expected, 'selection', selection_in_words(
                (spans.u).categories, (spans.u).min_severity, rules.severe_from, (spans.u).measure)) as told
        from spans
        cross join lateral (
            select exposure_measured(
                spans.u, item.category, item.severity, asks.seconds, 1, weight.units_per_second) as expected
        ) added
        cross join lateral (
            select coalesce(sum(exposure_measured(spans.u, kept.category, kept.severity, kept.seconds,
                kept.items, kept.units_per_second)), 0) as reserved
            from kept where kept.slot = chosen.id
        ) own
        where added.expected > 0
            and (spans.counts_seen and spans.seen + added.expected > spans.allowed
                or added.expected > own.reserved
                    and spans.seen + spans.reserved - own.reserved + added.expected > spans.allowed)
        order by spans.position, spans.key, spans.work_date
        limit 1
    ) reached on true
"""
ASKED = f"""
    with day as not materialized (
        select %(auditor)s::text collate "C" as auditor, %(work_date)s::date as work_date
    ), {RULES}, {CHOSEN} {REVIEWS} order by chosen.planned_start, chosen.id
"""
IN_ORDER = "slot.state = 'planned' order by slot.planned_start, slot.id"
ONE = ASKED.format(which="slot.id = %(slot)s")
PLANNED = ASKED.format(which=f"{IN_ORDER} offset %(after)s limit %(most)s")
FIRST = CHOSEN.format(which=f"{IN_ORDER} limit 1")
# What is left of the lease of a paused review, and of the review itself: as much at least, and a second.
LEFT = """
    select greatest(0, own.seconds - looked.seconds) as leased,
        greatest(1, greatest(item.seconds, own.seconds) - looked.seconds) as expected
    from slot join item on item.id = slot.item
    cross join lateral (
        select coalesce(sum(e.seconds), 0)::bigint as seconds from slot_reserved(slot.id, slot.work_date) e
    ) own
    cross join lateral (
        select looked_seconds(looked_at(
            started_at, null, pauses, silences, greatest(beat_at, %(at)s::timestamptz))) as seconds
    ) looked
    where slot.id = %(slot)s
"""
UNITS = {"seconds": (60, "minute"), "items": (1, "item"), "dose": (600, "point")}


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why a review may not start now, as a refusal says it; `sentence` is for its person alone."""

    kind: Kind
    sentence: str


def hindrance(ask: Ask, auditor: str, work_date: date, slot: int, now: datetime) -> Hindrance | None:
    """Why this planned review of this person may not start now; none if it may."""
    (row,) = ask(ONE, {"auditor": auditor, "work_date": work_date, "slot": slot})
    found = _unmet(row, now) or _reached(row)
    if found is not None:
        return found
    course = day_so_far(ask, auditor, work_date)
    return None if course is None else _too_soon(may_start(course, _candidate(row), int(now.timestamp())))


def rest_of(
    ask: Ask, auditor: str, work_date: date, slot: int, seconds: int, course: Course | None, now: datetime
) -> Planned:
    """What is left of a paused review, so many seconds, and why it may not go on now, if it may not. It was
    begun, so that another plan in force is no reason, and its release is over."""
    (row,) = ask(ONE, {"auditor": auditor, "work_date": work_date, "slot": slot})
    left = replace(_candidate(row), seconds=seconds, release=None)
    found: Hindrance | None
    if row.is_withdrawn:
        found = Hindrance("stale", "This review is not wanted any more; skip it.")
    elif not (row.is_taken_on and row.is_entitled):
        found = Hindrance("conflict", NOT_FOR_YOU)
    else:
        found = _reached(row)
    if found is None and course is not None:
        found = _too_soon(may_start(course, left, int(now.timestamp())))
    return Planned(slot, left, found)


@dataclass(frozen=True, slots=True)
class Planned:
    """A planned review and why it may not start now, if it may not."""

    slot: int
    candidate: Candidate
    hindrance: Hindrance | None


BATCHES = (1, 6)
"""How many planned reviews are looked at at first, and then: mostly the first may start. Then all others."""


def planned_reviews(
    ask: Ask,
    auditor: str,
    work_date: date,
    course: Course,
    now: datetime,
    first: Sequence[Any] | None = None,
) -> Iterator[Planned]:
    """Everything that is planned for this person on the date, in order; asked for as far as it is wanted.
    `first` is the row of the first, if that was asked for already; empty: nothing is planned."""
    verdict = verdicts(course, int(now.timestamp()))
    after = 0
    for most in (*BATCHES, None):
        if after or first is None:
            rows = ask(PLANNED, {"auditor": auditor, "work_date": work_date, "after": after, "most": most})
        else:
            rows = first
        for row in rows:
            candidate = _candidate(row)
            found = _unmet(row, now) or _reached(row) or _too_soon(verdict(candidate))
            yield Planned(row.slot, candidate, found)
        if most is None or len(rows) < most:
            return
        after += most


def _reached(row: Any) -> Hindrance | None:
    """The first limit that this review would pass."""
    return None if row.reached is None else Hindrance("limit-reached", _limit_sentence(row.reached))


def _too_soon(verdict: Verdict) -> Hindrance | None:
    """What of H3, H5 and H6 does not hold, asked of the day as it really went."""
    if verdict.allowed:
        return None
    assert verdict.sentence is not None
    return Hindrance("too-soon", verdict.sentence)


def _candidate(row: Any) -> Candidate:
    return Candidate(row.category, row.severity, row.seconds, row.released, row.due, row.item)


NOT_FOR_YOU = "This review asks for something that you do not have, or do not take, on this date."


def _unmet(row: Any, now: datetime) -> Hindrance | None:
    """What of H1 and H3 does not hold."""
    if not row.is_in_force or row.there_from is None:
        return Hindrance("stale", "This review is not in your plan any more; fetch your queue again.")
    if now < row.there_from:
        return Hindrance("too-early", f"Your shift starts at {_clock(row.there_from, row.zone)}.")
    if now >= row.there_until:
        return Hindrance("conflict", f"Your shift ended at {_clock(row.there_until, row.zone)}.")
    if not row.is_taken_on:
        return Hindrance("conflict", "You do not take this category or this severity.")
    if not row.is_entitled:
        return Hindrance("conflict", "This review asks for something that you do not have on this date.")
    if row.release is not None and now < row.release:
        return Hindrance("too-early", f"Nobody may start it before {_clock(row.release, row.zone)}.")
    return None


def _clock(instant: datetime, timezone: str) -> str:
    return clock(int(instant.timestamp()), timezone)


def _limit_sentence(found: Mapping[str, Any]) -> str:
    """Whole numbers that never make a refusal look wrong: what is used rounded up, what is allowed down."""
    size, unit = UNITS[found["measure"]]
    when = (
        "today"
        if found["window_days"] == 1 and found["is_today"]
        else f"in the {found['window_days']} dates up to {'today' if found['is_today'] else found['until']}"
    )
    expected = ceil(found["expected"] / size)
    adds = {
        "seconds": f"this review is expected to take {expected}",
        "items": "this review is one more",
        "dose": f"this review is expected to add {expected}",
    }[found["measure"]]
    used, allowed = ceil(found["seen"] / size), several(found["allowed"] // size, unit)
    if found["seen"] + found["expected"] > found["allowed"]:
        return f"You have seen {used} of {allowed} of {found['selection']} {when}; {adds}."
    return (
        f"You have seen {used} of {allowed} of {found['selection']} {when}, and what is left is kept "
        f"for what is planned; {adds}, more than was planned for it."
    )
