"""A database that was never migrated, or is away: what each verb that needs it says, and what it does not."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from config.cli import main
from config.embedded import Servers
from config.embedded.roles import database_url
from models.migrate import migrate
from models.with_database import NO_TABLES, OTHER_REVISION, SILENT, database_fault
from tests.conftest import Database
from tests.servers.programs import CHECKOUT
from tests.workers.processes import wait_for, worker

NAME = "never_migrated"
AWAY = "postgresql://somebody:pass-word@/none?host=/nonexistent"
ISSUE = ["token", "issue", "--persona", "operations", "--subject", "secret-person"]
LIST = ["token", "list"]
CLOCK = ["clock", "--once"]


@pytest.fixture
def empty(cluster: Servers, administration: psycopg.Connection) -> Iterator[Database]:
    """A database without a table."""
    administration.execute(f"CREATE DATABASE {NAME} OWNER breakwater_owner")
    yield Database(database_url(cluster.folder, "app", NAME), database_url(cluster.folder, "owner", NAME))
    administration.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


def test_verbs_refuse_in_a_line(
    empty: Database,
    redis_of_kind: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_of_kind("valkey"))
    for url, sentence in ((empty.url, NO_TABLES), (AWAY, SILENT)):
        monkeypatch.setenv("DATABASE_URL", url)
        for verb, code in ((ISSUE, 2), (LIST, 2), (CLOCK, 2), (["ready"], 1)):
            assert main(verb) == code
            assert capsys.readouterr() == ("", f"breakwater {verb[0]}: {sentence}\n")


def test_a_slip_in_sql_is_raised_without_its_parameters(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is well, so there is no sentence for it; and a token's digest is in no traceback."""
    monkeypatch.setenv("DATABASE_URL", database.url)
    slip = text("insert into token (no_such_column, digest) values (:subject, :digest)")
    monkeypatch.setattr("models.actions.issue_token.INSERT", slip)
    with pytest.raises(DBAPIError, match="no_such_column") as raised:
        main(ISSUE)
    assert "secret-person" not in str(raised.value)


def test_another_revision_is_a_fault(database: Database) -> None:
    assert database_fault(database.url) is None
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("update alembic_version set version_num = 'older'")
    assert database_fault(database.url) == OTHER_REVISION


def test_the_server_warns_when_it_starts(empty: Database, redis_of_kind: Callable[[str], str]) -> None:
    server = subprocess.Popen(
        [sys.executable, "-m", "config.cli", "serve", "--port", "0"],
        cwd=CHECKOUT,
        env={"PATH": os.defpath, "DATABASE_URL": empty.url, "REDIS_URL": redis_of_kind("valkey")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    try:
        ready, _, _ = select.select([server.stderr], [], [], 60)
        assert ready, "the server says nothing"
        line = json.loads(server.stderr.readline())
    finally:
        server.kill()
        server.communicate()
    assert (line["level"], line["kind"]) == ("warning", NO_TABLES)


def test_a_worker_waits_until_there_are_tables(
    empty: Database, redis_of_kind: Callable[[str], str], tmp_path: Path
) -> None:
    environment = {"DATABASE_URL": empty.url, "REDIS_URL": redis_of_kind("valkey")}
    with worker(tmp_path, environment) as running:
        wait_for(lambda: NO_TABLES in running.said(), "the tables are missed")
        assert "waiting for tasks" not in running.said()
        migrate(empty.owner_url)
        wait_for(lambda: "breakwater worker: waiting for tasks" in running.said(), "it works")
        assert running.stop() == 0
        assert running.said().count(NO_TABLES) == 2  # when they were missed, and when they were there
    with worker(tmp_path, environment | {"DATABASE_URL": AWAY}) as running:
        wait_for(lambda: SILENT in running.said(), "the database is missed")
        assert running.stop() == 0
        assert "waiting for tasks" not in running.said()
