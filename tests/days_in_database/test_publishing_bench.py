"""The benchmark of publishing does what it says, on the smallest day."""

from __future__ import annotations

from sqlalchemy import create_engine, text

from models.connection import driver_url
from tests.bench.publish import planned_day, timed_round
from tests.conftest import Database
from tests.days_in_database.steps import engine_of, rows


def test_the_same_rows_are_published_and_copied(database: Database) -> None:
    day, plan = planned_day("S", 0)
    owner = create_engine(driver_url(database.owner_url))
    with engine_of(database) as engine:
        one = timed_round(engine, owner, day, plan)
        counted = rows(engine, "select count(*), count(item) from slot where state = 'planned'")
        reserved = rows(engine, "select count(*) from ledger where entry = 'reserve'")
    with owner.connect() as connection:
        for plain, kept in (("plain_slot", "slot"), ("plain_ledger", "ledger where entry = 'reserve'")):
            assert connection.execute(text(f"select count(*) from {plain}")).scalar_one() > 0
            differing = f"(table {plain} except all select * from {kept})"
            assert connection.execute(text(f"select count(*) from {differing} d")).scalar_one() == 0
    owner.dispose()
    assert counted == [(one.slots, one.reviews)]
    assert reserved == [(one.reviews,)]
    assert one.publish > 0 < one.copy
