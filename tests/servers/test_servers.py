"""Servers of one's own: whom they answer, where they live, what is refused."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from config.embedded import ServersRefused, servers
from config.embedded.account import Account, holds
from config.embedded.answers import postgres_socket, redis_socket
from config.embedded.binaries import postgres_install, valkey_server
from config.embedded.folder import SOCKET_NAME_BYTES
from config.embedded.start import Servers, kept
from tests.servers.programs import (
    CHECKOUT,
    PROGRAM,
    assert_nothing_runs_in,
    first_words,
    short_folder,
)

ROOT = os.geteuid() == 0
NOBODY = 65534
NAMELESS = 47_113
only_root = pytest.mark.skipif(not ROOT, reason="needs root, to step down from")


@pytest.fixture
def place() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


@pytest.fixture
def temporary(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's temporary folders are made."""
    monkeypatch.setattr("tempfile.tempdir", str(place))
    return place


def answer(url: str, question: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(question).fetchone()
    assert row is not None
    return row[0]


def test_they_are_real_and_listen_on_sockets_alone(cluster: Servers) -> None:
    assert str(answer(cluster.database_url, "SHOW server_version")).startswith("18.")
    assert answer(cluster.database_url, "SHOW listen_addresses") == ""
    assert answer(cluster.database_url, "SELECT current_user || ' ' || current_database()") == (
        "breakwater_app breakwater"
    )
    assert answer(cluster.owner_database_url, "SELECT current_user") == "breakwater_owner"
    with Redis.from_url(cluster.redis_url) as client:
        assert client.config_get("port") == {"port": "0"}
        assert client.info("server")["server_name"] == "valkey"


def test_text_is_unicode_in_every_locale(cluster: Servers) -> None:
    assert answer(cluster.database_url, "SHOW server_encoding") == "UTF8"
    assert answer(cluster.database_url, "SELECT upper('é')") == "É"
    assert answer(cluster.database_url, "SELECT 'Z' < 'a'") is True


def test_their_folder_is_closed_to_others(cluster: Servers) -> None:
    assert stat.S_IMODE(cluster.folder.stat().st_mode) & ~stat.S_IXGRP == 0o700
    if ROOT:
        for other in (Account(NOBODY, NOBODY), Account(12345, 12345)):
            assert not holds(other, lambda: os.access(postgres_socket(cluster.folder), os.R_OK))
            assert not holds(other, lambda: os.access(redis_socket(cluster.folder), os.R_OK))
            assert not holds(other, lambda: os.access(cluster.folder / "logs" / "postgres", os.R_OK))


def test_what_went_wrong_in_the_database_is_not_written_down(cluster: Servers) -> None:
    with psycopg.connect(cluster.owner_database_url, autocommit=True) as connection:
        connection.execute("CREATE TEMPORARY TABLE seen (who text PRIMARY KEY)")
        connection.execute("INSERT INTO seen VALUES ('secret-person')")
        for wrong in (
            "INSERT INTO seen VALUES ('secret-person')",
            "SELECT 'secret-person'::int",
            "SELECT secret-person FROM",
            "DO $$ BEGIN RAISE WARNING 'secret-person'; END $$; SELECT 1/0",
        ):
            with pytest.raises(psycopg.Error):
                connection.execute(wrong)
        with pytest.raises(psycopg.Error):
            connection.execute("SELECT %s::int", ["secret-person"])
    assert "secret-person" not in (cluster.folder / "logs" / "postgres").read_text()


def test_children_are_told_by_their_environment(cluster: Servers) -> None:
    code = "from config.settings import settings; print(*settings().connections())"
    environment = {**os.environ, **cluster.environment()}
    command = [sys.executable, "-c", code]
    said = subprocess.check_output(command, cwd=CHECKOUT, env=environment, text=True)
    assert said.split() == [cluster.database_url, cluster.owner_database_url, cluster.redis_url]


def test_two_stand_side_by_side_and_leave_nothing(temporary: Path) -> None:
    with servers() as one, servers() as other:
        for own in (one, other):
            with psycopg.connect(own.owner_database_url) as connection:
                connection.execute("CREATE TABLE only_once (x int)")
        assert one.folder != other.folder
        assert len(list(temporary.iterdir())) == 2
    assert list(temporary.iterdir()) == []
    assert_nothing_runs_in(temporary)


def test_a_named_folder_keeps_the_database_and_not_the_queue(place: Path) -> None:
    folder = place / "a name with blanks" / "é%41"
    with servers(folder) as own:
        assert answer(own.database_url, "SHOW fsync") == "on"
        with psycopg.connect(own.owner_database_url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS x")
        with Redis.from_url(own.redis_url) as client:
            client.set("queued", 1)
    assert not (folder / "run").exists()
    with servers(folder) as own:
        assert answer(own.owner_database_url, "SELECT x FROM kept") == 7
        with Redis.from_url(own.redis_url) as client:
            assert client.dbsize() == 0
    assert folder.is_dir()


def test_a_second_start_on_a_folder_in_use_is_refused_at_once(place: Path) -> None:
    with servers(place / "own", durable=False) as own:
        begun = time.monotonic()
        with pytest.raises(ServersRefused, match=f"servers run there already, for process {os.getpid()}"):
            servers(place / "own").__enter__()
        assert time.monotonic() - begun < 5
        assert answer(own.database_url, "SELECT 1") == 1


def test_a_folder_with_too_long_a_name_is_refused(place: Path) -> None:
    longest = SOCKET_NAME_BYTES - len(os.fsencode(postgres_socket(place / "x"))) + 1
    with pytest.raises(ServersRefused, match="the name is 1 bytes too long for a socket"):
        servers(place / ("x" * (longest + 1))).__enter__()
    assert list(place.iterdir()) == []
    with servers(place / ("x" * longest), durable=False) as own:
        assert answer(own.database_url, "SELECT 1") == 1


def test_folders_that_cannot_be_used_are_refused(place: Path) -> None:
    (place / "file").write_text("mine")
    (place / "full").mkdir()
    (place / "full" / "letter").write_text("mine")
    for name, said in (
        ("file", "is a file"),
        ("file/below", "out of reach"),
        ("full", "holds other files"),
        ("a,b", "no comma"),
    ):
        with pytest.raises(ServersRefused, match=said):
            servers(place / name).__enter__()
    left = {str(path.relative_to(place)) for path in place.rglob("*")}
    assert left == {"file", "full", "full/letter"}


@only_root
def test_root_is_told_when_the_account_nobody_cannot_come_near(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(ServersRefused, match=f"to whom {closed} is closed; give a folder elsewhere"):
        servers(closed / "own").__enter__()


@only_root
def test_another_account_s_folder_is_refused(place: Path) -> None:
    (place / "own").mkdir()
    os.chown(place / "own", 12345, 12345)
    with pytest.raises(ServersRefused, match="belongs to another account"):
        servers(place / "own").__enter__()


@only_root
def test_programs_in_root_s_closed_home_are_copied(place: Path) -> None:
    home = place / "home"
    home.mkdir(mode=0o700)
    package = postgres_install().parent
    subprocess.run(["cp", "-a", package, package.with_name(package.name + ".libs"), home], check=True)
    subprocess.run(["cp", valkey_server(), home / "valkey-server"], check=True)
    folder = place / "own"
    with kept(folder, home / package.name / "pginstall", home / "valkey-server"):
        run = (folder / "run").iterdir()
        assert {path.name for path in run} >= {".s.PGSQL.5432", "redis.sock"}
        with Redis.from_url(f"unix://{redis_socket(folder)}") as client:
            assert client.ping()


def interpreter_for_others() -> str | None:
    """A Python of this version that an ordinary account can run: this one may be in root's home."""
    here = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/{here}", f"/usr/local/bin/{here}"):
        if holds(Account(NOBODY, NOBODY), lambda: os.access(python, os.X_OK)):  # noqa: B023
            return python
    return None


def as_account(number: int, place: Path) -> subprocess.Popen[str]:
    """The program run by an account of this number, which `place` is given to."""
    python = interpreter_for_others()
    if python is None:
        pytest.skip("no Python of this version outside of root's home")
    os.chown(place, number, number)
    return subprocess.Popen(
        [python, "-c", PROGRAM],
        cwd="/",
        env={
            "TMPDIR": str(place),
            "PATH": os.defpath,
            "PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(postgres_install().parents[1])]),
        },
        user=number,
        group=number,
        extra_groups=[],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_only_the_failing_program_is_quoted(place: Path) -> None:
    """Valkey has had its say by then, and it has nothing to do with it."""
    install = place / "install"
    (install / "bin").mkdir(parents=True)
    (install / "share").mkdir()
    (install / "share" / "postgres.bki").touch()
    marks = place / "marks"
    marks.mkdir()
    marks.chmod(0o777)
    fails = f"until [ -e {marks}/said ]; do sleep 0.01; done; echo it is I who fails >&2; exit 1"
    for name, text in (("initdb", fails), ("postgres", "exit 1")):
        (install / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
    valkey = place / "valkey-server"
    valkey.write_text(f"#!/bin/sh\necho 'WARNING Memory overcommit' >&2\n: >{marks}/said\nexec sleep 60\n")
    for path in (*install.rglob("*"), valkey, install):
        path.chmod(0o755)
    with pytest.raises(ServersRefused) as refused:
        kept(place / "own", install, valkey).__enter__()
    assert str(refused.value) == "PostgreSQL's database could not be made: it is I who fails"


@only_root
def test_an_account_without_a_name_is_told_that_it_needs_one(place: Path) -> None:
    with as_account(NAMELESS, place) as program:
        _, refusal = program.communicate()
    assert f"number {NAMELESS}, has no name on this machine, and PostgreSQL wants one" in refusal
    assert "WARNING" not in refusal
    assert list(place.iterdir()) == []


@only_root
def test_an_ordinary_account_runs_them_as_itself(place: Path) -> None:
    with as_account(NOBODY, place) as program:
        first_words(program)
        (folder,) = place.iterdir()
        assert (folder.stat().st_uid, stat.S_IMODE(folder.stat().st_mode)) == (NOBODY, 0o700)
        assert (folder / "postgres").stat().st_gid == NOBODY
        program.send_signal(signal.SIGKILL)
    assert_nothing_runs_in(place)
    assert list(place.iterdir()) == []
