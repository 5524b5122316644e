"""Somebody leaves their day: what was planned for them and what still runs is let go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from models.actions.end_break import END_BREAK
from models.actions.give_back import give_back
from models.actions.place_again import place_again
from models.actions.release_reserved import release_reserved
from models.queries.my_slot import MySlot


def let_go(
    connection: Connection, slots: Sequence[int], items: Sequence[str], runs: MySlot | None, now: datetime
) -> None:
    """What was reserved for these slots, just withdrawn, goes back; what runs ends, a break where it is and a
    review as `give_back` has it; and escalations among the items ask for another place.

    The last thing in the action, after another plan was asked for: everybody writes to the ledger and files
    place tasks in that order.
    """
    release_reserved(connection, slots, now)
    if runs is not None and runs.kind == "work":
        give_back(connection, runs, None, "day", now, items)
        return
    if runs is not None:
        connection.execute(END_BREAK, {"slot": runs.slot, "at": now.replace(microsecond=0)})
    place_again(connection, items, now)
