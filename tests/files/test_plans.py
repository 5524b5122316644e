"""Plans as files: the round trip, and what makes a plan unreadable rather than merely wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from allocator.files.faults import Refused
from allocator.files.folders import Format
from allocator.files.plan import read_plan, write_plan
from allocator.plan import SLOTS, UNPLANNED, Certificate, Plan, Prices
from config.cli import main
from tests.files.small_day import small_day, write_day

START = 1_795_395_600


def small_plan() -> Plan:
    slots = [
        ("ana", "work", "s1", None, START + 600, START + 720),
        ("ana", "break", None, "short", START + 720, START + 1320),
        ("budi", "busy", None, None, START + 10_800, START + 12_600),
    ]
    unplanned = [
        ("e1", 1, '{"language": 2, "capacity": 1}', '3 auditors: 2 do not speak "pt", 1 is full.'),
        ("c1", 2, "{}", "Keiner da: überall voll."),
    ]
    return Plan(
        instance="small",
        work_date=date(2026, 11, 23),
        goals={"escalations": 0.1, "coverage": 1e22, "exposure": 3.0, "load": 1 / 3},
        bounds={"escalations": 5.0, "coverage": 222.7999999999996},
        certificate=Certificate(
            scale=1_000_000,
            escalations=Prices(time={"ana": 3}, limits={"budi": {"severe-day": 2**62}}),
            coverage=Prices(),
            g1=7,
        ),
        counts={
            "reviews_wanted": 9,
            "reviews_planned": 1,
            "escalations_late": 0,
            "draw_inversions": 0,
            "samples_seen": 1,
        },
        seconds={"read": 0.25, "round": 2.0},
        slots=pl.DataFrame(slots, schema=SLOTS, orient="row"),
        unplanned=pl.DataFrame(unplanned, schema=UNPLANNED, orient="row"),
    )


@pytest.mark.parametrize("format", ["ndjson", "parquet"])
def test_a_plan_read_back_is_the_plan_that_was_written(format: Format, tmp_path: Path) -> None:
    plan = small_plan()
    write_plan(plan, tmp_path / "one", format)
    read = read_plan(tmp_path / "one")
    for name in ("instance", "work_date", "goals", "bounds", "certificate", "counts", "seconds"):
        assert getattr(read, name) == getattr(plan, name)
    assert read.slots.schema == plan.slots.schema
    assert read.slots.equals(plan.slots)
    assert read.unplanned.equals(plan.unplanned)
    write_plan(read, tmp_path / "two", format)
    for path in (tmp_path / "one").iterdir():
        assert (tmp_path / "two" / path.name).read_bytes() == path.read_bytes()


def test_the_columns_are_those_of_the_format(tmp_path: Path) -> None:
    write_plan(small_plan(), tmp_path / "n", "ndjson")
    slot = json.loads((tmp_path / "n" / "slots.ndjson").read_text().splitlines()[0])
    assert slot == {
        "auditor": "ana",
        "kind": "work",
        "item": "s1",
        "label": None,
        "start": "2026-11-23T01:10:00Z",
        "end": "2026-11-23T01:12:00Z",
    }
    gap = json.loads((tmp_path / "n" / "unplanned.ndjson").read_text().splitlines()[0])
    assert gap["ruled_out"] == {"language": 2, "capacity": 1}
    write_plan(small_plan(), tmp_path / "p", "parquet")
    slots = pl.read_parquet((tmp_path / "p" / "slots.parquet").read_bytes())
    assert slots.schema["start"] == pl.Datetime("us", "UTC")
    gaps = pl.read_parquet((tmp_path / "p" / "unplanned.parquet").read_bytes())
    assert gaps["ruled_out"][0] == '{"language": 2, "capacity": 1}'


def test_an_empty_plan_can_be_written_and_read(tmp_path: Path) -> None:
    plan = small_plan()
    empty = replace(plan, seconds={}, slots=plan.slots.clear(), unplanned=plan.unplanned.clear())
    for format in ("ndjson", "parquet"):
        write_plan(empty, tmp_path / format, format)
        read = read_plan(tmp_path / format)
        assert read.slots.equals(empty.slots)
        assert read.unplanned.equals(empty.unplanned)


def test_writing_a_plan_in_the_other_format_leaves_one_of_each_table(tmp_path: Path) -> None:
    for format in ("ndjson", "parquet", "ndjson"):
        write_plan(small_plan(), tmp_path / "plan", format)
        names = {path.name for path in (tmp_path / "plan").iterdir()}
        assert names == {"plan.json", f"slots.{format}", f"unplanned.{format}"}


def test_a_number_that_is_not_finite_is_never_written(tmp_path: Path) -> None:
    plan = small_plan()
    plan.goals["load"] = float("inf")
    with pytest.raises(ValueError, match="Out of range"):
        write_plan(plan, tmp_path / "plan", "ndjson")
    assert list(tmp_path.iterdir()) == []


def test_reasons_that_are_no_map_are_never_written(tmp_path: Path) -> None:
    plan = small_plan()
    wrong = replace(plan, unplanned=plan.unplanned.with_columns(ruled_out=pl.lit("language: 2")))
    with pytest.raises(ValueError, match="a map from reason to number"):
        write_plan(wrong, tmp_path / "plan", "ndjson")
    assert list(tmp_path.iterdir()) == []


Head = dict[str, Any]


def _set(*path: str, value: object) -> Callable[[Head], None]:
    def change(head: Head) -> None:
        for step in path[:-1]:
            head = head[step]
        head[path[-1]] = value

    return change


def _del(*path: str) -> Callable[[Head], None]:
    def change(head: Head) -> None:
        for step in path[:-1]:
            head = head[step]
        del head[path[-1]]

    return change


@pytest.mark.parametrize(
    "change",
    [
        _del("certificate", "escalations"),
        _del("certificate", "escalations", "time"),
        _del("certificate", "coverage", "limits"),
        _del("certificate", "coverage", "g1"),
        _set("certificate", "coverage", "time", value=None),
        _set("certificate", "coverage", "time", value={"ana": None}),
        _set("certificate", "coverage", "time", value={"ana": 10**30}),
        _set("certificate", "scale", value=10**30),
        _del("seconds"),
    ],
)
def test_what_a_certificate_does_not_list_costs_0(change: Callable[[Head], None], tmp_path: Path) -> None:
    write_plan(small_plan(), tmp_path, "ndjson")
    head = json.loads((tmp_path / "plan.json").read_text())
    change(head)
    (tmp_path / "plan.json").write_text(json.dumps(head))
    read = read_plan(tmp_path)
    assert read.certificate.scale > 0
    assert 0 not in read.certificate.escalations.time.values()


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        (_set("format", value="breakwater-plan/2"), "format", "must be 'breakwater-plan/1'"),
        (_del("instance"), "instance", "is required"),
        (_set("work_date", value="23.11.2026"), "work_date", "must be a date"),
        (_set("score", value=1), "score", "is not a known key"),
        (_del("goals", "load"), "goals.load", "is required"),
        (_set("goals", "fun", value=1), "goals.fun", "is not a known key"),
        (_set("goals", "load", value="3"), "goals.load", "must be a finite number, not '3'"),
        (_set("goals", "load", value=True), "goals.load", "must be a finite number, not true"),
        (_set("goals", "load", value=10**400), "goals.load", "must be a finite number"),
        (_set("bounds", "coverage", value=None), "bounds.coverage", "is required"),
        (_set("certificate", "scale", value=1.0), "certificate.scale", "must be a whole number, not 1.0"),
        (
            _set("certificate", "coverage", "g1", value="7"),
            "certificate.coverage.g1",
            "a whole number, not '7'",
        ),
        (
            _set("certificate", "coverage", "time", value={"ana": 0.5}),
            "certificate.coverage.time.ana",
            "not 0.5",
        ),
        (_del("certificate", "scale"), "certificate.scale", "is required"),
        (
            _set("certificate", "coverage", "limits", value={"ana": 1}),
            "certificate.coverage.limits.ana",
            "an object",
        ),
        (_set("counts", "samples_seen", value=1.5), "counts.samples_seen", "must be a whole number, not 1.5"),
        (_del("counts", "draw_inversions"), "counts.draw_inversions", "is required"),
        (_set("seconds", value=[1]), "seconds", "must be an object, not a list"),
        (_set("seconds", "read", value="fast"), "seconds.read", "must be a finite number, not 'fast'"),
    ],
)
def test_a_plan_head_that_cannot_be_understood_is_unreadable(
    change: Callable[[Head], None],
    field: str,
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_plan(small_plan(), tmp_path / "plan", "ndjson")
    path = tmp_path / "plan" / "plan.json"
    head = json.loads(path.read_text())
    change(head)
    path.write_text(json.dumps(head))
    assert_unreadable(tmp_path, "plan.json", None, field, words, capsys)


def _replace(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return change


@pytest.mark.parametrize(
    ("file", "change", "row", "field", "words"),
    [
        ("plan.json", _replace('"load": 0.3333333333333333', '"load": NaN'), None, None, "holds NaN"),
        (
            "plan.json",
            _replace('"load": 0.3333333333333333', '"load": Infinity'),
            None,
            None,
            "holds Infinity",
        ),
        ("plan.json", _replace("{", ""), None, None, "is not valid JSON"),
        (
            "slots.ndjson",
            _replace('"kind":"busy"', '"kind":"nap"'),
            3,
            "kind",
            "must be one of work, break, busy",
        ),
        ("slots.ndjson", _replace('"label":"short"', '"label":"long"'), 2, "label", "must be one of short"),
        ("slots.ndjson", _replace('01:12:00Z"', '01:12:00"'), 1, "end", "must say its offset"),
        ("slots.ndjson", _replace('"auditor":"ana",', ""), 1, "auditor", "is required"),
        (
            "slots.ndjson",
            _replace('"auditor":"ana"', '"auditor":"ana","seat":4'),
            1,
            "seat",
            "is not a known column",
        ),
        (
            "unplanned.ndjson",
            _replace('"missing":1', '"missing":"1"'),
            1,
            "missing",
            "a whole number, not '1'",
        ),
        (
            "unplanned.ndjson",
            _replace('"language": 2', '"language": 2.0'),
            1,
            "ruled_out",
            "from reason to number",
        ),
        (
            "unplanned.ndjson",
            _replace('"ruled_out":{}', '"ruled_out":"{}"'),
            2,
            "ruled_out",
            "from reason to number",
        ),
        ("unplanned.ndjson", _replace('"missing":2,', ""), 2, "missing", "is required"),
    ],
)
def test_a_plan_file_that_cannot_be_understood_is_unreadable(
    file: str,
    change: Callable[[str], str],
    row: int | None,
    field: str | None,
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_plan(small_plan(), tmp_path / "plan", "ndjson")
    path = tmp_path / "plan" / file
    path.write_text(change(path.read_text()))
    assert_unreadable(tmp_path, file, row, field, words, capsys)


@pytest.mark.parametrize("file", ["plan.json", "slots.ndjson", "unplanned.ndjson"])
def test_a_plan_without_one_of_its_files_is_unreadable(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_plan(small_plan(), tmp_path / "plan", "ndjson")
    (tmp_path / "plan" / file).unlink()
    assert_unreadable(tmp_path, file, None, None, "is missing", capsys)


def test_reasons_in_parquet_are_json_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_plan(small_plan(), tmp_path / "plan", "parquet")
    path = tmp_path / "plan" / "unplanned.parquet"
    frame = pl.read_parquet(path.read_bytes())
    frame.with_columns(ruled_out=pl.Series(['{"language": 2}', "no json"])).write_parquet(path)
    assert_unreadable(tmp_path, "unplanned.parquet", 2, "ruled_out", "from reason to number", capsys)


def assert_unreadable(
    folder: Path,
    file: str,
    row: int | None,
    field: str | None,
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One fault at this place, by the reader and by the command that checks a plan."""
    with pytest.raises(Refused) as refused:
        read_plan(folder / "plan")
    faults = refused.value.faults
    assert [(fault.file, fault.row, fault.field) for fault in faults] == [(file, row, field)]
    assert words in faults[0].message
    day = write_day(small_day(), folder / "day")
    assert main(["verify", str(day), str(folder / "plan")]) == 2
    assert capsys.readouterr().err == f"{faults[0]}\n"
