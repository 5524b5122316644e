"""The verb `servers`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.cli import main
from tests.servers.programs import CHECKOUT, assert_nothing_runs_in, short_folder


@pytest.fixture
def place() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


@pytest.mark.parametrize(
    ("named", "ending"),
    [(True, signal.SIGINT), (False, signal.SIGTERM)],
    ids=["named and Ctrl-C", "temporary and SIGTERM"],
)
def test_it_prints_what_a_second_terminal_needs(place: Path, named: bool, ending: signal.Signals) -> None:
    verb = subprocess.Popen(
        [sys.executable, "-m", "config.cli", "servers", *(["--data", str(place / "own")] if named else [])],
        cwd=CHECKOUT,
        env={**os.environ, "TMPDIR": str(place)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert verb.stdout is not None
    lines = [verb.stdout.readline() for _ in range(5)]
    assert ("the database stays" if named else "removes the folder") in lines[0]
    variables = re.findall(r"^export (\w+)=", "".join(lines), flags=re.MULTILINE)
    asked = 'exec "$0" -c "import os, psycopg; psycopg.connect(os.environ[\'DATABASE_URL\'])"'
    subprocess.run(["sh", "-c", f"{''.join(lines)}\n{asked}", sys.executable], check=True)
    assert variables == ["DATABASE_URL", "OWNER_DATABASE_URL", "REDIS_URL"]
    os.killpg(verb.pid, ending)  # as a terminal does it, to all of the group
    assert verb.wait(20) == 0
    verb.stdout.close()
    assert_nothing_runs_in(place)
    assert (place / "own").exists() == named


def test_it_prints_its_folder_without_detours(place: Path) -> None:
    (place / "below").mkdir()
    verb = subprocess.Popen(
        [sys.executable, "-m", "config.cli", "servers", "--data", "../own"],
        cwd=place / "below",
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert verb.stdout is not None
    assert f"run in {place / 'own'}," in verb.stdout.readline()
    verb.send_signal(signal.SIGINT)
    verb.communicate()
    assert_nothing_runs_in(place)


def test_a_refusal_is_one_sentence(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "letter").write_text("mine")
    assert main(["servers", "--data", str(place)]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err) == (
        "",
        f"breakwater servers: {place}: holds other files; give the servers a folder of their own\n",
    )


def test_the_folder_may_come_from_the_environment(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "letter").write_text("mine")
    monkeypatch.setenv("BREAKWATER_DATA", str(place))
    assert main(["servers"]) == 2
    assert "holds other files" in capsys.readouterr().err
    monkeypatch.setenv("BREAKWATER_DTAA", str(place))
    assert main(["servers"]) == 2
    assert capsys.readouterr().err == (
        "BREAKWATER_DTAA: there is no such setting; did you mean BREAKWATER_DATA?\n"
    )
