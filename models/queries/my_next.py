"""What one person may do at this moment: the planned thing, the next safe one in its place, or a rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

from sqlalchemy import Connection

from allocator.moment import Course, next_rest, verdicts
from allocator.moment.words import shift_over
from models.queries.asking import Ask, within
from models.queries.day_so_far import COURSE, RULES, course_of, day_so_far
from models.queries.may_start import FIRST, LEFT, REVIEWS, Planned, planned_reviews, rest_of

Label = Literal["short", "recovery", "meal"]
Do = Literal["finish", "review", "break", "wait", "nothing"]

BREAKS = """
    select id, label, planned_start, extract(epoch from planned_end - planned_start)::bigint as seconds
    from slot
    where auditor = {auditor} and work_date = {work_date} and kind = 'break' and state = 'planned'
    order by planned_start, id limit 1
"""
NEXT_BREAK = BREAKS.format(auditor="%(auditor)s", work_date="%(work_date)s")
BY_NAME = 'select %(auditor)s::text collate "C" as auditor'
BY_TOKEN = """
    select subject collate "C" as auditor from token
    where digest = %(digest)s and revoked_at is null and expires_at > %(now)s and persona = 'auditor'
"""
# The person and what mostly is all that the answer needs: what runs, the day so far, the first review that is
# still planned, and the break that comes before it.
MOMENT = f"""
    with asking as ({{asking}}), runs as (
        select slot.id, slot.kind, slot.work_date, is_paused(slot.pauses) as is_paused
        from asking join slot on slot.auditor = asking.auditor and slot.state = 'started'
    ), day as (
        select asking.auditor, coalesce(runs.work_date, work_date_of(asking.auditor, %(now)s)) as work_date
        from asking left join runs on true
    ), {RULES}, {FIRST}
    select day.auditor, day.work_date, runs.id as runs, runs.kind as running, runs.is_paused,
        first.id as first_break, first.seconds as break_seconds,
        first.label as break_label, course.*, review.*
    from ({COURSE}) course cross join day
    left join runs on true
    left join ({REVIEWS}) review on true
    left join lateral ({BREAKS.format(auditor="day.auditor", work_date="day.work_date")}) first
        on not exists (
            select from slot
            where slot.auditor = day.auditor and slot.work_date = day.work_date and slot.kind = 'work'
                and slot.state = 'planned' and slot.planned_start < first.planned_start
        )
"""
OF_NAMED = MOMENT.format(asking=BY_NAME)
OF_HOLDER = MOMENT.format(asking=BY_TOKEN)


@dataclass(frozen=True, slots=True, repr=False)
class Next:
    """`do` is what comes now: `finish` what runs, start the `review` or the `break`, `wait` until something
    may start, or `nothing`. `slot` is what to start or finish; a break without one was not planned. `seconds`
    is how long it is expected to take. `sentence` says why it is not what was planned, or what is awaited.

    A paused review is to be finished as soon as it may go on; until then a break comes."""

    work_date: date
    do: Do
    slot: int | None
    seconds: int | None = None
    until: datetime | None = None
    label: Label | None = None
    sentence: str | None = None


def my_next(connection: Connection, auditor: str, now: datetime) -> Next:
    """What this person may do now, on the work date that runs or comes next."""
    ask = within(connection)
    (row,) = ask(OF_NAMED, {"auditor": auditor, "now": now})
    return _next(ask, row, now)


def next_of_holder(ask: Ask, digest: bytes, now: datetime) -> Next | None:
    """The same for the auditor whose token has this SHA-256; none if no auditor's token does."""
    rows = ask(OF_HOLDER, {"digest": digest, "now": now})
    return _next(ask, rows[0], now) if rows else None


def _next(ask: Ask, row: Any, now: datetime) -> Next:
    work_date = row.work_date
    if row.running == "work" and row.is_paused:
        return _paused(ask, row, now)
    if row.runs is not None:
        said = "Your break runs; end it when you are ready." if row.running == "break" else None
        return Next(work_date, "finish", row.runs, sentence=said)
    course = course_of(row)
    if course is None:
        return Next(work_date, "nothing", None, sentence="You have no shift on this date.")
    shift = course.shift
    if now.timestamp() >= shift.end:
        return Next(work_date, "nothing", None, sentence=shift_over(shift.end, shift.timezone))
    if row.first_break is not None:
        return Next(work_date, "break", row.first_break, row.break_seconds, label=row.break_label)
    reviews = [] if row.slot is None else [row]
    return choose(work_date, course, planned_reviews(ask, row.auditor, work_date, course, now, reviews), now)


def _paused(ask: Ask, row: Any, now: datetime) -> Next:
    """A break until what is left of the paused review may be looked at; if that is not today, its end."""
    course = course_of(row)
    (left,) = ask(LEFT, {"slot": row.runs, "at": now.replace(microsecond=0)})
    planned = rest_of(ask, row.auditor, row.work_date, row.runs, left.expected, course, now)
    found = planned.hindrance
    if found is None:
        ready = "Your review is paused; go on with it when you are ready."
        return Next(row.work_date, "finish", row.runs, left.expected, sentence=ready)
    if found.kind == "too-soon" and course is not None:
        rest = next_rest(course, [planned.candidate], int(now.timestamp()))
        if rest is not None:
            until = datetime.fromtimestamp(rest.until, UTC)
            return Next(row.work_date, "break", None, rest.seconds, until, rest.label, rest.sentence)
    over = f"{found.sentence} Your paused review can be completed or skipped as it is."
    return Next(row.work_date, "finish", row.runs, sentence=over)


def choose(work_date: date, course: Course, reviews: Iterable[Planned], now: datetime) -> Next:
    """The first planned review that may start; else the shortest rest after which one may; else a wait."""
    planned: list[Planned] = []
    for one in reviews:
        planned.append(one)
        if one.hindrance is None:
            held = planned[0].hindrance
            why = None if held is None else held.sentence
            return Next(work_date, "review", one.slot, one.candidate.seconds, sentence=why)
    if not planned:
        return Next(work_date, "nothing", None, sentence="Nothing more is planned for you on this date.")
    # What a limit holds back, no rest makes possible.
    at = int(now.timestamp())
    waiting = [
        one.candidate
        for one in planned
        if one.hindrance is not None and one.hindrance.kind in ("too-soon", "too-early")
    ]
    rest = next_rest(course, waiting, at)
    if rest is not None:
        until = datetime.fromtimestamp(rest.until, UTC)
        return Next(work_date, "break", None, rest.seconds, until, rest.label, rest.sentence)
    verdict = verdicts(course, at)
    earliest = [found.earliest for one in waiting if (found := verdict(one)).earliest is not None]
    hindrance = planned[0].hindrance
    assert hindrance is not None
    if earliest:
        soonest = min(earliest)
        return Next(
            work_date,
            "wait",
            None,
            soonest - at,
            datetime.fromtimestamp(soonest, UTC),
            sentence=hindrance.sentence,
        )
    return Next(work_date, "nothing", None, sentence=hindrance.sentence)


def instead(ask: Ask, auditor: str, work_date: date, now: datetime) -> dict[str, Any]:
    """What to do in place of a review that is held back: the next one that may start, else a break.

    `slot` is what may be started; null stands for a break that was not planned.
    """
    course = day_so_far(ask, auditor, work_date)
    if course is not None:
        for one in planned_reviews(ask, auditor, work_date, course, now):
            if one.hindrance is None:
                return {"kind": "work", "slot": one.slot}
    following = ask(NEXT_BREAK, {"auditor": auditor, "work_date": work_date})
    return {"kind": "break", "slot": following[0].id if following else None}
