"""Writing: what is read back is what was written, the bytes are always the same, and a folder is never half
written."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocator.files.folders import Format
from allocator.files.instance import read_instance, write_instance
from allocator.files.json_text import BadJson, dump, parse
from allocator.instance import Instance
from tests.days.random_day import random_day
from tests.files.small_day import small_day, write_day

FORMATS: tuple[Format, ...] = ("ndjson", "parquet")


def assert_same(one: Instance, other: Instance) -> None:
    assert (one.name, one.work_date, one.now) == (other.name, other.work_date, other.now)
    assert one.policy == other.policy
    assert one.document == other.document
    for name in ("auditors", "items", "history", "fixed"):
        left, right = getattr(one, name), getattr(other, name)
        assert left.schema == right.schema
        assert left.equals(right)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("seed", range(8))
def test_a_day_read_back_is_the_day_that_was_written(seed: int, format: Format, tmp_path: Path) -> None:
    day = random_day(seed)
    write_instance(day, tmp_path / "day", format)
    assert_same(read_instance(tmp_path / "day"), day)


@settings(deadline=None, max_examples=40)
@given(name=st.text(min_size=1), excluded=st.lists(st.text(min_size=1), unique=True))
def test_any_text_survives_both_formats(
    name: str, excluded: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("texts")
    day = random_day(1, auditors=(1, 1), items=(1, 1), replan=False)
    items = day.items.with_columns(
        id=pl.lit(name), excluded=pl.lit(pl.Series([excluded], dtype=pl.List(pl.String)))
    )
    wild = replace(day, items=items, document=day.document | {"name": name}, name=name)
    for format in FORMATS:
        write_instance(wild, folder / format, format)
        assert_same(read_instance(folder / format), wild)


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_day_gives_the_same_bytes(format: Format, tmp_path: Path) -> None:
    day = random_day(3)
    for name in ("one", "two"):
        write_instance(day, tmp_path / name, format)
    again = read_instance(tmp_path / "one")
    write_instance(again, tmp_path / "three", format)
    contents = [
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("one", "two", "three")
    ]
    assert contents[0] == contents[1] == contents[2]


def test_a_document_that_says_something_else_is_written_anew(tmp_path: Path) -> None:
    day = read_instance(write_day(small_day(), tmp_path / "given"))
    changed = replace(day, name="other", policy=replace(day.policy, rest_between_shifts=1))
    write_instance(changed, tmp_path / "changed", "ndjson")
    read = read_instance(tmp_path / "changed")
    assert (read.name, read.policy, read.now) == ("other", changed.policy, day.now)


def test_the_document_keeps_its_wording_and_its_decimals(tmp_path: Path) -> None:
    day = small_day()
    folder = write_day(day, tmp_path / "given")
    head = folder / "instance.json"
    head.write_text(head.read_text().replace("[0.1, 16]", "[0.1, 16.00000000000000000001]"))
    read = read_instance(folder)
    write_instance(read, tmp_path / "written", "ndjson")
    assert "16.00000000000000000001" in (tmp_path / "written" / "instance.json").read_text()
    assert_same(read_instance(tmp_path / "written"), read)


def test_writing_over_a_folder_replaces_the_tables_and_nothing_else(tmp_path: Path) -> None:
    folder = write_day(small_day(), tmp_path / "day", "ndjson")
    (folder / "notes.txt").write_text("keep")
    day = read_instance(folder)
    write_instance(day, folder, "parquet")
    names = sorted(path.name for path in folder.iterdir())
    tables = ["auditors.parquet", "fixed.parquet", "history.parquet", "instance.json", "items.parquet"]
    assert names == sorted([*tables, "notes.txt"])
    assert_same(read_instance(folder), day)
    write_instance(replace(day, history=day.history.clear()), folder, "ndjson")
    assert not (folder / "history.parquet").exists()
    assert read_instance(folder).history.is_empty()


def test_a_failure_while_writing_leaves_nothing_behind(tmp_path: Path) -> None:
    day = read_instance(write_day(small_day(), tmp_path / "day"))
    broken = replace(day, items=day.items.with_columns(due=pl.lit("no instant")))
    with pytest.raises(pl.exceptions.PolarsError):
        write_instance(broken, tmp_path / "out", "ndjson")
    assert [path.name for path in tmp_path.iterdir()] == ["day"]
    before = {path.name: path.read_bytes() for path in (tmp_path / "day").iterdir()}
    with pytest.raises(pl.exceptions.PolarsError):
        write_instance(broken, tmp_path / "day", "parquet")
    assert {path.name: path.read_bytes() for path in (tmp_path / "day").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["day"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_json_read_back_is_what_was_written(value: object) -> None:
    assert parse(dump(value)) == value


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_decimal_keeps_its_value_to_the_last_digit(number: Decimal) -> None:
    read = parse(dump(number))
    assert isinstance(read, (int, float, Decimal))
    assert Decimal(repr(read) if isinstance(read, float) else read) == number


@pytest.mark.parametrize(
    "text", ["NaN", "[Infinity]", '{"a": 1, "a": 1}', '{"b": {"a": 1, "a": 2}}', '"\\udc00"', "01", "", "1 2"]
)
def test_what_is_not_strictly_json_is_refused(text: str) -> None:
    with pytest.raises(BadJson):
        parse(text)
