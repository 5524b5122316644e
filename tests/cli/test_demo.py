"""`breakwater demo` without a terminal, and the files that it keeps."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from allocator.files.plan import read_plan
from config.cli import main
from config.demo import processes
from config.demo.personas import AUDITOR

SECTIONS = (
    "The team's day",
    "Coverage of the sampling plan, in reviews",
    "Escalations and calibrations",
    "Limits: how much is used",
    "Left out, and why",
    "How good the plan is",
)


def test_without_a_terminal_it_is_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert said.err == ""
    assert "\x1b" not in said.out
    assert max(map(len, lines)) <= 100
    assert [line for line in lines if line != line.rstrip()] == []
    for section in SECTIONS:
        assert any(line.startswith(f"{section} ─") for line in lines)
    assert "no hard rule is broken" in said.out


def test_the_files_it_keeps_are_a_legal_plan_and_its_last_line_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--check", "--out", str(tmp_path / "kept")]) == 0
    day, plan = tmp_path / "kept" / "day", tmp_path / "kept" / "plan"
    said = capsys.readouterr().out
    assert f"breakwater verify {day} {plan}" in said
    assert main(["verify", str(day), str(plan)]) == 0
    summary = json.loads(said.splitlines()[-1])
    assert set(summary) == {"planned", "violations", "queue_items", "coverage_gap", "seconds"}
    made = read_plan(plan)
    assert (summary["planned"], summary["violations"]) == (made.counts["reviews_planned"], 0)
    mine = made.slots.filter(auditor=AUDITOR, kind="work")
    assert summary["queue_items"] == mine.height > 0
    assert 0 <= summary["coverage_gap"] < 0.1


def test_it_refuses_to_keep_files_where_a_file_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kept").write_text("mine")
    assert main(["demo", "--out", str(tmp_path / "kept")]) == 2
    assert capsys.readouterr().out == ""


def test_a_port_that_somebody_has_is_left_to_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As another demo has it, which would answer as well."""
    nowhere = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none", "REDIS_URL": "redis://127.0.0.1:9"}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        monkeypatch.setattr(processes, "PORT", number)
        with processes.serving({"PATH": os.defpath, **nowhere}, tmp_path / "log") as (server, address):
            assert server.process.poll() is None
            assert address.startswith("http://127.0.0.1:")
            assert not address.endswith(f":{number}")
    with processes.serving({"PATH": os.defpath, **nowhere}, tmp_path / "free") as (_, address):
        assert address == f"http://127.0.0.1:{number}"
    with (
        pytest.raises(processes.DemoFailed, match="DATABASE_URL"),
        processes.serving({"PATH": os.defpath}, tmp_path / "refused"),
    ):
        pass
