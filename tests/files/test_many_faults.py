"""Every independent fault is reported at once, and what merely follows from a fault is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from allocator.files.faults import Fault, Refused
from allocator.files.instance import read_instance
from tests.files.small_day import Day, small_day, write_day


def places_of(folder: Path) -> list[tuple[str, int | None, str | None]]:
    with pytest.raises(Refused) as refused:
        read_instance(folder)
    return [(fault.file, fault.row, fault.field) for fault in refused.value.faults]


def test_faults_all_over_the_day_are_all_reported_in_the_order_of_the_files(tmp_path: Path) -> None:
    day = small_day()
    day["instance"]["owner"] = "x"
    day["instance"]["policy"]["limits"][1]["amount"] = -1
    day["instance"]["policy"]["edges"][0]["key"] = "severe-day"
    day["auditors"][0]["exposure_percent"] = 0
    day["auditors"][2]["timezone"] = "Mars/Olympus"
    day["auditors"][2]["markets"] = ["Indonesia", "ID", "ID"]
    day["items"][1]["seconds"] = "sixty"
    day["items"][1]["draw"] = None
    day["items"][4]["category"] = "gore"
    day["items"][4]["due"] = "2026-11-23T01:00:00Z"
    day["history"][0]["work_date"] = "2026-11-23"
    day["fixed"][0]["auditor"] = "zoe"
    folder = write_day(day, tmp_path / "day")
    with (folder / "items.ndjson").open("a") as opened:
        opened.write("{]\n")
    assert places_of(folder) == [
        ("instance.json", None, "owner"),
        ("instance.json", None, "policy.limits[1].amount"),
        ("instance.json", None, "policy.edges[0].key"),
        ("auditors.ndjson", 1, "exposure_percent"),
        ("auditors.ndjson", 3, "timezone"),
        ("auditors.ndjson", 3, "markets"),
        ("auditors.ndjson", 3, "markets"),
        ("items.ndjson", 2, "seconds"),
        ("items.ndjson", 2, "draw"),
        ("items.ndjson", 5, "category"),
        ("items.ndjson", 5, "due"),
        ("items.ndjson", 7, None),
        ("history.ndjson", 1, "work_date"),
        ("fixed.ndjson", 1, "auditor"),
    ]


def test_the_same_faults_in_parquet(tmp_path: Path) -> None:
    day = small_day()
    day["auditors"][0]["exposure_percent"] = 0
    day["items"][4]["category"] = "gore"
    day["items"][4]["due"] = "2026-11-23T01:00:00Z"
    day["history"][0]["work_date"] = "2026-11-23"
    assert places_of(write_day(day, tmp_path / "day", "parquet")) == [
        ("auditors.parquet", 1, "exposure_percent"),
        ("items.parquet", 5, "category"),
        ("items.parquet", 5, "due"),
        ("history.parquet", 1, "work_date"),
    ]


def test_a_column_missing_everywhere_is_one_fault(tmp_path: Path) -> None:
    day = small_day()
    for row in day["items"]:
        del row["modality"]
    assert places_of(write_day(day, tmp_path / "day")) == [("items.ndjson", 1, "modality")]


def test_a_column_nobody_knows_is_one_fault(tmp_path: Path) -> None:
    day = small_day()
    for row in day["items"]:
        row["colour"] = "red"
    assert places_of(write_day(day, tmp_path / "day")) == [("items.ndjson", 1, "colour")]


def test_a_broken_severity_does_not_break_its_stratum(tmp_path: Path) -> None:
    day = small_day()
    day["items"][0]["severity"] = "mild"
    assert places_of(write_day(day, tmp_path / "day")) == [("items.ndjson", 1, "severity")]


def test_the_odd_ones_of_a_stratum_are_the_fault_not_the_many(tmp_path: Path) -> None:
    day = small_day()
    for row in day["items"][:3]:
        row["stratum"] = "s"
    day["items"][0]["market"] = "US"
    assert places_of(write_day(day, tmp_path / "day")) == [("items.ndjson", 1, "stratum")]


def test_slots_of_unreadable_people_are_not_called_unknown(tmp_path: Path) -> None:
    folder = write_day(small_day(), tmp_path / "day")
    (folder / "auditors.ndjson").write_text("{\n")
    assert places_of(folder) == [("auditors.ndjson", 1, None)]


def test_a_broken_policy_still_says_which_categories_are_known(tmp_path: Path) -> None:
    day = small_day()
    day["instance"]["policy"]["severe_from"] = "3"
    day["items"][0]["category"] = day["items"][1]["category"] = "gore"
    day["items"][2]["category"] = "gore"
    assert places_of(write_day(day, tmp_path / "day")) == [
        ("instance.json", None, "policy.severe_from"),
        ("items.ndjson", 1, "category"),
        ("items.ndjson", 2, "category"),
        ("items.ndjson", 3, "category"),
    ]


def test_sums_that_64_bits_cannot_hold_are_refused(tmp_path: Path) -> None:
    day = small_day()
    day["items"][0]["seconds"] = day["items"][1]["seconds"] = 2**62
    assert places_of(write_day(day, tmp_path / "day")) == [("items.ndjson", None, "seconds")]


def test_nothing_but_a_folder_can_be_read(tmp_path: Path) -> None:
    assert places_of(tmp_path / "nowhere") == [(str(tmp_path / "nowhere"), None, None)]


def message_of(day: Day, folder: Path) -> str:
    with pytest.raises(Refused) as refused:
        read_instance(write_day(day, folder))
    return str(refused.value)


def test_a_long_or_wild_value_is_shown_short_and_on_one_line(tmp_path: Path) -> None:
    day = small_day()
    day["items"][0]["kind"] = "a secret\n" * 100
    day["items"][1]["na\nme"] = 1
    lines = message_of(day, tmp_path / "day").splitlines()
    assert len(lines) == 2
    assert all(len(line) < 200 for line in lines)
    assert lines[1] == "items.ndjson row 2 field 'na\\nme': is not a known column"


def test_a_fault_says_no_more_than_it_knows() -> None:
    assert str(Fault("a.ndjson", 3, "seconds", "is required")) == "a.ndjson row 3 field seconds: is required"
    assert str(Fault("a.parquet", None, "seconds", "is required")) == "a.parquet field seconds: is required"
    assert str(Fault("a.ndjson", 3, None, "is not JSON")) == "a.ndjson row 3: is not JSON"
    assert str(Fault("a.ndjson", None, None, "is missing")) == "a.ndjson: is missing"
