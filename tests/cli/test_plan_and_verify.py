"""`plan` and `verify` from folder to folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from allocator.files.plan import read_plan
from config.cli import main
from tests.cli.days import SMALL
from tests.days.build import write_day


@pytest.fixture
def day(tmp_path: Path) -> Path:
    folder = tmp_path / "day"
    write_day(SMALL, folder)
    return folder


def test_a_day_is_planned_and_its_plan_is_legal(
    day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "plan"
    assert main(["plan", str(day), "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert str(out) in said.out
    assert said.err == ""  # no terminal, no progress
    assert sorted(path.name for path in out.iterdir()) == ["plan.json", "slots.ndjson", "unplanned.ndjson"]

    assert main(["verify", str(day), str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Legal:")
    claims = json.loads((out / "plan.json").read_text())
    assert claims["counts"]["reviews_planned"] > 0
    assert (
        f"{claims['counts']['reviews_planned']} of {claims['counts']['reviews_wanted']} reviews" in lines[-1]
    )
    assert [line.split()[0] for line in lines[1:6]] == ["goal", "escalations", "coverage", "exposure", "load"]


def test_parquet_holds_the_same_plan(day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "plan"
    assert main(["plan", str(day), "--out", str(out), "--format", "parquet"]) == 0
    names = sorted(path.name for path in out.iterdir())
    assert names == ["plan.json", "slots.parquet", "unplanned.parquet"]
    assert main(["verify", str(day), str(out)]) == 0
    assert "Legal:" in capsys.readouterr().out


def test_planning_twice_gives_the_same_bytes(day: Path, tmp_path: Path) -> None:
    outs = [tmp_path / "one", tmp_path / "two"]
    for out in outs:
        assert main(["plan", str(day), "--out", str(out)]) == 0
    for name in ("slots.ndjson", "unplanned.ndjson"):
        assert (outs[0] / name).read_bytes() == (outs[1] / name).read_bytes()
    heads = [json.loads((out / "plan.json").read_text()) for out in outs]
    for head in heads:
        assert head.pop("seconds")
    assert json.dumps(heads[0]) == json.dumps(heads[1])


def test_a_previous_plan_is_taken_and_the_new_one_replaces_it(day: Path, tmp_path: Path) -> None:
    out = tmp_path / "plan"
    assert main(["plan", str(day), "--out", str(out), "--format", "parquet"]) == 0
    assert main(["plan", str(day), "--out", str(out), "--previous", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["plan.json", "slots.ndjson", "unplanned.ndjson"]
    assert main(["verify", str(day), str(out)]) == 0


def test_a_false_claim_is_found(day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "plan"
    assert main(["plan", str(day), "--out", str(out)]) == 0
    head = json.loads((out / "plan.json").read_text())
    head["counts"]["samples_seen"] += 1
    (out / "plan.json").write_text(json.dumps(head))
    capsys.readouterr()
    assert main(["verify", str(day), str(out)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:-1]] == ["counts"]
    assert lines[-1] == "Not to be used: 1 fault."


def test_a_broken_rule_is_found(day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "plan"
    assert main(["plan", str(day), "--out", str(out)]) == 0
    slots = (out / "slots.ndjson").read_text()
    (out / "slots.ndjson").write_text(slots + slots.splitlines()[0] + "\n")  # the same slot once more
    capsys.readouterr()
    assert main(["verify", str(day), str(out)]) == 1
    assert "H3: " in capsys.readouterr().out


def test_input_that_breaks_the_rules_is_refused_whole(
    day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (day / "items.ndjson").open("a") as items:
        items.write('{"id": "odd", "kind": "sample", "seconds": 1.5}\n')
    with (day / "auditors.ndjson").open("a") as auditors:
        auditors.write('{"id": "ada"}\n')
    out = tmp_path / "plan"
    assert main(["plan", str(day), "--out", str(out)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert any("items.ndjson row 34 field seconds: " in line for line in lines)
    assert any("auditors.ndjson row 4 field team: " in line for line in lines)
    assert not out.exists()


def test_both_folders_are_judged_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(tmp_path / "no-day"), str(tmp_path / "no-plan")]) == 2
    said = capsys.readouterr()
    assert [line.split(":")[0] for line in said.err.splitlines()] == [
        str(tmp_path / "no-day"),
        str(tmp_path / "no-plan"),
    ]
    assert said.out == ""


def test_a_plan_that_cannot_be_read_is_refused(
    day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "plan"
    assert main(["plan", str(day), "--out", str(out)]) == 0
    head = json.loads((out / "plan.json").read_text())
    del head["certificate"]
    (out / "plan.json").write_text(json.dumps(head))
    capsys.readouterr()
    assert main(["verify", str(day), str(out)]) == 2
    assert "certificate" in capsys.readouterr().err
    assert main(["plan", str(day), "--out", str(tmp_path / "next"), "--previous", str(out)]) == 2
    assert not (tmp_path / "next").exists()


def test_an_out_that_is_a_file_is_refused_before_the_work(
    day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine")
    assert main(["plan", str(day), "--out", str(taken)]) == 2
    assert f"--out {taken}: is a file" in capsys.readouterr().err
    assert main(["plan", str(day), "--out", str(taken / "plan")]) == 2
    assert f"{taken} is a file" in capsys.readouterr().err
    assert taken.read_text() == "mine"


def test_a_plan_is_not_mixed_with_a_day(day: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(day.iterdir())
    assert main(["plan", str(day), "--out", str(day)]) == 2
    assert "holds a day" in capsys.readouterr().err
    assert sorted(day.iterdir()) == before


def test_a_replan_says_what_became_of_the_earlier_plan(
    day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert main(["plan", str(day), "--out", str(one)]) == 0
    capsys.readouterr()
    assert main(["plan", str(day), "--out", str(two), "--previous", str(one)]) == 0
    n = read_plan(one).counts["reviews_planned"]
    said = capsys.readouterr().out
    assert f"of {n} reviews still to come in the earlier plan, {n} stay with the same person, {n} " in said
