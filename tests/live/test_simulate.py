"""The command says so, and fails, where not all was lived that it was asked for."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import pytest

from tests.live import simulate
from tests.live.schedule import Lived

Work = Callable[[list[int], int, bool, Connection], None]


def lived(seed: int, breach: str | None = None) -> Lived:
    return Lived(seed, 5, Counter({("start", "done"): 1}), breach)


def lives(seeds: list[int], _steps: int, _trace: bool, results: Connection) -> None:
    for seed in seeds:
        results.send(lived(seed))


def breaches(seeds: list[int], _steps: int, _trace: bool, results: Connection) -> None:
    for seed in seeds:
        results.send(lived(seed, "limit: passed" if seed == 13 else None))


def is_killed(seeds: list[int], steps: int, trace: bool, results: Connection) -> None:
    """Whoever has the first seed gets no further than that."""
    if 10 in seeds:
        results.send(lived(10))
        os.kill(os.getpid(), signal.SIGKILL)
    lives(seeds, steps, trace, results)


def is_killed_in_a_result(seeds: list[int], steps: int, trace: bool, results: Connection) -> None:
    if 10 in seeds:
        os.write(results.fileno(), b"\0\0\1\0begun")
        os.kill(os.getpid(), signal.SIGKILL)
    lives(seeds, steps, trace, results)


def raises(seeds: list[int], steps: int, trace: bool, results: Connection) -> None:
    if 11 in seeds:
        raise RuntimeError("no servers")
    lives(seeds, steps, trace, results)


def stops(seeds: list[int], _steps: int, _trace: bool, results: Connection) -> None:
    """In good order, and too early."""
    results.send(lived(seeds[0]))


def simulated(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    asked = ["simulate", "--schedules", "6", "--seed", "10", *arguments]
    monkeypatch.setattr(sys, "argv", asked)
    return simulate.main()


def test_all_that_was_asked_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(simulate, "_work", lives)
    assert simulated(monkeypatch, "--processes", "2") == 0
    said = capsys.readouterr().out
    assert "6 of 6 schedules, 30 steps" in said
    assert "MISSING" not in said


@pytest.mark.parametrize(
    ("work", "missing", "said"),
    [
        (is_killed, "MISSING: 2 of 6 schedules were not lived, of seeds 12, 14", "exit code -9"),
        (is_killed_in_a_result, "MISSING: 3 of 6 schedules were not lived, of seeds 10, 12, 14", "code -9"),
        (raises, "MISSING: 3 of 6 schedules were not lived, of seeds 11, 13, 15", "exit code 1"),
        (stops, "MISSING: 4 of 6 schedules were not lived, of seeds 12, 13, 14, 15", "breaches: 0"),
    ],
)
def test_a_process_that_ends_too_early(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], work: Work, missing: str, said: str
) -> None:
    monkeypatch.setattr(simulate, "_work", work)
    assert simulated(monkeypatch, "--processes", "2") == 1
    shown = capsys.readouterr().out
    assert missing in shown
    assert said in shown


def test_a_breach(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(simulate, "_work", breaches)
    assert simulated(monkeypatch, "--processes", "2") == 1
    said = capsys.readouterr().out
    assert "seed 13, step 5: limit: passed" in said
    assert "breaches: 1 {'limit': 1}" in said


def test_a_schedule_that_cannot_be_lived(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever goes wrong beside the calls counts, with its seed."""

    @contextmanager
    def nowhere() -> Iterator[None]:
        yield None

    def live(_place: object, seed: int, _steps: int, **_more: object) -> Lived:
        if seed == 12:
            raise KeyError("of the simulator's own")
        return lived(seed)

    monkeypatch.setattr(simulate, "arena", nowhere)
    monkeypatch.setattr(simulate, "live", live)
    assert simulated(monkeypatch) == 1
    said = capsys.readouterr().out
    assert "seed 12, step 0: simulator: KeyError: 'of the simulator's own'" in said.replace('"', "'")
    assert "breaches: 1 {'simulator': 1}" in said


@pytest.mark.parametrize("none", ["--schedules", "--steps", "--processes"])
def test_nothing_is_not_enough(monkeypatch: pytest.MonkeyPatch, none: str) -> None:
    with pytest.raises(SystemExit):
        simulated(monkeypatch, none, "0")
