"""A review that runs ends without an outcome, and its item goes back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, text

from models.actions.settle_exposure import Seen, seconds_seen, settle_exposure
from models.queries.my_slot import MySlot

EndedBy = Literal["person", "limit", "silence", "day"]

# Nobody but its person can say that it was looked at after its lease: without them it ended there.
END = text("""
    update slot
    set state = 'skipped', ended_at = ending.at, seen_seconds = :seconds, ended_by = :ended_by,
        leased_until = null, pauses = pauses * tstzmultirange(tstzrange(null, ending.at))
    from (
        select id, greatest(started_at, case
            when :ended_by = 'person' then cast(:at as timestamptz)
            else least(cast(:at as timestamptz), date_trunc('second', leased_until)) end) as at
        from slot
    ) ending
    where slot.id = :slot and ending.id = slot.id
""")


def give_back(
    connection: Connection,
    mine: MySlot,
    seen: Seen | None,
    ended_by: EndedBy,
    now: datetime,
    asking: Sequence[str] = (),
) -> None:
    """End this started review, paused or not: its exposure is settled and its item asks for a place again.

    Part of another action's transaction, whose guard of the person is held and whose audit entry it is.
    `seen` is what the person says of it; without it what is known counts (`models.counted`). `asking` are
    items that lose their place in the same transaction.
    """
    seconds = seconds_seen(connection, mine, seen, now)
    row = {
        "slot": mine.slot,
        "at": now.replace(microsecond=0),
        "seconds": seconds,
        "ended_by": ended_by,
    }
    connection.execute(END, row)
    assert mine.item is not None
    settle_exposure(connection, mine, seen, seconds, now, [mine.item, *asking])
