"""Columns: what a table may hold, declared once and checked alike for both formats.

A column is read in three steps: its raw cells (Python values of ndjson lines, or a Parquet series) become a
series of one type, null where the cell was null or wrong; then each value is held against the column's
bounds or shape; then nulls get the default. What was wrong stays null, so that later checks pass over it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

import polars as pl

from allocator.files.faults import show
from allocator.files.instants import (
    EARLIEST,
    LATEST,
    dates_from_text,
    instants_from_text,
    why_no_instant,
)
from allocator.files.json_text import BadJson, parse
from allocator.files.shapes import NAME, Shape
from allocator.files.values import INT64_LEAST, INT64_MOST, TOO_LONG, whole_words

Kind = Literal["text", "whole", "instant", "day", "names", "tally"]

DTYPES: dict[Kind, pl.DataType] = {
    "text": pl.String(),
    "whole": pl.Int64(),
    "instant": pl.Int64(),
    "day": pl.Date(),
    "names": pl.List(pl.String()),
    "tally": pl.String(),
}
WORDS: dict[Kind, str] = {
    "text": "text",
    "whole": "a whole number",
    "instant": "an instant such as 2026-11-23T08:00:00Z",
    "day": "a date such as 2026-11-23",
    "names": "a list of text",
    "tally": "a map from reason to number",
}
PARQUET_WORDS: dict[Kind, str] = {
    "text": "a column of text",
    "whole": "a column of integers",
    "instant": "a column of timestamps in UTC",
    "day": "a column of dates",
    "names": "a column of lists of text",
    "tally": "a column of JSON text",
}
IN_YEARS = "must be in the years 1 to 9999"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `least` and `most` bound a whole number; `shape` is that of a text, or of each name in a
    list. `default` None: a cell may stay empty, unless the column is required."""

    kind: Kind
    required: bool = False
    default: int | tuple[()] | None = None
    least: int = INT64_LEAST
    most: int = INT64_MOST
    shape: Shape | None = None

    @property
    def dtype(self) -> pl.DataType:
        return DTYPES[self.kind]


Bad = list[tuple[int, str]]
"""Cells that are wrong: the place in the series, counted from 0, and why."""


def from_values(cells: Sequence[Any], column: Column) -> tuple[pl.Series, Bad]:
    """The series of a column of ndjson cells."""
    bad: Bad = []
    python_type = {"whole": int, "names": list, "tally": dict}.get(column.kind, str)
    if not set(map(type, cells)) <= {python_type, type(None)}:
        cells = list(cells)
        for place, cell in enumerate(cells):
            if cell is not None and type(cell) is not python_type:
                bad.append((place, f"must be {_expected(column)}, not {show(cell)}"))
                cells[place] = None
    match column.kind:
        case "whole":
            series = _whole_from_values(cells, bad)
        case "instant":
            series = _from_text(cells, instants_from_text, why_no_instant, bad)
        case "day":
            series = _from_text(cells, dates_from_text, lambda _: f"must be {WORDS['day']}", bad)
        case "names":
            series = _names_from_values(cells, bad)
        case "tally":
            series = tallies(cells, bad)
        case _:
            series = pl.Series(cells, dtype=pl.String)
    return series, bad


def from_series(cells: pl.Series, column: Column) -> tuple[pl.Series, Bad] | str:
    """The series of a column of a Parquet file, or why the whole column cannot be one."""
    found = cells.dtype
    refusal = f"must be {PARQUET_WORDS[column.kind]}, not {show(str(found))}"
    if found == pl.Null:
        return pl.Series(cells.name, [None], dtype=column.dtype).new_from_index(0, len(cells)), []
    bad: Bad = []
    match column.kind:
        case "whole":
            if not found.is_integer():
                return refusal
            whole = cells.cast(pl.Int64, strict=False)
            lost = _places(cells.is_not_null() & whole.is_null())
            bad += [(place, f"{TOO_LONG}, not {show(cells[place])}") for place in lost]
            return whole, bad
        case "instant":
            if not isinstance(found, pl.Datetime) or found.time_zone != "UTC":
                return refusal
            return _instants_from_timestamps(cells, found.time_unit or "us", bad), bad
        case "day":
            if found != pl.Date:
                return refusal
            bad += [(place, IN_YEARS) for place in _places(~cells.dt.year().is_between(1, 9999))]
            return cells, bad
        case "names":
            if not isinstance(found, pl.List) or not _is_text(found.inner, or_null=True):
                return refusal
            return cells.cast(pl.List(pl.String)), bad
        case "tally":
            if not _is_text(found):
                return refusal
            return tallies(cells.cast(pl.String).to_list(), bad), bad
        case _:
            return (cells.cast(pl.String), bad) if _is_text(found) else refusal


def check(series: pl.Series, column: Column) -> Bad:
    """The values of a series of the right type that are out of the column's bounds or shape."""
    if column.kind == "whole" and (column.least, column.most) != (INT64_LEAST, INT64_MOST):
        outside = ~series.is_between(column.least, column.most)
        return [(place, f"must be {_expected(column)}, not {series[place]}") for place in _places(outside)]
    if column.kind == "text" and column.shape is not None:
        wrong = _places(series.is_in(_misfits(series, column.shape).implode()))
        return [(place, f"must be {column.shape.words}, not {show(series[place])}") for place in wrong]
    if column.kind == "names":
        return _check_names(series, column)
    return []


def entries(lists: pl.Series) -> pl.DataFrame:
    """One row an entry of a column of lists: `place` of the list, counted from 0, and `entry`."""
    frame = pl.DataFrame({"place": pl.int_range(len(lists), eager=True), "entry": lists})
    return frame.filter(pl.col("entry").list.len() > 0).explode("entry")


def fill(series: pl.Series, column: Column, bad: Bad) -> pl.Series:
    """The series with wrong cells taken out and the default in place of what the file left out."""
    out = series
    if bad:
        wrong = pl.Series([place for place, _ in bad], dtype=pl.Int64).unique()
        out = pl.select(pl.when(~pl.int_range(len(series)).is_in(wrong.implode())).then(series)).to_series()
    if column.default is None or not out.null_count():
        return out
    default = pl.Series([column.default], dtype=column.dtype).new_from_index(0, len(out))
    left_out = out.is_null()
    if bad:
        left_out &= ~pl.select(pl.int_range(len(series)).is_in(wrong.implode())).to_series()
    return out.zip_with(~left_out, default)


def tallies(cells: Sequence[dict[str, Any] | str | None], bad: Bad) -> pl.Series:
    """Maps from text to whole numbers, as objects or as JSON text, each as JSON text of one and the same
    style. What is no such map is added to `bad`."""
    out: list[str | None] = []
    seen: dict[str, str | None] = {}
    for place, cell in enumerate(cells):
        if isinstance(cell, str):
            if cell not in seen:
                seen[cell] = _tally_in(cell)
            text = seen[cell]
        else:
            text = None if cell is None else _tally(cell)
        if text is None and cell is not None:
            bad.append((place, f"must be {WORDS['tally']}, not {show(cell)}"))
        out.append(text)
    return pl.Series(out, dtype=pl.String)


def _places(mask: pl.Series) -> list[int]:
    """Where a mask holds, counted from 0. Null does not hold."""
    return mask.fill_null(False).arg_true().to_list()


def _expected(column: Column) -> str:
    if column.kind == "whole":
        return whole_words(column.least, column.most)
    return WORDS[column.kind]


def _misfits(series: pl.Series, shape: Shape) -> pl.Series:
    """The distinct texts of a series that do not fit. Few texts are distinct, so this is quick; names are
    many, but there only the empty one is wrong."""
    if shape is NAME:
        return pl.Series([""], dtype=pl.String)
    return pl.Series([text for text in series.drop_nulls().unique() if not shape.fits(text)], dtype=pl.String)


def _check_names(series: pl.Series, column: Column) -> Bad:
    bad: Bad = []
    listed = entries(series)
    if listed.is_empty():
        return bad
    entry, place = listed["entry"], listed["place"]
    bad += [(place[row], "must not hold null") for row in _places(entry.is_null())]
    if column.shape is not None:
        wrong = _places(entry.is_in(_misfits(entry, column.shape).implode()))
        words = column.shape.words
        bad += [(place[row], f"must be {words} in every entry, not {show(entry[row])}") for row in wrong]
    if place.n_unique() < listed.height:
        first = listed.select(pl.struct("place", "entry").is_first_distinct()).to_series()
        bad += [(place[row], f"repeats the entry {show(entry[row])}") for row in _places(~first)]
    return bad


def _whole_from_values(cells: Sequence[int | None], bad: Bad) -> pl.Series:
    if any(cell is not None and not INT64_LEAST <= cell <= INT64_MOST for cell in cells):
        cells = list(cells)
        for place, cell in enumerate(cells):
            if cell is not None and not INT64_LEAST <= cell <= INT64_MOST:
                bad.append((place, f"{TOO_LONG}, not {show(cell)}"))
                cells[place] = None
    return pl.Series(cells, dtype=pl.Int64)


def _from_text(
    cells: Sequence[str | None], read: Callable[[pl.Series], pl.Series], why: Callable[[str], str], bad: Bad
) -> pl.Series:
    texts = pl.Series(cells, dtype=pl.String)
    series = read(texts)
    wrong = _places(texts.is_not_null() & series.is_null())
    bad += [(place, f"{why(texts[place])}, not {show(texts[place])}") for place in wrong]
    return series


def _names_from_values(cells: Sequence[list[Any] | None], bad: Bad) -> pl.Series:
    if not set(map(type, chain.from_iterable(filter(None, cells)))) <= {str, type(None)}:
        cells = list(cells)
        for place, cell in enumerate(cells):
            strange = [entry for entry in cell or [] if entry is not None and not isinstance(entry, str)]
            if strange:
                bad.append((place, f"must be {WORDS['names']}, and holds {show(strange[0])}"))
                cells[place] = None
    return _lists(cells)


def _lists(cells: Sequence[list[str | None] | None]) -> pl.Series:
    """A series of lists. Most lists of a large table are empty, and building each on its own is slow."""
    place = [place for place, cell in enumerate(cells) for _ in cell or ()]
    entry = list(chain.from_iterable(filter(None, cells)))
    grouped = (
        pl.DataFrame({"place": place, "entry": entry}, schema={"place": pl.Int64, "entry": pl.String})
        .group_by("place", maintain_order=True)
        .agg("entry")
    )
    given = [cell is not None for cell in cells]
    rows = pl.DataFrame({"place": pl.int_range(len(cells), eager=True), "given": given})
    empty = pl.lit([], dtype=pl.List(pl.String))
    joined = rows.join(grouped, on="place", how="left", maintain_order="left")
    return joined.select(
        pl.when(pl.col("entry").is_null() & pl.col("given")).then(empty).otherwise("entry")
    ).to_series()


def _instants_from_timestamps(cells: pl.Series, unit: str, bad: Bad) -> pl.Series:
    per_second = {"ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[unit]
    ticks = cells.to_physical()
    for place in _places(ticks % per_second != 0):
        bad.append((place, "must be in whole seconds; a fraction of a second is refused"))
    seconds = ticks // per_second
    for place in _places(~seconds.is_between(EARLIEST, LATEST)):
        bad.append((place, IN_YEARS))
    return seconds


def _is_text(dtype: Any, or_null: bool = False) -> bool:
    return dtype in (pl.String, pl.Categorical, pl.Enum) or (or_null and dtype == pl.Null)


def _tally_in(text: str) -> str | None:
    try:
        return _tally(parse(text))
    except BadJson:
        return None


def _tally(found: object) -> str | None:
    if not isinstance(found, dict) or not all(type(number) is int for number in found.values()):
        return None
    return json.dumps(found, ensure_ascii=False)
