"""An escalation has lost its place, or has none yet: a worker is to find one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, text

from models.actions.file_task import file_task

KEY = "place:"

URGENT = text("""
    select id from item
    where id = any (:items) and kind = 'escalation' and withdrawn_at is null order by position
""")
# Who does that task now ends it after this transaction, and then knows what happened in it, or has ended it.
STILL_LIVE = text("select state in ('waiting', 'claimed') from task where id = :task for share")


def place_again(connection: Connection, items: Iterable[str], now: datetime) -> None:
    """Part of the action that took the place away, the last thing in it and once: everybody files these tasks
    after all else, in the order in which their items came. What is no escalation waits for the next plan."""
    asking = list(items)
    if not asking:
        return
    for item in connection.execute(URGENT, {"items": asking}).scalars():
        while True:
            task, is_new = file_task(connection, "place", {"item": item}, place_key(item), now, now)
            if is_new or connection.execute(STILL_LIVE, {"task": task}).scalar():
                break


def place_key(item: str) -> str:
    """No two tasks that place the same item are live."""
    return KEY + item
