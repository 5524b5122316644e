"""A work date is over, and an escalation that was loaded for it still lacks a review: it belongs to whichever
day comes next."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, text

from models import audit
from models.actions.place_again import place_again
from models.actor import Actor

LOOK_BACK = 14
"""Work dates before today that are looked at in each round."""

# One that runs still may yet be done. What has just been given back is carried over in the next round.
CARRY = text("""
    with over as (
        select work_date from shift
        where work_date between cast(cast(:now as timestamptz) as date) - :back
                            and cast(cast(:now as timestamptz) as date) + 1
        group by work_date having max(there_until(shift)) <= :now
    )
    update item set work_date = null
    from over
    where item.work_date = over.work_date and item.kind = 'escalation' and item.withdrawn_at is null
      and item.reviews > (
        select count(*) from slot
        where slot.item = item.id and slot.kind = 'work' and slot.state in ('planned', 'started', 'done'))
    returning item.id
""")


def carry_over(engine: Engine, actor: Actor, now: datetime) -> int:
    """Take the date from escalations of dates that are over and that lack a review, so that the next plan, or
    a day that is under way, takes them up; how many. Safe to repeat. Samples stay: the audit of their date is
    what it was."""
    with engine.begin() as connection:
        items = connection.execute(CARRY, {"now": now, "back": LOOK_BACK}).scalars().all()
        if items:
            place_again(connection, items, now)
            audit.record(connection, actor, "carry_over", "escalations", now, items=sorted(items))
        return len(items)
