"""What was reserved for reviews that will not be begun goes back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

RELEASE = text("""
    insert into ledger (at, auditor, work_date, entry, category, severity, modality, seconds, items, slot)
    select :now, slot.auditor, slot.work_date, 'release', reserved.category, reserved.severity,
        reserved.modality, reserved.seconds, reserved.items, slot.id
    from slot cross join lateral slot_reserved(slot.id, slot.work_date) reserved
    where slot.id = any (:slots)
    order by slot.id
""")


def release_reserved(connection: Connection, slots: Sequence[int], now: datetime) -> None:
    """Part of the action that withdrew these slots, after the guards of their people are locked."""
    if slots:
        connection.execute(RELEASE, {"slots": list(slots), "now": now})
