"""The benchmark of placing does what it says, on the smallest day; what only waits it does not praise."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from allocator.instance import Instance
from models.actions.escalate import Escalation
from tests.bench import escalations
from tests.bench.escalations import Make, Measured, Times, judged, like_those_of, shortcomings

COUNT, TOGETHER = 3, 6


def in_no_language(day: Instance, chance: random.Random, now: datetime) -> Callable[[], Escalation]:
    """Nobody speaks it: all of them wait."""
    one = like_those_of(day, chance, now)
    return lambda: replace(one(), language="none")


def ran(
    make: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, list[str]]:
    arguments = ["--size", "S", "--count", str(COUNT), "--together", str(TOGETHER)]
    monkeypatch.setattr(sys, "argv", ["escalations", *arguments])
    # Whether it is fast enough is for a machine that has nothing else to do.
    for name in ("MOST_SECONDS", "MOST_TIMES", "MOST_ALL"):
        monkeypatch.setattr(escalations, name, float("inf"))
    code = escalations.main(make)
    return code, capsys.readouterr().out.splitlines()


def test_a_small_measurement(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = ran(like_those_of, monkeypatch, capsys)
    assert code == 0, lines
    for line, name in zip(lines[1:4], ("empty RQ job", "accepting", "visible"), strict=True):
        assert line.startswith(name)
        assert {"p50", "p99"} <= set(line.split())
        assert line.endswith("of an empty job")
    assert lines[4] == f"0 of {COUNT} wait with an explanation"
    assert lines[5].startswith(f"{TOGETHER} at once: ")
    assert lines[5].endswith(f" s; {TOGETHER} placed, 0 explained")
    assert lines[6].endswith(" empty jobs: as wanted")


def test_where_all_wait_it_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = ran(in_no_language, monkeypatch, capsys)
    assert code == 1
    assert lines[4] == f"{COUNT} of {COUNT} wait with an explanation"
    assert lines[5].endswith(f" s; 0 placed, {TOGETHER} explained")
    assert lines[6:8] == [
        f"{waiting} of {waiting} only wait, and say nothing of placing" for waiting in (COUNT, TOGETHER)
    ]
    assert lines[8].endswith("NOT as wanted")


GOOD = Measured(Times(accepted=[0.1], visible=[0.2] * 10, empty=[0.1] * 10), took=1.0, placed=10, waiting=0)


@pytest.mark.parametrize(
    ("measured", "wrong"),
    [
        (GOOD, 0),
        (replace(GOOD, placed=5, waiting=5), 0),
        (replace(GOOD, placed=4, waiting=6), 1),
        (replace(GOOD, times=replace(GOOD.times, waited=5)), 0),
        (replace(GOOD, times=replace(GOOD.times, waited=6)), 1),
        (replace(GOOD, times=replace(GOOD.times, visible=[0.2] * 9 + [0.5])), 1),
        (replace(GOOD, times=replace(GOOD.times, visible=[2.0] * 10, empty=[1.0] * 10)), 1),
        (replace(GOOD, took=20.0), 1),
    ],
)
def test_what_is_not_as_wanted_fails(measured: Measured, wrong: int) -> None:
    assert len(shortcomings(measured)) == wrong
    assert judged(measured) == min(1, wrong)
