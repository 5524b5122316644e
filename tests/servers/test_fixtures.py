"""The fixtures that other tests stand on keep their tests apart."""

from __future__ import annotations

import psycopg
import pytest
from redis import Redis

from tests.conftest import KINDS, Database


@pytest.mark.parametrize("time", ["first", "second"])
def test_each_test_has_a_migrated_database_of_its_own(database: Database, time: str) -> None:
    with psycopg.connect(database.owner_url) as connection:
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
        connection.execute("CREATE TABLE only_here (x int)")
    assert time


def test_the_accounts_are_no_superusers_and_the_application_owns_nothing(database: Database) -> None:
    asked = "SELECT rolsuper, has_schema_privilege('public', 'CREATE') FROM pg_roles WHERE rolname = %s"
    for url, role, creates in ((database.url, "app", False), (database.owner_url, "owner", True)):
        with psycopg.connect(url) as connection:
            assert connection.execute(asked, [f"breakwater_{role}"]).fetchone() == (False, creates)


@pytest.mark.parametrize("time", ["first", "second"])
def test_each_test_has_an_empty_redis(redis_url: str, time: str) -> None:
    with Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left behind", time)


def test_valkey_is_always_among_the_kinds() -> None:
    assert "valkey" in KINDS
