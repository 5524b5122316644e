"""Tables: NAME.ndjson or NAME.parquet in a folder, read whole into columns of known types.

Blank lines of an ndjson file hold no row; rows keep the number of their line all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from allocator.files.columns import Bad, Column, check, fill, from_series, from_values
from allocator.files.faults import Fault, key_path
from allocator.files.json_text import BadJson, parse

FORMATS = ("ndjson", "parquet")
LINES_AT_ONCE = 50_000


@dataclass(slots=True)
class Table:
    """A table as read. `frame` has every declared column; a cell that is wrong is null there.

    `rows` gives each row's number in the file (None: counted from 1). `whole` is False where rows could not
    be read at all, so that what is not in the frame may still be in the file. `wrong` holds the cells (place
    from 0, column) that have a fault already: what follows from a fault is not reported again.
    """

    file: str
    frame: pl.DataFrame
    rows: list[int] | None = None
    whole: bool = True
    faults: list[Fault] = field(default_factory=list)
    wrong: set[tuple[int, str]] = field(default_factory=set)

    def row(self, place: int) -> int:
        return place + 1 if self.rows is None else self.rows[place]

    def complain(self, mask: pl.Series, column: str, why: Callable[[int], str] | str) -> None:
        """A fault in this column for every row in which the mask holds, unless the cell has one already."""
        for place in mask.fill_null(False).arg_true():
            self.complain_at(place, column, why if isinstance(why, str) else why(place))

    def complain_at(self, place: int, column: str, message: str) -> None:
        if (place, column) not in self.wrong:
            self.faults.append(Fault(self.file, self.row(place), column, message))

    def has_wrong(self, column: str) -> bool:
        return any(name == column for _, name in self.wrong)


def empty_frame(columns: Mapping[str, Column]) -> pl.DataFrame:
    return pl.DataFrame(schema={name: column.dtype for name, column in columns.items()})


def read_table(
    folder: Path, name: str, columns: Mapping[str, Column], required: bool = True
) -> tuple[Table | None, list[Fault]]:
    """The table of this name, and the faults that keep it from being read as a table at all.

    None where there is no such table. The table carries the faults of its own cells.
    """
    found = [f"{name}.{format}" for format in FORMATS if (folder / f"{name}.{format}").exists()]
    if len(found) == 2:
        return None, [Fault(found[0], None, None, f"the table is given a second time as {found[1]}")]
    if not found:
        missing = f"is missing, and so is {name}.parquet; one is required"
        return None, [Fault(f"{name}.ndjson", None, None, missing)] if required else []
    file = found[0]
    try:
        return (_read_ndjson if file.endswith(".ndjson") else _read_parquet)(folder / file, columns), []
    except OSError as error:
        return None, [
            Fault(file, None, None, f"cannot be read: {error.strerror or 'it is not a plain file'}")
        ]
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None, [Fault(file, None, None, "is not a readable Parquet file")]


def in_order(table: Table | None, unreadable: list[Fault]) -> list[Fault]:
    """All faults of one table, as read_table answered it: those of the file, then row by row."""
    return unreadable + sorted([] if table is None else table.faults, key=lambda fault: fault.row or 0)


def read_document(path: Path) -> tuple[object, Fault | None]:
    """What a JSON file holds, or why it holds nothing."""
    try:
        found = parse(path.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        message = "is missing"
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        message = f"is not UTF-8 text: wrong at byte {error.start + 1}"
    except BadJson as error:
        message = str(error)
    else:
        return (found, None) if found is not None else (None, Fault(path.name, None, None, "holds only null"))
    return None, Fault(path.name, None, None, message)


def _read_ndjson(path: Path, columns: Mapping[str, Column]) -> Table:
    """Some thousand lines at a time, for a Python object a row is many times as large as its cells."""
    table = Table(path.name, pl.DataFrame())
    rows: list[int] = []
    typed = {name: [pl.Series(dtype=column.dtype)] for name, column in columns.items()}
    bad: dict[str, Bad] = {name: [] for name in columns}
    strange: dict[str, list[int]] = {}
    lines = _lines(path.read_bytes())
    for first in range(0, len(lines), LINES_AT_ONCE):
        before = len(rows)
        objects = _objects(lines[first : first + LINES_AT_ONCE], first + 1, rows, table)
        for name, column in columns.items():
            series, wrong = from_values([found.get(name) for found in objects], column)
            typed[name].append(series)
            bad[name] += [(before + place, message) for place, message in wrong]
        for place, found in enumerate(objects, start=before):
            if not found.keys() <= columns.keys():
                for key in found.keys() - columns.keys():
                    strange.setdefault(key, []).append(place)

    table.rows = None if rows == list(range(1, len(rows) + 1)) else rows
    for key in sorted(strange):
        place, *more = strange[key]
        message = "is not a known column" + (f"; {len(more)} more rows have it" if more else "")
        table.faults.append(Fault(table.file, table.row(place), key_path("", key), message))
    table.frame = pl.DataFrame(
        [_finish(table, name, columns[name], pl.concat(typed[name]), bad[name]) for name in columns]
    )
    return table


def _objects(
    lines: list[str | UnicodeDecodeError], number: int, rows: list[int], table: Table
) -> list[dict[str, object]]:
    """The objects of these lines, of which the first has this number. Adds their numbers to `rows`, and to
    the table what is wrong with lines that hold none."""
    objects: list[dict[str, object]] = []
    for row, line in enumerate(lines, start=number):
        if isinstance(line, str) and (not line or line.isspace()):
            continue
        try:
            found = _object(line)
        except BadJson as error:
            table.faults.append(Fault(table.file, row, None, str(error)))
            table.whole = False
            continue
        rows.append(row)
        objects.append(found)
    return objects


def _object(line: str | UnicodeDecodeError) -> dict[str, object]:
    if not isinstance(line, str):
        raise BadJson(f"is not UTF-8 text: wrong at byte {line.start + 1} of the line")
    found = parse(line)
    if not isinstance(found, dict):
        raise BadJson("must be an object with the columns as keys")
    return found


def _lines(content: bytes) -> list[str | UnicodeDecodeError]:
    """The lines, without their ends; in place of a line that is not UTF-8, what is wrong with it."""
    try:
        return list[str | UnicodeDecodeError](content.decode("utf-8").split("\n"))
    except UnicodeDecodeError:
        return [_decoded(line) for line in content.split(b"\n")]


def _decoded(line: bytes) -> str | UnicodeDecodeError:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        return error


def _read_parquet(path: Path, columns: Mapping[str, Column]) -> Table:
    with path.open("rb") as opened:
        raw = pl.read_parquet(opened)
    table = Table(path.name, pl.DataFrame())
    for name in raw.columns:
        if name not in columns:
            table.faults.append(Fault(table.file, None, key_path("", name), "is not a known column"))
    series: dict[str, pl.Series] = {}
    for name, column in columns.items():
        nothing = pl.Series([None], dtype=column.dtype).new_from_index(0, raw.height)
        read = from_series(raw[name], column) if name in raw.columns else (nothing, [])
        if isinstance(read, str):
            table.faults.append(Fault(table.file, None, name, read))
            table.wrong.update((place, name) for place in range(raw.height))
            series[name] = nothing
        else:
            series[name] = _finish(table, name, column, *read)
    table.frame = pl.DataFrame(series)
    return table


def _finish(table: Table, name: str, column: Column, typed: pl.Series, bad: Bad) -> pl.Series:
    """Hold the values against the column's bounds, report what is wrong or missing, fill in the default."""
    bad = bad + check(typed, column)
    table.faults += [Fault(table.file, table.row(place), name, message) for place, message in bad]
    table.wrong.update((place, name) for place, _ in bad)
    if column.required and typed.null_count():
        _report_missing(table, name, typed)
    return fill(typed, column, bad).alias(name)


def _report_missing(table: Table, name: str, typed: pl.Series) -> None:
    """A cell that is required and empty; one fault for the column where every cell is."""
    missing = [place for place in typed.is_null().arg_true() if (place, name) not in table.wrong]
    if missing and len(missing) == len(typed):
        row = None if table.file.endswith(".parquet") else table.row(0)
        more = f", and missing in all {len(typed)} rows" if len(typed) > 1 else ""
        table.faults.append(Fault(table.file, row, name, f"is required{more}"))
    else:
        table.faults += [Fault(table.file, table.row(place), name, "is required") for place in missing]
    table.wrong.update((place, name) for place in missing)
