"""The exposure of a review that ends: what was reserved is given back, what was really seen is posted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

from models.actions.keep_within_limits import Why, keep_within_limits
from models.actions.notify import notify
from models.actions.place_again import place_again
from models.counted import Looked, counted
from models.queries.my_slot import MySlot

# Of a review that has ended everything reserved was released then: what it had is what was ever reserved.
LOOKED = text("""
    select looked_seconds(looked_at(started_at, ended_at, pauses, silences, :at)) as full,
        looked_seconds(looked_at(started_at, ended_at, pauses, silences, :now)) as begun,
        looked_seconds(looked_at(started_at, null, pauses, silences, coalesce(beat_at, started_at)))
            as by_beat,
        (
            select coalesce(sum(case entry when 'reserve' then seconds else -seconds end), 0)::bigint
            from ledger
            where ledger.slot = slot.id and ledger.work_date = slot.work_date
                and (entry = 'reserve' or entry = 'release' and slot.ended_at is null)
        ) as leased
    from slot where id = :slot
""")
# One statement, so that no sum is ever above what it was. `is_more`: than was reserved, or otherwise.
SETTLE = text("""
    with mine as (
        select slot.id, slot.auditor, slot.work_date, item.severity as expected,
            coalesce(:category, item.category) as category,
            coalesce(cast(:severity as smallint), item.severity) as severity,
            coalesce(:modality, item.modality) as modality
        from slot join item on item.id = slot.item where slot.id = :slot
    ), released as (
        select reserved.* from mine cross join lateral slot_reserved(mine.id, mine.work_date) reserved
    ), added as (
        insert into ledger (at, auditor, work_date, entry, category, severity, modality, seconds, items, slot)
        select :now, mine.auditor, mine.work_date, 'release', released.*, mine.id from mine, released
        union all
        select :now, auditor, work_date, case when severity > expected then 'incident' else 'post' end,
            category, severity, modality, cast(:seconds as bigint), cast(:items as bigint), id
        from mine
    )
    select auditor, severity > expected as is_incident, not exists (
        select from released
        where (released.category, released.severity, released.modality)
            = (mine.category, mine.severity, mine.modality)
          and released.seconds >= :seconds and released.items >= :items
    ) as is_more
    from mine
""")
POSTED = text("""
    select posted.seconds, posted.category, posted.severity, posted.modality
    from ledger posted join slot on slot.id = posted.slot and slot.work_date = posted.work_date
    where slot.id = :slot and posted.entry in ('post', 'incident')
    order by posted.id
""")
ITEM = text("select category, severity, modality from item where id = :item")
INCIDENT = "Something was more severe than expected; it is in the list of incidents."


@dataclass(frozen=True, slots=True, repr=False)
class Seen:
    """What a review really showed: `seconds` of it, and where it was not as its item says, what it was."""

    seconds: int
    category: str | None = None
    severity: int | None = None
    modality: str | None = None


def seconds_seen(connection: Connection, slot: MySlot, seen: Seen | None, now: datetime) -> int:
    """What of this review, which runs or has ended, counts by now, given what its person says of it."""
    row = connection.execute(LOOKED, {"slot": slot.slot, "now": now, "at": now.replace(microsecond=0)}).one()
    return counted(Looked(**row._mapping), None if seen is None else seen.seconds)


def settle_exposure(
    connection: Connection,
    slot: MySlot,
    seen: Seen | None,
    seconds: int,
    now: datetime,
    asking: Sequence[str] = (),
) -> None:
    """Give back what is reserved for this slot and post these seconds, as `seen` says what they showed.

    They are recorded even beyond the reservation and beyond a limit, as an `incident` where it was more
    severe than its item says. What is planned for its person and has no room any more is withdrawn then, and
    asks for another place, as the items `asking` do.
    """
    _settle(connection, slot, seen, seconds, 1, now, asking)


def settle_more(connection: Connection, slot: MySlot, seen: Seen, now: datetime) -> int:
    """Post what was seen of a review that ended without a word of its person, where that is more than was
    recorded then; the seconds that count of it now.

    What is recorded stays. Something else than was recorded is posted beside it in full, as nobody knows
    when the one became the other; of something milder only what goes beyond it.
    """
    lacking = _lacking(connection, slot, seen)
    if lacking.seconds or lacking.items:
        _settle(connection, slot, seen, lacking.seconds, lacking.items, now)
    return lacking.counted


def was_posted(connection: Connection, slot: MySlot, seen: Seen, now: datetime) -> bool:
    """Whether saying this of a review that has ended is what was said of it: a call that was repeated, and no
    other one."""
    if slot.started_at is None:
        return False
    if slot.ended_by not in (None, "person"):
        lacking = _lacking(connection, slot, seen)
        return not lacking.seconds and not lacking.items and lacking.counted == slot.seen_seconds
    row = connection.execute(POSTED, {"slot": slot.slot}).one()
    return slot.seen_seconds == seconds_seen(connection, slot, seen, now) and Shown(
        row.category, row.severity, row.modality
    ) == _shown(connection, slot, seen)


class Shown(NamedTuple):
    category: str
    severity: int
    modality: str


class Lacking(NamedTuple):
    """What the ledger lacks of a review, and the seconds that count of it in all."""

    seconds: int
    items: int
    counted: int


def _shown(connection: Connection, slot: MySlot, seen: Seen) -> Shown:
    item = connection.execute(ITEM, {"item": slot.item}).one()
    return Shown(
        item.category if seen.category is None else seen.category,
        item.severity if seen.severity is None else seen.severity,
        item.modality if seen.modality is None else seen.modality,
    )


def _lacking(connection: Connection, slot: MySlot, seen: Seen) -> Lacking:
    posted = connection.execute(POSTED, {"slot": slot.slot}).all()
    shown = _shown(connection, slot, seen)
    seconds = max(seen.seconds, posted[0].seconds, slot.seen_seconds or 0)
    as_bad = [
        row.seconds
        for row in posted
        if (row.category, row.modality) == (shown.category, shown.modality) and row.severity >= shown.severity
    ]
    return Lacking(max(0, seconds - sum(as_bad)), 0 if as_bad else 1, seconds)


def _settle(
    connection: Connection,
    slot: MySlot,
    seen: Seen | None,
    seconds: int,
    items: int,
    now: datetime,
    asking: Sequence[str] = (),
) -> None:
    given = Seen(seconds) if seen is None else seen
    row = {
        "slot": slot.slot,
        "now": now,
        "seconds": seconds,
        "items": items,
        "category": given.category,
        "severity": given.severity,
        "modality": given.modality,
    }
    posted = connection.execute(SETTLE, row).one()
    if posted.is_incident:
        notify(connection, "wellbeing", slot.work_date, "incident", INCIDENT, now)
    if posted.is_more:
        why: Why = "incident" if posted.is_incident else "overrun"
        asking = [*asking, *keep_within_limits(connection, [posted.auditor], now, why).items]
    place_again(connection, asking, now)
