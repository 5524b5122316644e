"""Escalations without a place are tried again; where many wait, the date is planned anew."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from models import audit
from models.actions.ask_replan import ask_replan
from models.actions.file_task import file_task
from models.actions.place_again import KEY, place_key
from models.actor import Actor

RETRY = timedelta(seconds=30)
"""Until the second try, while nobody is known to come free; then twice, three times that, and so on."""
SLOWEST = 10
"""Times RETRY, at most, between two tries."""
PARKED = timedelta(minutes=10)
"""Before something is tried again whose task was parked: operations have been told of that already."""
MOST_LIVE = 100
"""Placements that wait or are made when others are added to be tried again: one worker does so many in a
quarter of a minute. What is new is done before them in any case (`claim_next`)."""
SURGE = 20
"""Escalations that may wait for one date; with more of them the planner looks at the whole day."""
BETWEEN_SURGES = timedelta(minutes=10)
LOOK_BACK = 3
"""A work date so many days back has no shift that still runs: they last 16 hours at most."""

# Without a plan in force and somebody who is there or will be, there is nothing to try.
DUE = text("""
    with tried as materialized (
        select item as id from waiting_escalation waiting
        where tried_at + least(tries, :slowest) * cast(:pause as interval) <= :now
           or earliest <= :now and tried_at < earliest
    ), open_dates as materialized (
        select work_date from plan
        where state = 'published' and work_date >= cast(cast(:now as timestamptz) as date) - :back
          and exists (select from shift where shift.work_date = plan.work_date and there_until(shift) > :now)
    )
    select item.id from tried
    cross join lateral (
        select id, work_date, priority, due, position from item where item.id = tried.id offset 0
    ) item
    where exists (
        select from open_dates
        where item.work_date is null or open_dates.work_date = item.work_date)
      and not exists (
        select from task
        where task.dedupe_key = :key || item.id
          and (task.state in ('waiting', 'claimed') or task.state = 'parked' and task.ended_at > :parked))
    order by item.priority, item.due, item.position
    limit greatest(0, :most - (
        select count(*) from task where kind = 'place' and state in ('waiting', 'claimed')))
""")
REVIVE = text("""
    update task set state = 'waiting', attempts = 0, ended_at = null, run_after = :now, rung_at = null
    where id = (
        select max(id) from task where state = 'parked' and dedupe_key = :key
    ) and state = 'parked' and not exists (
        select from task where dedupe_key = :key and state in ('waiting', 'claimed')
    )
    returning id
""")
SURGING = text("""
    select work_date from waiting_escalation
    where work_date is not null and told_at is not null
      and not exists (
        select from plan where plan.work_date = waiting_escalation.work_date
          and (plan.state in ('waiting', 'planning') or plan.reason = 'surge' and plan.requested_at > :since))
    group by work_date having count(*) > :surge
    order by work_date
""")


def retry_waiting(engine: Engine, actor: Actor, now: datetime) -> int:
    """Have each escalation that waits, and whose next try or earliest time has come, tried again; how many.
    Safe to repeat: what has a task already gets no other.

    Each is a transaction of its own: several tasks filed in one would have to be filed in the order in which
    everybody else files them.
    """
    since = {"since": now - BETWEEN_SURGES, "surge": SURGE}
    with engine.connect() as connection:
        surging = connection.execute(SURGING, since).scalars().all()
    for work_date in surging:
        with engine.begin() as connection:
            ask_replan(connection, actor, work_date, "surge", now)
    asked = {
        "now": now,
        "back": LOOK_BACK,
        "pause": RETRY,
        "slowest": SLOWEST,
        "parked": now - PARKED,
        "key": KEY,
        "most": MOST_LIVE,
    }
    with engine.connect() as connection:
        due = connection.execute(DUE, asked).scalars().all()
    return sum(_again(engine, actor, item, now) for item in due)


def _again(engine: Engine, actor: Actor, item: str, now: datetime) -> bool:
    with engine.begin() as connection:
        if not _filed(connection, item, now):
            return False
        audit.record(connection, actor, "retry_waiting", f"item:{item}", now)
        return True


def _filed(connection: Connection, item: str, now: datetime) -> bool:
    """A task that was parked is taken up again, so that there is one of them and not a row of them; unless
    somebody is just filing another."""
    key = place_key(item)
    attempt = connection.begin_nested()
    try:
        revived = connection.execute(REVIVE, {"key": key, "now": now}).first() is not None
    except IntegrityError:
        attempt.rollback()
        return False
    attempt.commit()
    if revived:
        return True
    payload = {"item": item, "again": True}
    _, is_new = file_task(connection, "place", payload, key, now, now)
    return is_new
