"""`generate` writes a day that `plan` can read."""

from __future__ import annotations

from pathlib import Path

import pytest

from allocator.files.instance import read_instance
from config.cli import main


def test_a_small_day_is_written_with_its_supply(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "S", "--seed", "3", "--out", str(tmp_path / "day")]) == 0
    text = capsys.readouterr().out
    assert "Supply over demand" in text
    instance = read_instance(tmp_path / "day")
    assert (instance.auditors.height, instance.items.height) == (20, 2000)


def test_a_seed_is_a_day(tmp_path: Path) -> None:
    for name, seed in (("one", "1"), ("same", "1"), ("other", "2")):
        assert main(["generate", "S", "--seed", seed, "--out", str(tmp_path / name)]) == 0
    for table in ("instance.json", "auditors.ndjson", "items.ndjson", "history.ndjson"):
        assert (tmp_path / "one" / table).read_bytes() == (tmp_path / "same" / table).read_bytes()
    items = [(tmp_path / name / "items.ndjson").read_bytes() for name in ("one", "other")]
    assert items[0] != items[1]


def test_parquet_holds_the_same_day(tmp_path: Path) -> None:
    assert main(["generate", "S", "--seed", "1", "--out", str(tmp_path / "text")]) == 0
    assert main(["generate", "S", "--seed", "1", "--out", str(tmp_path / "rows"), "--format", "parquet"]) == 0
    text, rows = read_instance(tmp_path / "text"), read_instance(tmp_path / "rows")
    assert text.items.equals(rows.items)
    assert text.auditors.equals(rows.auditors)
    assert text.history.equals(rows.history)
    assert text.policy == rows.policy


def test_nothing_is_written_where_a_file_stands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "day").write_text("mine")
    assert main(["generate", "S", "--out", str(tmp_path / "day")]) == 2
    assert "is a file" in capsys.readouterr().err
    assert (tmp_path / "day").read_text() == "mine"


def test_another_date_has_other_items(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "S", "--out", str(tmp_path / "first")]) == 0
    assert main(["generate", "S", "--work-date", "2026-11-24", "--out", str(tmp_path / "second")]) == 0
    first, second = read_instance(tmp_path / "first"), read_instance(tmp_path / "second")
    assert (second.work_date - first.work_date).days == 1
    assert first.items["id"][0] == "it-20261123-00001"
    assert not set(first.items["id"]) & set(second.items["id"])
    assert main(["generate", "S", "--work-date", "24.11.2026", "--out", str(tmp_path / "third")]) == 2
    assert "'24.11.2026' is no date such as 2026-11-23" in capsys.readouterr().err
