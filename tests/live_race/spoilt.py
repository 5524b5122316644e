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
    "an escalation that nobody looks after": (
        "update slot set state = 'withdrawn' where item like 'e%' and state = 'planned'",
    ),
}
