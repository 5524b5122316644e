"""For each question of `invariants.NEVER`, what has to be done to a sound day so that it is answered."""

from __future__ import annotations

from collections.abc import Mapping

ALL_DONE_IN_TEN_HOURS = """
    update slot set state = 'done', started_at = planned_start, ended_at = planned_start + interval '10 hours'
    where kind = 'work' and state = 'planned'
"""
ANOTHER_PLAN = """
    insert into plan (work_date, version, state, requested_by, requested_at, published_at)
    select work_date, version + 1, 'superseded', requested_by, requested_at, published_at
    from plan where state = 'published'
"""
START_ONE = """
    update slot set state = 'started', started_at = planned_start
    where id = (
        select min(id) from slot where kind = 'work' and state = 'planned' and not exists (
            select from slot other where other.auditor = slot.auditor and other.state = 'started'))
"""
RELEASE_WHAT_RUNS = """
    insert into ledger (at, auditor, work_date, entry, category, severity, modality, seconds, items, slot)
    select at, auditor, work_date, 'release', category, severity, modality, seconds, items, slot
    from ledger where entry = 'reserve' and slot in (select id from slot where state = 'started')
"""
START_ALL = """
    update slot set state = 'started', started_at = planned_start where kind = 'work' and state = 'planned'
"""
LOSES_ITS_PLACE = "update slot set state = 'withdrawn' where item like 'e%' and state = 'planned'"
A_TASK_EACH = """
    insert into task (kind, payload, dedupe_key, state, run_after, filed_at)
    select 'place', jsonb_build_object('item', id), 'place:' || id, '{state}', now(), now()
    from item where kind = 'escalation' and not exists (
        select from task where dedupe_key = 'place:' || item.id and state in ('waiting', 'claimed'))
"""
A_PLAN_EACH = """
    with plan as (
        insert into plan (work_date, state, requested_by, requested_at)
        select work_date, 'waiting', requested_by, requested_at from plan where state = 'published'
        returning id)
    insert into task (kind, payload, state, run_after, filed_at)
    select 'plan', jsonb_build_object('plan', id), '{state}', now(), now() from plan
"""
COMES_LATE = """
    insert into item (id, work_date, kind, market, language, category, severity, modality, seconds, reviews,
                      priority, excluded, only_for)
    select 'late', min(work_date), 'escalation', market, language, category, severity, modality, seconds, 1,
        priority, excluded, '{}'
    from item where kind = 'escalation' and work_date = (select min(work_date) from item)
    group by market, language, category, severity, modality, seconds, priority, excluded limit 1
"""
HAS_BEGUN = """
    insert into audit (at, actor, verb, subject, detail)
    select min(shift_start) + interval '1 minute', 'system', 'nothing', 'nothing', '{}' from shift
"""
SPOILT: Mapping[str, tuple[str, ...]] = {
    "a limit is passed, and reviews that it selects are still planned": (
        "update exposure_limit set amount = 1",
    ),
    "two things of one person run at once": ("drop index slot_started", START_ALL),
    "two reviews of one person were looked at at once": (ALL_DONE_IN_TEN_HOURS,),
    "a slot was started twice": (
        """insert into audit (at, actor, verb, subject, detail)
           select now(), 'auditor:p01', 'start', 'slot:1', '{}' from generate_series(1, 2)""",
    ),
    "an item has more reviews than are wanted": ("update item set reviews = 1 where reviews > 1",),
    "somebody has an item twice": (
        "drop index slot_item",
        "update slot set auditor = 'p01' where kind = 'work' and state = 'planned'",
    ),
    "sums that are not the ledger's": ("update limit_day set reserved = reserved + 1",),
    "a planned review without exactly its reservation": (
        "update slot set planned_end = planned_end + interval '1 s'",
    ),
    "a running review that holds not one item": (START_ONE, RELEASE_WHAT_RUNS),
    "what has ended, or was taken out, and still holds something": (
        "update slot set state = 'withdrawn' where state = 'planned'",
    ),
    "a review that is done without exposure or outcome": (ALL_DONE_IN_TEN_HOURS,),
    "not one plan of a date in force": ("update plan set state = 'superseded' where state = 'published'",),
    "planned reviews of a plan that is not in force": (
        ANOTHER_PLAN,
        "update slot set plan = (select max(id) from plan) where state = 'planned'",
    ),
    "two live tasks for one thing": (
        "drop index task_live",
        """insert into task (kind, payload, dedupe_key, run_after, filed_at)
           select 'plan', '{}', 'plan:twice', now(), now() from generate_series(1, 2)""",
    ),
    "a review is planned that was withdrawn": ("update item set withdrawn_at = now()",),
    "a review is planned for somebody who is not there": (
        "update shift set available_until = shift_start + interval '1 minute'",
    ),
    "a review is planned for another date than its item's": (
        "update item set work_date = (select max(work_date) from work_day) where kind = 'escalation'",
    ),
    "a review is planned for somebody who is kept away from its item": (
        "update item set excluded = array(select id from auditor) where kind = 'escalation'",
    ),
    "a planned review that is not as its item is": (
        "update item set seconds = seconds + 1 where kind = 'escalation'",
    ),
    "an escalation that nobody looks after": (LOSES_ITS_PLACE,),
}
LOST: Mapping[str, tuple[str, ...]] = {
    "it is left out by the plan in force, and does not wait": (
        LOSES_ITS_PLACE,
        """insert into unplanned (plan, item, missing, ruled_out, sentence)
           select plan.id, item.id, 1, '{}', '-' from plan join item on item.work_date = plan.work_date
           where plan.state = 'published' and item.kind = 'escalation'
           on conflict do nothing""",
    ),
    "its task is parked, and it does not wait": (LOSES_ITS_PLACE, A_TASK_EACH.format(state="parked")),
    "its task is done, and it does not wait": (LOSES_ITS_PLACE, A_TASK_EACH.format(state="done")),
    "a plan is asked for, but it had its place in one": (
        LOSES_ITS_PLACE, A_PLAN_EACH.format(state="waiting"),
    ),
    "it has no date": (COMES_LATE, "update item set work_date = null where id = 'late'"),
    "it comes with a day that lives, and no plan is asked for": (COMES_LATE, HAS_BEGUN),
    "it comes with a day that lives, and the plan asked for is done": (
        COMES_LATE, HAS_BEGUN, A_PLAN_EACH.format(state="done"),
    ),
}  # fmt: skip
"""How an escalation is lost."""
LOOKED_AFTER: Mapping[str, tuple[str, ...]] = {
    "it waits": (
        LOSES_ITS_PLACE,
        """insert into waiting_escalation (item, since, tried_at, tries, missing, ruled_out, sentence)
           select id, now(), now(), 1, 1, '{}', '-' from item where kind = 'escalation'
           on conflict do nothing""",
    ),
    "a worker is to place it": (LOSES_ITS_PLACE, A_TASK_EACH.format(state="waiting")),
    "it is not wanted any more": (LOSES_ITS_PLACE, "update item set withdrawn_at = now()"),
    "it comes with a day that has not begun": (COMES_LATE, "delete from audit"),
    "it comes with a day that lives, and a plan is asked for": (
        COMES_LATE, HAS_BEGUN, A_PLAN_EACH.format(state="waiting"),
    ),
    "it comes with a day that lives, and operations know of the plan": (
        COMES_LATE, HAS_BEGUN, A_PLAN_EACH.format(state="parked"),
    ),
    "it comes with a day that is over": (
        COMES_LATE, HAS_BEGUN,
        "update shift set available_until = shift_start where work_date = (select min(work_date) from shift)",
    ),
}  # fmt: skip
"""Of the same escalations, how they are not."""
