"""What a single entry costs does not grow with the tables, also in a session that wrote thousands before."""

from __future__ import annotations

from dataclasses import replace

import psycopg

from tests.guard.day import WEEK, least, one_limit, prepare
from tests.guard.world import enter

WHOLE_TABLES_READ = """
    select relname::text, seq_scan from pg_stat_xact_user_tables
    where relname in ('slot', 'ledger_2026', 'limit_day') order by relname
"""


def test_a_session_that_published_looks_single_entries_up_by_index(app: psycopg.Connection) -> None:
    places = prepare(app, one_limit(window_days=7, amount=1000), people=40)
    reserves = [least("reserve", both[0]) for both in places.values()]
    releases = [replace(entry, entry="release") for entry in reserves]
    enter(app, *reserves)
    enter(app, *releases)
    enter(app, *reserves)
    assert len(reserves) == 40 * len(WEEK)
    with app.transaction():
        before = app.execute(WHOLE_TABLES_READ).fetchall()
        for _ in range(10):
            enter(app, releases[0])
            enter(app, reserves[0])
        assert app.execute(WHOLE_TABLES_READ).fetchall() == before
