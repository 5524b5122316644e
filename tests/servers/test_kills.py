"""Whatever is killed, and whenever: nothing is left running, and the folder can be used again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from config.embedded import servers
from config.embedded.shared_memory import users_of
from tests.servers.programs import (
    PROGRAM,
    assert_nothing_runs_in,
    first_words,
    running_in,
    short_folder,
    start_program,
    wait_until,
)

MOMENTS = [
    "lock",
    "postgres.new",
    "postgres.new/global/pg_control",
    "postgres/postmaster.pid",
    "run/.s.PGSQL.5432",
]
"""Files in the order in which a first start makes them."""
FORKING = PROGRAM.replace("    time.sleep(60)", "    import os; time.sleep(60 if os.fork() else 5)")


@pytest.fixture
def place() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder
        assert running_in(folder) == []


def kill(program: subprocess.Popen[str]) -> None:
    program.kill()
    program.communicate()


def assert_usable(folder: Path) -> None:
    with servers(folder, durable=False) as own, psycopg.connect(own.owner_database_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS usable (x int)")


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_while_it_starts(place: Path, moment: str) -> None:
    program = start_program(place, place / "own")
    wait_until(place / "own" / moment)
    kill(program)
    assert_usable(place / "own")  # at once: it waits for what is still ending
    assert_nothing_runs_in(place)


def test_killed_at_any_time(place: Path) -> None:
    chance = random.Random(11)
    for _ in range(3):
        program = start_program(place)
        time.sleep(chance.uniform(0.0, 1.0))
        kill(program)
    assert_nothing_runs_in(place)
    assert list(place.iterdir()) == []


def test_killed_while_it_works(place: Path) -> None:
    program = start_program(place, place / "own")
    _, url = first_words(program)
    with psycopg.connect(url.replace("_app", "_owner"), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS x")
        kill(program)
    assert_nothing_runs_in(place)
    with servers(place / "own", durable=False) as own, psycopg.connect(own.owner_database_url) as connection:
        assert connection.execute("SELECT x FROM kept").fetchone() == (7,)


def test_killed_with_a_forked_child_that_goes_on(place: Path) -> None:
    """The child has the keeper's input open, so the keeper never comes to its end."""
    program = start_program(place, code=FORKING)
    first_words(program)
    program.kill()
    program.wait()
    assert_nothing_runs_in(place)
    assert list(place.iterdir()) == []
    assert program.stdout is not None
    program.stdout.close()


def test_a_forked_child_that_ends_leaves_the_servers_alone(place: Path) -> None:
    with servers(place / "own", durable=False) as own:
        if os.fork() == 0:
            try:
                own.keeper.stop()
            finally:
                os._exit(0)
        os.wait()
        time.sleep(0.1)
        with psycopg.connect(own.database_url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("with_program", [False, True], ids=["keeper alone", "program and keeper"])
def test_the_keeper_is_killed_too(place: Path, with_program: bool) -> None:
    program = start_program(place)
    keeper, url = first_words(program)
    busy = psycopg.connect(url)
    # One that is in the middle of something looks up rarely.
    busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 1000000000)")
    if with_program:
        program.kill()
    os.kill(int(keeper), signal.SIGKILL)
    kill(program)
    assert_nothing_runs_in(place)
    busy.close()
    (left,) = place.iterdir()
    kill_later = start_program(place)
    first_words(kill_later)
    deadline = time.monotonic() + 10
    while left.exists():
        assert time.monotonic() < deadline, "a later run sweeps what nobody uses"
        time.sleep(0.02)
    kill(kill_later)
    assert_nothing_runs_in(place)
    assert list(place.iterdir()) == []


def test_a_sweep_spares_what_is_used_or_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(place))
    (place / "breakwater-letters").mkdir()
    (place / "breakwater-letters" / "letter").write_text("mine")
    (place / "breakwater-new").mkdir()
    with servers(place / "breakwater-data", durable=False):
        pass
    with servers() as own:
        assert_usable(place / "breakwater-data")
        with servers():
            time.sleep(0.2)
        with psycopg.connect(own.database_url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    assert {path.name for path in place.iterdir()} == {
        "breakwater-letters",
        "breakwater-new",
        "breakwater-data",
    }


def test_a_server_that_ends_by_itself_takes_the_others_along(place: Path) -> None:
    with servers(place / "own", durable=False) as own:
        note = (own.folder / "postgres" / "postmaster.pid").read_text().splitlines()
        key, number = note[6].split()
        assert users_of(key, number, note[0]) is not None
        os.kill(int(note[0]), signal.SIGKILL)
        assert own.wait().startswith("postgres ended by itself")
    assert_nothing_runs_in(place)
    assert users_of(key, number, note[0]) is None
    assert_usable(place / "own")


def test_a_note_of_a_process_that_is_now_another_is_no_hindrance(place: Path) -> None:
    assert_usable(place / "own")
    note = place / "own" / "postgres" / "postmaster.pid"
    note.write_text(f"{os.getpid()}\n{note.parent}\n0\n5432\n/\n\n0 0\nready\n")
    assert_usable(place / "own")
