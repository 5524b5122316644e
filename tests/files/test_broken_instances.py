"""Every broken day is refused with one fault, at the right file, row and field, and nothing is written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from allocator.files.faults import Fault, Refused
from allocator.files.instance import read_instance
from config.cli import main
from tests.files.broken import BROKEN_DAYS, BROKEN_FILES, BROKEN_FRAMES, Broken
from tests.files.small_day import small_day, write_day

CASES = [
    *(pytest.param(case, "day", id=f"ndjson: {case.name}") for case in BROKEN_DAYS),
    *(pytest.param(case, "ndjson", id=f"bytes: {case.name}") for case in BROKEN_FILES),
    *(pytest.param(case, "parquet", id=f"parquet: {case.name}") for case in BROKEN_FRAMES),
]


def broken_folder(case: Broken, how: str, folder: Path) -> Path:
    day = small_day()
    if how == "day":
        case.change(day)
        return write_day(day, folder)
    case.change(write_day(day, folder, how))
    return folder


def faults_of(folder: Path) -> tuple[Fault, ...]:
    with pytest.raises(Refused) as refused:
        read_instance(folder)
    return refused.value.faults


@pytest.mark.parametrize(("case", "how"), CASES)
def test_one_broken_thing_is_one_fault_with_file_row_and_field(
    case: Broken, how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = broken_folder(case, how, tmp_path / "day")
    faults = faults_of(folder)
    assert [(fault.file, fault.row, fault.field) for fault in faults] == [(case.file, case.row, case.field)]
    assert case.words in faults[0].message

    out = tmp_path / "plan"
    assert main(["plan", str(folder), "--out", str(out)]) == 2
    assert capsys.readouterr().err == f"{faults[0]}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["day"]


def test_the_refusal_of_the_installed_command_is_the_same(tmp_path: Path) -> None:
    day = small_day()
    day["items"][4]["seconds"] = -5
    day["auditors"][1]["exposure_percent"] = 0
    folder = write_day(day, tmp_path / "day")
    command = [sys.executable, "-m", "config.cli", "plan", str(folder), "--out", str(tmp_path / "plan")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "auditors.ndjson row 2 field exposure_percent: must be a whole number from 1 to 100, not 0",
        "items.ndjson row 5 field seconds: must be a whole number greater than 0, not -5",
    ]
    assert not (tmp_path / "plan").exists()
