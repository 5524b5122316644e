"""Rows for the server's tests, written straight into the tables; people and things are invented."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import psycopg

from tests.actions.my_day import RULES

DAY = date(2026, 11, 23)
CATEGORIES = ["violence", "hate"]


def policy(owner_url: str, categories: list[str] | None = CATEGORIES) -> None:
    """A policy in force that knows these categories; None: any."""
    document = {name: part for name, part in RULES.items() if name not in ("categories", "clearances")}
    document |= {} if categories is None else {"categories": categories}
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "with made as (insert into policy (document, adopted_by, adopted_at) values (%s, 'test', now())"
            " returning id) update installation set policy = made.id from made",
            [json.dumps(document)],
        )


def auditor(owner_url: str, name: str = "aud-01") -> None:
    """Known, and on shift on `DAY`."""
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "insert into auditor (id, team, home_market, timezone, exposure_percent)"
            " values (%s, 'id-early', 'ID', 'Asia/Jakarta', 100)",
            [name],
        )
        connection.execute(
            "insert into work_day (work_date, name) values (%s, 'day') on conflict do nothing", [DAY]
        )
        connection.execute(
            "insert into shift (auditor, work_date, team, home_market, timezone, languages, markets,"
            " clearances, opt_outs, max_severity, exposure_percent, shift_start, shift_end)"
            " values (%s, %s, 'id-early', 'ID', 'Asia/Jakarta', '{id}', '{ID}', '{}', '{}', 4, 100, %s, %s)",
            [name, DAY, at(1), at(9)],
        )


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 23, hour, minute, tzinfo=UTC)


def published(owner_url: str, version: int = 1) -> int:
    """A plan of `DAY` in force, with figures; what was in force is superseded."""
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "update plan set state = 'superseded' where state = 'published' and work_date = %s", [DAY]
        )
        row = connection.execute(
            "insert into plan (work_date, version, state, requested_by, requested_at, published_at, goals,"
            " bounds, counts, seconds)"
            " values (%s, %s, 'published', 'test', %s, %s, %s, %s, %s, %s) returning id",
            [
                DAY,
                version,
                at(0),
                at(0, 1),
                '{"escalations": 10, "coverage": 6500.5, "exposure": 31.5, "load": 0}',
                '{"escalations": 10, "coverage": 6800}',
                '{"reviews_wanted": 3}',
                '{"samples": 0.25}',
            ],
        ).fetchone()
        assert row is not None
        plan: int = row[0]
        return plan


def slot(owner_url: str, plan: int, item: str, name: str, state: str = "planned", review_no: int = 1) -> None:
    """A review of the item, from 02:00 UTC, one minute for each review before it later."""
    started = at(2) if state in ("started", "done") else None
    ended = at(2, 7) if state == "done" else None
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "insert into slot (plan, auditor, work_date, kind, item, review_no, planned_start, planned_end,"
            " state, started_at, ended_at, seen_seconds)"
            " values (%s, %s, %s, 'work', %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                plan,
                name,
                DAY,
                item,
                review_no,
                at(2, review_no),
                at(2, review_no + 4),
                state,
                started,
                ended,
                420 if state == "done" else None,
            ],
        )


def left_out(owner_url: str, plan: int, item: str, ruled_out: dict[str, int], missing: int = 1) -> None:
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "insert into unplanned (plan, item, missing, ruled_out, sentence)"
            " values (%s, %s, %s, %s, 'a sentence')",
            [plan, item, missing, json.dumps(ruled_out)],
        )
