"""The exposure of a review that ends: what was reserved is given back, what was really seen is posted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from models.queries.my_slot import MySlot

# One statement, so that no moment shows either without the other.
SETTLE = text("""
    insert into ledger (at, auditor, work_date, entry, category, severity, modality, seconds, items, slot)
    select :now, slot.auditor, slot.work_date, 'release', reserved.category, reserved.severity,
        reserved.modality, reserved.seconds, reserved.items, slot.id
    from slot cross join lateral slot_reserved(slot.id, slot.work_date) reserved
    where slot.id = :slot
    union all
    select :now, slot.auditor, slot.work_date,
        case when cast(:severity as smallint) > item.severity then 'incident' else 'post' end,
        coalesce(:category, item.category), coalesce(cast(:severity as smallint), item.severity),
        coalesce(:modality, item.modality), cast(:seconds as bigint), 1, slot.id
    from slot join item on item.id = slot.item
    where slot.id = :slot and cast(:seconds as bigint) is not null
""")
POSTED = text("""
    select ledger.seconds, ledger.category, ledger.severity, ledger.modality,
        item.category as item_category, item.severity as item_severity, item.modality as item_modality
    from ledger join slot on slot.id = ledger.slot join item on item.id = slot.item
    where ledger.slot = :slot and ledger.work_date = :work_date and entry in ('post', 'incident')
""")


@dataclass(frozen=True, slots=True, repr=False)
class Seen:
    """What a review really showed: `seconds` of it, and where it was not as its item says, what it was."""

    seconds: int
    category: str | None = None
    severity: int | None = None
    modality: str | None = None


def settle_exposure(connection: Connection, slot: MySlot, seen: Seen | None, now: datetime) -> None:
    """Give back what is reserved for this slot, and post what was seen of it (none: it never started).

    What was seen is recorded even beyond the reservation and beyond a limit, as an `incident` where it was
    more severe than its item says.
    """
    connection.execute(
        SETTLE,
        {
            "slot": slot.slot,
            "now": now,
            "seconds": None if seen is None else seen.seconds,
            "category": None if seen is None else seen.category,
            "severity": None if seen is None else seen.severity,
            "modality": None if seen is None else seen.modality,
        },
    )


def was_posted(connection: Connection, slot: MySlot, seen: Seen) -> bool:
    """Whether exactly this was posted for this slot: a call that was repeated, and no other one."""
    row = connection.execute(POSTED, {"slot": slot.slot, "work_date": slot.work_date}).one_or_none()
    return row is not None and (row.seconds, row.category, row.severity, row.modality) == (
        seen.seconds,
        row.item_category if seen.category is None else seen.category,
        row.item_severity if seen.severity is None else seen.severity,
        row.item_modality if seen.modality is None else seen.modality,
    )
