"""What one person may do at this moment: the planned thing, the next safe one in its place, or a rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, text

from allocator.moment import Course, may_start, next_rest
from models.queries.day_so_far import day_so_far
from models.queries.may_start import Planned, planned_reviews
from models.queries.my_slot import running

Label = Literal["short", "recovery", "meal"]
Do = Literal["finish", "review", "break", "wait", "nothing"]

WORK_DATE = text("select work_date_of(:auditor, :now)")
BREAKS = text("""
    select id, label, planned_start, extract(epoch from planned_end - planned_start)::bigint as seconds
    from slot
    where auditor = :auditor and work_date = :work_date and kind = 'break' and state = 'planned'
    order by planned_start, id
""")
STARTS = text("""
    select id, planned_start from slot
    where auditor = :auditor and work_date = :work_date and kind = 'work' and state = 'planned'
""")


@dataclass(frozen=True, slots=True, repr=False)
class Next:
    """`do` is what comes now: `finish` what runs, start the `review` or the `break`, `wait` until something
    may start, or `nothing`. `slot` is what to start or finish; a break without one was not planned. `seconds`
    is how long it is expected to take. `sentence` says why it is not what was planned, or what is awaited."""

    work_date: date
    do: Do
    slot: int | None
    seconds: int | None = None
    until: datetime | None = None
    label: Label | None = None
    sentence: str | None = None


def my_next(connection: Connection, auditor: str, now: datetime) -> Next:
    """What this person may do now, on the work date that runs or comes next."""
    runs = running(connection, auditor)
    if runs is not None:
        is_break = runs.kind == "break"
        said = "Your break runs; end it when you are ready." if is_break else None
        return Next(runs.work_date, "finish", runs.slot, sentence=said)
    asked = {"auditor": auditor, "now": now}
    work_date: date = connection.execute(WORK_DATE, asked).scalar_one()
    course = day_so_far(connection, auditor, work_date)
    if course is None:
        return Next(work_date, "nothing", None, sentence="You have no shift on this date.")
    planned_break = _planned_break(connection, auditor, work_date)
    if planned_break is not None:
        return planned_break
    planned = tuple(planned_reviews(connection, auditor, work_date, course, now))
    return choose(work_date, course, planned, now)


def choose(work_date: date, course: Course, planned: Sequence[Planned], now: datetime) -> Next:
    """The first planned review that may start; else the shortest rest after which one may; else a wait."""
    first = next((one for one in planned if one.hindrance is None), None)
    if first is not None:
        why = None if first is planned[0] or planned[0].hindrance is None else planned[0].hindrance.sentence
        return Next(work_date, "review", first.slot, first.candidate.seconds, sentence=why)
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
    earliest = [
        verdict.earliest for one in waiting if (verdict := may_start(course, one, at)).earliest is not None
    ]
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


def instead(connection: Connection, auditor: str, work_date: date, now: datetime) -> dict[str, Any]:
    """What to do in place of a review that is held back: the next one that may start, else a break.

    `slot` is what may be started; null stands for a break that was not planned.
    """
    course = day_so_far(connection, auditor, work_date)
    if course is not None:
        for one in planned_reviews(connection, auditor, work_date, course, now):
            if one.hindrance is None:
                return {"kind": "work", "slot": one.slot}
    asked = {"auditor": auditor, "work_date": work_date}
    following = connection.execute(BREAKS, asked).first()
    return {"kind": "break", "slot": None if following is None else following.id}


def _planned_break(connection: Connection, auditor: str, work_date: date) -> Next | None:
    """The planned break that comes before every review that is still planned."""
    asked = {"auditor": auditor, "work_date": work_date}
    first = connection.execute(BREAKS, asked).first()
    starts = [row.planned_start for row in connection.execute(STARTS, asked)]
    if first is None or (starts and min(starts) < first.planned_start):
        return None
    return Next(work_date, "break", first.id, first.seconds, label=first.label)
