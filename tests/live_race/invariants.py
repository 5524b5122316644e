"""What is true of a live day at every moment that is committed, as questions to PostgreSQL.

Each asks for what is wrong, in words of few figures. They hold in every snapshot, however many write at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

NEVER = {
    "a limit is passed, and reviews that it selects are still planned": """
        select person.id || ' ' || held.key || ' ' || days.work_date || ': ' || held.seen || ' seen, '
            || held.reserved || ' reserved, ' || held.allowed || ' allowed'
        from auditor person
        cross join (select distinct work_date from slot) days
        cross join lateral limits_of(person.id, days.work_date) held
        where held.seen + held.reserved > held.allowed and exists (
            select from slot join item on item.id = slot.item
            where slot.auditor = person.id and slot.state = 'planned'
              and slot.work_date between days.work_date - (held.window_days - 1) and days.work_date
              and item.severity >= held.min_severity
              and (held.categories = '{}' or item.category = any (held.categories)))
    """,
    "two things of one person run at once": """
        select auditor || ': ' || array_agg(id)::text from slot where state = 'started'
        group by auditor having count(*) > 1
    """,
    "two reviews of one person were looked at at once": """
        with looked as (
            select id, auditor, looked_at(started_at, ended_at, pauses, silences, started_at) as parts
            from slot where kind = 'work' and started_at is not null)
        select one.auditor || ': ' || one.id || ' and ' || other.id || ' in ' || one.parts * other.parts
        from looked one join looked other on other.auditor = one.auditor and other.id > one.id
        where one.parts && other.parts
    """,
    "a slot was started twice": """
        select subject || ': ' || count(*) from audit where verb = 'start'
        group by subject having count(*) > 1
    """,
    "an item has more reviews than are wanted": """
        select item.id || ': ' || count(*) from slot join item on item.id = slot.item
        where slot.state in ('planned', 'started', 'done')
        group by item.id
        having count(*) > case when item.only_for = '{}' then item.reviews else cardinality(item.only_for) end
    """,
    "somebody has an item twice": """
        select auditor || ' ' || item || ': ' || count(*) from slot
        where state in ('planned', 'started', 'done') and item is not null
        group by auditor, item having count(*) > 1
    """,
    "sums that are not the ledger's": """
        select one.auditor || ' ' || one.use || ' ' || one.work_date from (
            (select auditor, use, work_date, seen, reserved from limit_day where seen <> 0 or reserved <> 0
             except select sums.* from exposure_use cross join ledger_sums(exposure_use.id) sums)
            union all
            (select sums.* from exposure_use cross join ledger_sums(exposure_use.id) sums
             where sums.seen <> 0 or sums.reserved <> 0
             except select auditor, use, work_date, seen, reserved from limit_day)
        ) one
    """,
    "a planned review without exactly its reservation": """
        select slot.id || ': ' || coalesce(sum(held.seconds), 0) || ' s, ' || coalesce(sum(held.items), 0)
            || ' of ' || extract(epoch from planned_end - planned_start)
        from slot left join lateral slot_reserved(slot.id, slot.work_date) held on true
        where slot.kind = 'work' and slot.state = 'planned'
        group by slot.id
        having coalesce(sum(held.seconds), 0) <> extract(epoch from slot.planned_end - slot.planned_start)
            or coalesce(sum(held.items), 0) <> 1
    """,
    "a running review that holds not one item": """
        select slot.id::text from slot left join lateral slot_reserved(slot.id, slot.work_date) held on true
        where slot.kind = 'work' and slot.state = 'started'
        group by slot.id having coalesce(sum(held.items), 0) <> 1
    """,
    "what has ended, or was taken out, and still holds something": """
        select distinct slot.id || ' ' || slot.state
        from slot cross join lateral slot_reserved(slot.id, slot.work_date) held
        where slot.state not in ('planned', 'started')
    """,
    "a review that is done without exposure or outcome": """
        select slot.id::text from slot where kind = 'work' and state = 'done' and (
            not exists (select from ledger where ledger.slot = slot.id and entry in ('post', 'incident'))
            or not exists (select from outcome where outcome.slot = slot.id))
    """,
    "not one plan of a date in force": """
        select work_date::text from plan where version is not null
        group by work_date having count(*) filter (where state = 'published') <> 1
    """,
    "planned reviews of a plan that is not in force": """
        select slot.id::text from slot join plan on plan.id = slot.plan
        where slot.state = 'planned' and plan.state <> 'published'
    """,
    "two live tasks for one thing": """
        select dedupe_key from task where state in ('waiting', 'claimed') and dedupe_key is not null
        group by dedupe_key having count(*) > 1
    """,
    "a review is planned that was withdrawn": """
        select slot.id || ' ' || item.id from slot join item on item.id = slot.item
        where slot.state = 'planned' and item.withdrawn_at is not null
    """,
    # Who is placed by a clock a little behind may still be given what ends before they have gone home.
    "a review is planned for somebody who is not there": """
        select slot.id || ' ' || slot.auditor || ': ' || slot.planned_start || ', from '
            || coalesce(shift.available_from::text, '-') || ' until '
            || coalesce(shift.available_until::text, '-')
        from slot left join shift on shift.auditor = slot.auditor and shift.work_date = slot.work_date
        where slot.state = 'planned' and (shift.auditor is null
            or slot.planned_end > shift.available_until or slot.planned_start < shift.available_from)
    """,
    "a review is planned for another date than its item's": """
        select slot.id || ' ' || item.id from slot join item on item.id = slot.item
        where slot.state = 'planned' and item.work_date <> slot.work_date
    """,
    "a review is planned for somebody who is kept away from its item": """
        select slot.id || ' ' || item.id || ' ' || slot.auditor from slot join item on item.id = slot.item
        where slot.state = 'planned' and (slot.auditor = any (item.excluded)
            or item.only_for <> '{}' and slot.auditor <> all (item.only_for))
    """,
    "a planned review that is not as its item is": """
        select slot.id || ' ' || item.id || ': ' || held.seconds || ' s, ' || held.category || held.severity
            || held.modality || ' of ' || item.seconds || ' s, ' || item.category || item.severity
            || item.modality
        from slot join item on item.id = slot.item
        cross join lateral slot_reserved(slot.id, slot.work_date) held
        where slot.kind = 'work' and slot.state = 'planned'
          and (held.seconds, held.category, held.severity, held.modality)
              is distinct from (item.seconds, item.category, item.severity, item.modality)
    """,
    # It waits, or a worker is to place it. Only what has come with a day, and of which no plan has said
    # anything yet, may have nothing but a plan that takes it up: one that is asked for, or that operations
    # know could not be made, or that the clock asks for as nobody has begun; or nobody is there any more,
    # and the clock takes its date from it (`AT_REST`).
    "an escalation that nobody looks after": """
        with clock as (select max(at) as now from audit)
        select item.id || ' of ' || coalesce(item.work_date::text, 'no date') || ': ' || item.reviews
            || ' wanted, ' || live.number || ' had'
        from item cross join lateral (
            select count(*) as number from slot
            where slot.item = item.id and slot.kind = 'work' and slot.state in ('planned', 'started', 'done')
        ) live
        where item.kind = 'escalation' and item.withdrawn_at is null and live.number < item.reviews
          and not exists (select from waiting_escalation waits where waits.item = item.id)
          and not exists (select from task where dedupe_key = 'place:' || item.id
                          and state in ('waiting', 'claimed'))
          and (item.work_date is null
               or exists (select from slot where slot.item = item.id)
               or exists (select from unplanned where unplanned.item = item.id)
               or not exists (
                   select from plan
                   join task on task.kind = 'plan' and task.payload ->> 'plan' = plan.id::text
                   where plan.work_date = item.work_date and task.state in ('waiting', 'claimed', 'parked')
                     and not exists (select from plan later where later.work_date = plan.work_date
                                     and later.state = 'published' and later.id > plan.id))
               and exists (
                   select from shift cross join clock where shift.work_date = item.work_date
                   group by clock.now
                   having min(shift_start) <= clock.now and max(there_until(shift)) > clock.now))
    """,
}
AT_REST = {
    "an escalation that stays behind with a date that is over": """
        select item.id || ' of ' || item.work_date from item
        where item.kind = 'escalation' and item.withdrawn_at is null
          and exists (select from shift where shift.work_date = item.work_date)
          and not exists (select from shift cross join (select max(at) as now from audit) clock
                          where shift.work_date = item.work_date and there_until(shift) > clock.now)
          and item.reviews > (select count(*) from slot where slot.item = item.id and slot.kind = 'work'
                              and slot.state in ('planned', 'started', 'done'))
    """,
}
"""What is true as well once the clock has done its round and nobody has done anything since."""
SHOWN = 3
"""Examples of each fault."""


def faults(connection: psycopg.Connection[Any], asked: Mapping[str, str] = NEVER) -> list[str]:
    """What is wrong, in one snapshot. The connection is the superuser's or the owner's, in no transaction."""
    found = []
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        for fault, query in asked.items():
            rows = connection.execute(query.encode()).fetchall()
            if rows:
                shown = "; ".join(str(row[0]) for row in rows[:SHOWN])
                found.append(f"{fault} ({len(rows)}): {shown}")
    return found
