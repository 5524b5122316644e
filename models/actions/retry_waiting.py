"""Escalations without a place are tried again; where many wait, the date is planned anew."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Engine, text

from models import audit
from models.actions.ask_replan import ask_replan
from models.actions.file_task import file_task
from models.actions.place_again import place_key
from models.actor import Actor

RETRY = timedelta(seconds=30)
"""Between two tries, while nobody is known to come free."""
SURGE = 20
"""Escalations that may wait for one date; with more of them the planner looks at the whole day."""
BETWEEN_SURGES = timedelta(minutes=10)

PARKED = timedelta(minutes=10)
"""Before something is tried again whose task was parked: somebody has been told of that already."""

# What is withdrawn, or has its reviews meanwhile, is tried once more: the task then tidies up.
DUE = text("""
    select waiting.item from waiting_escalation waiting join item on item.id = waiting.item
    where (waiting.tried_at <= :before
           or waiting.earliest <= :now and waiting.tried_at < waiting.earliest)
      and not exists (
        select from task
        where task.state = 'parked' and task.ended_at > :parked
          and task.dedupe_key = 'place:' || waiting.item)
    order by item.priority, item.due, item.position limit :most
""")
SURGING = text("""
    select work_date from waiting_escalation
    where work_date is not null
      and not exists (
        select from plan where plan.work_date = waiting_escalation.work_date and plan.reason = 'surge'
          and plan.requested_at > :since)
    group by work_date having count(*) > :surge
    order by work_date
""")
AT_ONCE = 1000


def retry_waiting(engine: Engine, actor: Actor, now: datetime) -> int:
    """File a task for each escalation that waits and was not tried lately, or whose earliest time has come;
    how many are new. Safe to repeat: what has a task already gets no other."""
    with engine.begin() as connection:
        for work_date in connection.execute(
            SURGING, {"since": now - BETWEEN_SURGES, "surge": SURGE}
        ).scalars():
            ask_replan(connection, actor, work_date, "surge", now)
        asked = {"before": now - RETRY, "parked": now - PARKED, "now": now, "most": AT_ONCE}
        filed = 0
        for item in connection.execute(DUE, asked).scalars().all():
            _, is_new = file_task(connection, "place", {"item": item}, place_key(item), now, now)
            filed += is_new
        if filed:
            audit.record(connection, actor, "retry_waiting", "escalations", now, count=filed)
        return filed
