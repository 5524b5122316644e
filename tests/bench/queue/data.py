"""Many people with a full day, a plan in force, and months of ledger behind them, made by the database.

Everybody has 100 slots on the day of the measurement, 82 of them reviews, all reserved, and is some two hours
into it: the first 24 slots are done and were seen as planned, the last of them a break of 15 minutes. On each
earlier date there are 12 entries of history and a shift. The sums of the limits are made from the ledger
afterwards, as a migration would make them: the guard is for concurrent writers, and here is one.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import psycopg

from config.policy import default_policy_document

SLOTS = 100
REVIEWS = 82
DONE = 24
ENTRIES = 12
"""Of history, for each person and date."""

SHIFTS = """
insert into shift
select id, %(today)s::date - d, team, home_market, timezone, '{id,en}', '{*}', '{child-safety}', '{}', 4, 100,
       %(start)s - d * interval '1 day', %(start)s - d * interval '1 day' + interval '8 hours', null
from auditor cross join generate_series(0, %(days)s) d
"""
ITEMS = """
insert into item (id, work_date, kind, market, language, category, severity, modality, seconds, reviews,
                  priority, stratum, draw, due, excluded, only_for)
select 'item-' || i, %(today)s, 'sample', 'ID', 'id',
       (array['violence', 'self-harm', 'hate', 'bullying', 'adult', 'child-safety'])[1 + i %% 6],
       (array[0, 0, 0, 0, 0, 1, 1, 1, 2, 3])[1 + i %% 10],
       (array['text', 'image', 'audio', 'video', 'live'])[1 + i %% 5],
       60 + i %% 200, 1, 4, 's', i, %(start)s + interval '8 hours', '{}', '{}'
from generate_series(0, %(people)s::int * %(reviews)s - 1) i
"""
# As a plan is published: people one after the other, each in order of time.
DAY = """
insert into slot (plan, auditor, work_date, kind, item, review_no, label, planned_start, planned_end)
select %(plan)s, 'aud-' || p, %(today)s, case when rests then 'break' else 'work' end,
       case when not rests then 'item-' || ((p - 1) * %(reviews)s + n - (n + 1) / 6) end,
       case when not rests then 1 end, case when rests then 'short' end,
       %(start)s + n * interval '288 seconds', %(start)s + n * interval '288 seconds' + interval '250 seconds'
from generate_series(1, %(people)s) p cross join generate_series(0, %(slots)s - 1) n
cross join lateral (select n %% 6 = 5 and n < 96 or n >= 98) is_break (rests)
order by p, n
"""
RESERVED = """
insert into ledger (at, auditor, work_date, entry, category, severity, modality, seconds, items, slot)
select %(start)s, slot.auditor, slot.work_date, 'reserve', category, severity, modality, seconds, 1, slot.id
from slot join item on item.id = slot.item
"""
WORKED = """
with ended as (
    update slot set state = 'done', started_at = planned_start,
        ended_at = case when planned_start = %(start)s + (%(done)s - 1) * interval '288 seconds'
            then planned_start + interval '15 minutes' else planned_end end,
        seen_seconds = case kind when 'work' then 250 end
    where planned_start < %(start)s + %(done)s * interval '288 seconds'
    returning id
)
insert into ledger (at, auditor, work_date, entry, category, severity, modality, seconds, items, slot)
select %(start)s, auditor, work_date, also.entry, category, severity, modality,
       case also.entry when 'release' then seconds else 250 end, 1, slot
from ended join ledger on ledger.slot = ended.id cross join (values ('release'), ('post')) also (entry)
"""
HISTORY = """
insert into ledger (at, auditor, work_date, entry, category, severity, modality, seconds, items)
select %(start)s, 'aud-' || p, %(today)s::date - d, 'history',
       (array['violence', 'self-harm', 'hate', 'bullying', 'adult', 'child-safety'])[1 + n %% 6],
       (array[0, 1, 2, 3])[1 + n %% 4], (array['text', 'image', 'video'])[1 + n %% 3], 60 + 5 * n, 2
from generate_series(1, %(days)s) d cross join generate_series(1, %(people)s) p
cross join generate_series(1, %(entries)s) n
"""
TOKENS = """
insert into token (prefix, digest, persona, subject, teams, created_at, expires_at)
select 'bench-' || p, sha256(convert_to(%(secret)s || p, 'UTF8')), 'auditor', 'aud-' || p, '{}', %(start)s,
       %(start)s + interval '10 days'
from generate_series(1, %(people)s) p
"""


def fill(owner_url: str, people: int, days: int, secret: str, now: datetime) -> int:
    """Fill an empty, migrated database; a token is `secret` and the number of its person. How many lines the
    ledger has."""
    start = now.replace(microsecond=0) - timedelta(minutes=130)
    row = {
        "people": people,
        "days": days,
        "today": start.date(),
        "start": start,
        "slots": SLOTS,
        "reviews": REVIEWS,
        "done": DONE,
        "entries": ENTRIES,
        "secret": secret,
    }
    policy = default_policy_document()
    with psycopg.connect(owner_url, autocommit=True) as connection:
        with connection.transaction():
            connection.execute("alter table ledger disable trigger guard")
            adopt(connection, policy, now)
            connection.execute(
                "insert into auditor select 'aud-' || p, 'team-' || p %% 50, 'ID', 'Asia/Jakarta', 100"
                " from generate_series(1, %s) p",
                [people],
            )
            connection.execute("insert into work_day values (%s, 'bench')", [row["today"]])
            plan = connection.execute(
                "insert into plan (work_date, version, state, requested_by, requested_at, published_at)"
                " values (%s, 1, 'published', 'bench', %s, %s) returning id",
                [row["today"], start, start],
            ).fetchone()
            assert plan is not None
            for statement in (SHIFTS, ITEMS, DAY, RESERVED, WORKED, HISTORY, TOKENS):
                connection.execute(statement, row | {"plan": plan[0]})
            connection.execute("select fill_limit_days(id) from exposure_use")
            connection.execute("alter table ledger enable trigger guard")
        connection.execute("vacuum analyze")
        counted = connection.execute("select count(*) from ledger").fetchone()
        assert counted is not None
        return int(counted[0])


def adopt(connection: psycopg.Connection, policy: dict[str, object], now: datetime) -> None:
    """The policy, its weights and its limits, straight into the tables."""
    connection.execute(
        "with made as (insert into policy (document, adopted_by, adopted_at) values (%s, 'bench', %s)"
        " returning id) update installation set policy = made.id from made",
        [json.dumps(policy), now],
    )
    dose = policy["dose"]
    assert isinstance(dose, dict)
    weights = [
        {"severity": severity, "modality": modality, "units": weight * tenths}
        for severity, weight in enumerate(dose["severity"])
        for modality, tenths in dose["modality_tenths"].items()
    ]
    connection.execute("select set_dose_weights(%s)", [json.dumps(weights)])
    limits = policy["limits"]
    assert isinstance(limits, list)
    for position, limit in enumerate(limits):
        connection.execute(
            "insert into exposure_limit (key, position, scope, use, window_days, amount) values"
            " (%s, %s, %s, exposure_use_of(%s, %s::smallint, %s), %s, %s)",
            [
                limit["key"],
                position,
                limit["scope"],
                limit.get("categories", []),
                limit.get("min_severity", 0),
                limit["measure"],
                limit["window_days"],
                limit["amount"],
            ],
        )
