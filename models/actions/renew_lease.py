"""More time for a review that runs: reserved before it is looked at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from allocator.moment import Review, renew, room_until
from models.queries.asking import Ask, within
from models.queries.day_so_far import day_so_far
from models.queries.limit_room import limit_room
from models.queries.my_slot import MySlot
from models.refusal import LIMIT_PASSED, sqlstate

# Of the item that was reserved for already there is no second one.
RESERVE = text("""
    insert into ledger (at, auditor, work_date, entry, category, severity, modality, seconds, items, slot)
    select :now, slot.auditor, slot.work_date, 'reserve', item.category, item.severity, item.modality,
        :seconds, 0, slot.id
    from slot join item on item.id = slot.item where slot.id = :slot
""")
LEASE = text("""
    update slot
    set leased_until = greatest(started_at, :until), beat_at = greatest(started_at, beat_at, :at),
        silences = silences + tstzmultirange(tstzrange(coalesce(:silent_from, :at), :at))
    where id = :slot
""")
REACHED = (
    "A limit was reached while you looked at this. Cover it: the review has gone back, and nothing follows "
    "from it."
)
COVER = "Cover this review: it goes back, and nothing follows from it."


@dataclass(frozen=True, slots=True)
class Renewed:
    """What became of a lease: how many seconds were added to it, since when it had run out unheard (if it
    had), and, where nothing is left of it, why."""

    seconds: int
    silent_from: datetime | None
    is_over: bool
    sentence: str


def renew_lease(connection: Connection, auditor: str, mine: MySlot, now: datetime) -> Renewed:
    """Lengthen the lease of this unpaused review as far as it has to be and there is room, and note that its
    program was heard now. Where nothing is left, nothing is changed: the caller ends it.

    Part of another action's transaction, whose guard of the person is held. What the guard of the ledger
    refuses is not reserved, whatever was reckoned here.
    """
    ask = within(connection)
    at = int(now.timestamp())
    leased_until = at if mine.leased_until is None else int(mine.leased_until.timestamp())
    step = renew(leased_until, at, None)
    sentence = COVER
    if step.seconds:
        screen, why = _screen(ask, auditor, mine, leased_until, at)
        step = renew(leased_until, at, screen)
        sentence = f"{why} {COVER}" if why else COVER
        if step.seconds and not _reserve(connection, mine, step.seconds, now):
            room = limit_room(ask, mine.slot)
            if room is not None:
                sentence = f"{room.sentence} {COVER}"
            step = renew(leased_until, at, screen, 0 if room is None else room.seconds)
            if step.seconds and not _reserve(connection, mine, step.seconds, now):
                step = renew(leased_until, at, screen, 0)
    silent_from = None if step.silent_from is None else datetime.fromtimestamp(step.silent_from, UTC)
    if step.is_over(at):
        return Renewed(0, silent_from, True, sentence)
    row = {
        "slot": mine.slot,
        "at": now.replace(microsecond=0),
        "until": datetime.fromtimestamp(step.until, UTC),
        "silent_from": silent_from,
    }
    connection.execute(LEASE, row)
    return Renewed(step.seconds, silent_from, False, sentence)


def why_over(ask: Ask, slot: int) -> str:
    """Why a review was ended by a limit, for whoever asks once more."""
    room = limit_room(ask, slot)
    return REACHED if room is None or room.seconds else f"{room.sentence} {COVER}"


def _screen(ask: Ask, auditor: str, mine: MySlot, leased_until: int, at: int) -> tuple[int | None, str]:
    """How many seconds longer it may be on the screen by stretches and edges, and the sentence that says
    so."""
    course = day_so_far(ask, auditor, mine.work_date)
    runs = [] if course is None else [one for one in course.happened if isinstance(one, Review)]
    runs = [one for one in runs if one.end is None]
    if course is None or not runs:
        return None, ""
    running = runs[-1]
    if at > leased_until:  # it was covered in between
        shown = replace(running, end=max(running.start, leased_until))
        others = [shown if one is running else one for one in course.happened]
        course, running = replace(course, happened=tuple(others)), replace(running, start=at)
    room = room_until(course, running, at)
    return (None, "") if room is None else (room.seconds, room.sentence)


def _reserve(connection: Connection, mine: MySlot, seconds: int, now: datetime) -> bool:
    """Whether there was room for so many seconds; they are reserved then."""
    try:
        with connection.begin_nested():
            connection.execute(RESERVE, {"slot": mine.slot, "seconds": seconds, "now": now})
    except DBAPIError as error:
        if sqlstate(error) != LIMIT_PASSED:
            raise
        return False
    return True
