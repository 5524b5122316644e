"""The comparison itself: one command, three processes a day, figures that hang together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench.compare import FIFO, PLANNER, ROUTER, main, seeds


@pytest.mark.parametrize(
    ("text", "expected"), [("4", [4]), ("0-3", [0, 1, 2, 3]), ("0,3,5-7", [0, 3, 5, 6, 7])]
)
def test_seeds_are_numbers_and_ranges(text: str, expected: list[int]) -> None:
    assert seeds(text) == expected


@pytest.mark.parametrize("text", ["", "a", "3-1", "1,,2"])
def test_what_is_no_seed_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["--seeds", text])
    assert refused.value.code == 2
    assert "--seeds" in capsys.readouterr().err


def test_one_small_day(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = tmp_path / "figures.json"
    code = main(["--size", "S", "--seeds", "0", "--json", str(figures)])
    assert code == 0
    shown = capsys.readouterr().out
    results = {one["who"]: one for one in json.loads(figures.read_text(encoding="utf-8"))["results"]}
    assert set(results) == {FIFO, ROUTER, PLANNER}
    for who, one in results.items():
        assert who in shown
        assert one["violations"] == 0
        assert 0 < one["in_order_coverage"] <= one["coverage"]
        assert one["seconds"] > 0
        assert one["peak_bytes"] > 10_000_000
    planner = results[PLANNER]
    assert planner["escalations"] <= planner["escalations_bound"]
    assert planner["in_order_coverage"] <= planner["coverage_bound"]
    assert planner["escalations"] >= results[ROUTER]["escalations"]
