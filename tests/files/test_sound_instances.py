"""What a sound day means in memory, and the many ways in which one may be written."""

from __future__ import annotations

import json
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from allocator.files.instance import read_instance
from allocator.instance import AUDITORS, FIXED, HISTORY, ITEMS
from allocator.rules.policy import ResetBy
from tests.files.small_day import frame, small_day, write_day

MIDNIGHT = 1_795_392_000
"""2026-11-23T00:00:00Z."""


@pytest.mark.parametrize("format", ["ndjson", "parquet"])
def test_a_sound_day_is_read_with_its_defaults_filled_in(format: str, tmp_path: Path) -> None:
    day = read_instance(write_day(small_day(), tmp_path / "day", format))
    assert (day.name, day.work_date, day.now) == ("small", date(2026, 11, 23), MIDNIGHT + 2 * 3600)
    assert dict(day.auditors.schema) == AUDITORS
    assert dict(day.items.schema) == ITEMS
    assert dict(day.history.schema) == HISTORY
    assert dict(day.fixed.schema) == FIXED
    items = {row["id"]: row for row in day.items.iter_rows(named=True)}
    assert items["s1"]["stratum"] == "ID/id/hate/1"
    assert items["s4"]["stratum"] == "unknown"
    assert items["s4"]["severity"] == 4
    assert [items[name]["reviews"] for name in ("s1", "s2", "e1", "c1")] == [1, 2, 1, 3]
    assert [items[name]["priority"] for name in ("s1", "e1", "c1")] == [4, 1, 4]
    assert items["e1"]["release"] == MIDNIGHT + 90 * 60
    assert items["s1"]["release"] is None
    assert items["s1"]["excluded"] == []
    assert items["s3"]["excluded"] == ["ana", "zoe"]
    assert items["e1"]["stratum"] is None
    assert day.auditors["shift_start"].to_list() == [MIDNIGHT + 3600] * 3
    assert day.history["work_date"].to_list() == [date(2026, 11, 22)] * 2
    assert day.fixed["item"].to_list() == ["s1", None]


def test_what_is_left_out_is_the_default(tmp_path: Path) -> None:
    day = small_day()
    for column in ("clearances", "opt_outs", "max_severity", "exposure_percent", "last_end"):
        del day["auditors"][0][column]
        day["auditors"][1][column] = None
    del day["items"][3]["severity"], day["items"][3]["stratum"]
    read = read_instance(write_day(day, tmp_path / "day"))
    for column, default in (("max_severity", 4), ("exposure_percent", 100), ("last_end", None)):
        assert read.auditors[column].to_list()[:2] == [default, default]
    assert read.auditors["clearances"].to_list() == [[], [], ["self-harm"]]
    assert read.items["stratum"][3] == "ID/id/hate/4"


def test_history_and_fixed_may_be_left_out(tmp_path: Path) -> None:
    day = small_day()
    del day["history"], day["fixed"], day["instance"]["now"]
    read = read_instance(write_day(day, tmp_path / "day"))
    assert read.now is None
    assert dict(read.history.schema) == HISTORY
    assert dict(read.fixed.schema) == FIXED
    assert (read.history.height, read.fixed.height) == (0, 0)


def test_a_day_without_people_or_work_is_sound(tmp_path: Path) -> None:
    day = small_day() | {"auditors": [], "items": [], "history": [], "fixed": []}
    for format in ("ndjson", "parquet"):
        read = read_instance(write_day(day, tmp_path / format, format))
        assert dict(read.items.schema) == ITEMS
        assert read.items.height == read.auditors.height == 0


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    folder = write_day(small_day(), tmp_path / "day")
    (folder / "README.md").write_text("not ours")
    (folder / "plan").mkdir()
    (folder / "slots.ndjson").write_text("{")
    assert read_instance(folder).items.height == 6


@pytest.mark.parametrize(
    "written", ["2026-11-23T08:00:00+07:00", "2026-11-22T20:30:00-04:30", "2026-11-23t01:00:00z"]
)
def test_an_instant_is_the_same_with_any_offset(written: str, tmp_path: Path) -> None:
    day = small_day()
    day["auditors"][1]["shift_start"] = written
    assert read_instance(write_day(day, tmp_path / "day")).auditors["shift_start"][1] == MIDNIGHT + 3600


@pytest.mark.parametrize(
    "tag",
    [
        "en",
        "pt-BR",
        "zh-Hant-TW",
        "es-419",
        "sl-rozaj-biske",
        "de-CH-1996",
        "x-house",
        "en-a-bbb-x-a",
        "i-klingon",
    ],
)
def test_languages_are_whatever_bcp_47_can_spell(tag: str, tmp_path: Path) -> None:
    day = small_day()
    day["auditors"][0]["languages"] = [tag]
    assert read_instance(write_day(day, tmp_path / "day")).auditors["languages"][0].to_list() == [tag]


@pytest.mark.parametrize(
    "tag", ["e", "en-", "-en", "en--US", "en_US", "pt BR", "abcdefghi", "en-a", "en-x", "日本"]
)
def test_what_bcp_47_cannot_spell_is_no_language(tag: str) -> None:
    from allocator.files.shapes import LANGUAGE

    assert not LANGUAGE.fits(tag)


def test_line_ends_of_any_kind_and_blank_lines_do_not_matter(tmp_path: Path) -> None:
    folder = write_day(small_day(), tmp_path / "day")
    items = folder / "items.ndjson"
    plain = read_instance(folder).items
    items.write_bytes(items.read_bytes().replace(b"\n", b"\r\n\r\n").rstrip())
    assert read_instance(folder).items.equals(plain)


def test_a_line_separator_inside_a_text_ends_no_line(tmp_path: Path) -> None:
    day = small_day()
    day["items"][4]["id"] = "e\u2028\u00851"
    folder = write_day(day, tmp_path / "day")
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in day["items"])
    (folder / "items.ndjson").write_text(lines, encoding="utf-8")
    assert read_instance(folder).items["id"][4] == "e\u2028\u00851"


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("items", pl.col("seconds").cast(pl.UInt16)),
        ("items", pl.col("severity").cast(pl.Int8)),
        ("items", pl.col("seconds").cast(pl.UInt64)),
        ("items", pl.col("kind").cast(pl.Categorical)),
        ("items", pl.col("kind").cast(pl.Enum(["sample", "escalation", "calibration"]))),
        ("items", pl.col("release").cast(pl.Datetime("ms", "UTC"))),
        ("items", pl.col("release").cast(pl.Datetime("ns", "UTC"))),
        ("items", pl.col("excluded").cast(pl.List(pl.Categorical))),
        ("auditors", pl.lit(None).alias("last_end")),
        ("auditors", pl.lit([], dtype=pl.List(pl.Null)).alias("clearances")),
    ],
)
def test_parquet_columns_may_be_of_any_width_and_encoding(
    table: str, change: pl.Expr, tmp_path: Path
) -> None:
    day = small_day()
    folder = write_day(day, tmp_path / "day", "parquet")
    frame(table, day[table]).with_columns(change).write_parquet(folder / f"{table}.parquet")
    given: Any = read_instance(folder)
    assert dict(given.items.schema) == ITEMS
    assert dict(given.auditors.schema) == AUDITORS
    assert given.items.equals(read_instance(write_day(day, tmp_path / "plain")).items)


def test_each_table_may_have_a_format_of_its_own(tmp_path: Path) -> None:
    day = small_day()
    mixed = write_day(day, tmp_path / "mixed")
    (mixed / "items.ndjson").unlink()
    frame("items", day["items"]).write_parquet(mixed / "items.parquet")
    assert read_instance(mixed).items.equals(read_instance(write_day(day, tmp_path / "plain")).items)


def test_the_policy_is_read_exactly(tmp_path: Path) -> None:
    day = small_day()
    day["instance"]["policy"]["escalation_weights"]["3"] = 10.25
    policy = read_instance(write_day(day, tmp_path / "day")).policy
    assert policy.escalation_weights[3] == Fraction(41, 4)
    assert policy.coverage_bands[0] == (Fraction(1, 10), Fraction(16))
    assert policy.categories == ("hate", "self-harm", "spam")
    assert policy.dose.units_per_second(3, "video") == 75
    severe, hate = policy.limits
    assert (severe.ceiling, severe.since, severe.min_severity) == (14400, date(2026, 1, 1), 3)
    assert (hate.scope, hate.categories, hate.ceiling) == ("team:night watch", frozenset({"hate"}), None)
    assert policy.stretches[1].reset_by == ResetBy(max_severity=1, seconds=120)
    assert (policy.edges[0].first, policy.edges[0].last) == (0, 2700)


def test_a_policy_needs_only_what_has_no_default(tmp_path: Path) -> None:
    day = small_day()
    for key in ("categories", "clearances", "rest_between_shifts", "limits", "stretches", "edges"):
        day["instance"]["policy"][key] = None
    policy = read_instance(write_day(day, tmp_path / "day")).policy
    assert (policy.categories, policy.clearances, policy.rest_between_shifts) == (None, {}, 0)
    assert (policy.limits, policy.stretches, policy.edges) == ((), (), ())
