"""Days with one thing broken: how, and the file, row and field that a refusal must name.

`BROKEN_DAYS` are broken as documents and written as ndjson; `BROKEN_FILES` are broken in the bytes of an
ndjson folder; `BROKEN_FRAMES` in a Parquet table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from tests.files.small_day import Day


@dataclass(frozen=True, slots=True)
class Broken:
    """What is done to the day, and where the one fault is. `words` is a piece of its message."""

    name: str
    change: Callable[[Any], object]
    file: str
    row: int | None
    field: str | None
    words: str


def cell(table: str, row: int, column: str, value: object) -> Callable[[Day], None]:
    """Set one cell. `row` counts from 1, as in the fault."""

    def change(day: Day) -> None:
        day[table][row - 1][column] = value

    return change


def without(table: str, row: int, column: str) -> Callable[[Day], None]:
    def change(day: Day) -> None:
        del day[table][row - 1][column]

    return change


def head(*path: str | int, value: object) -> Callable[[Day], None]:
    """Set one value in instance.json."""

    def change(day: Day) -> None:
        inner = day["instance"]
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = value

    return change


def headless(*path: str | int) -> Callable[[Day], None]:
    """Take one key or entry out of instance.json."""

    def change(day: Day) -> None:
        inner = day["instance"]
        for step in path[:-1]:
            inner = inner[step]
        del inner[path[-1]]

    return change


def _auditor(name: str, column: str, value: object, words: str) -> Broken:
    return Broken(name, cell("auditors", 3, column, value), "auditors.ndjson", 3, column, words)


def _item(name: str, row: int, column: str, value: object, words: str) -> Broken:
    return Broken(name, cell("items", row, column, value), "items.ndjson", row, column, words)


def _history(name: str, column: str, value: object, words: str) -> Broken:
    return Broken(name, cell("history", 2, column, value), "history.ndjson", 2, column, words)


def _fixed(name: str, row: int, column: str, value: object, words: str) -> Broken:
    return Broken(name, cell("fixed", row, column, value), "fixed.ndjson", row, column, words)


def _head(name: str, field: str, change: Callable[[Day], None], words: str) -> Broken:
    return Broken(name, change, "instance.json", None, field, words)


def _policy(name: str, field: str, value: object, words: str, *path: str | int) -> Broken:
    return _head(name, f"policy.{field}", head("policy", *path, value=value), words)


def _not_started(day: Day) -> None:
    day["fixed"][0].update(start="2026-11-23T02:00:00Z", end="2026-11-23T02:01:00Z")


def _elsewhere(day: Day) -> None:
    day["auditors"][2]["timezone"] = "America/New_York"


def _a_day_late(day: Day) -> None:
    day["auditors"][2].update(shift_start="2026-11-23T17:00:00Z", shift_end="2026-11-23T21:00:00Z")


def _mixed(day: Day) -> None:
    day["items"][3].update(stratum="ID/id/hate/1", draw=4)


def _ceiling(day: Day) -> None:
    day["instance"]["policy"]["limits"][0]["ceiling"] = 7199


BROKEN_DAYS = (
    # auditors
    _auditor("auditor id empty", "id", "", "must be text that is not empty, not ''"),
    _auditor("auditor id repeated", "id", "ana", "repeats the id 'ana' of row 1"),
    _auditor("auditor id a number", "id", 7, "must be text, not 7"),
    _auditor("team empty", "team", "", "must be text that is not empty"),
    Broken(
        "home market missing",
        without("auditors", 2, "home_market"),
        "auditors.ndjson",
        2,
        "home_market",
        "is required",
    ),
    _auditor("home market in small letters", "home_market", "id", "must be a market of two capital letters"),
    _auditor("home market all", "home_market", "*", "must be a market of two capital letters"),
    _auditor("time zone invented", "timezone", "Asia/Atlantis", "must be an IANA time zone"),
    _auditor("time zone an offset", "timezone", "+07:00", "must be an IANA time zone"),
    _auditor("time zone in small letters", "timezone", "asia/jakarta", "must be an IANA time zone"),
    Broken("shift elsewhere", _elsewhere, "auditors.ndjson", 3, "shift_start", "is on 2026-11-22 there"),
    Broken("shift a day late", _a_day_late, "auditors.ndjson", 3, "shift_start", "is on 2026-11-24 there"),
    _auditor("language with an underscore", "languages", ["pt_BR"], "must be a BCP 47 language tag"),
    _auditor("language too long", "languages", ["indonesian"], "must be a BCP 47 language tag"),
    _auditor("languages one text", "languages", "id", "must be a list of text, not 'id'"),
    _auditor("languages null", "languages", None, "is required"),
    _auditor("language repeated", "languages", ["id", "en", "id"], "repeats the entry 'id'"),
    _auditor("market of three letters", "markets", ["IDN"], "must be a market of two capital letters"),
    _auditor("markets hold null", "markets", ["ID", None], "must not hold null"),
    _auditor("markets hold a number", "markets", ["ID", 4], "must be a list of text, and holds 4"),
    _auditor("clearance with a capital", "clearances", ["Self-harm"], "must be a word of the letters a-z"),
    _auditor("opt-out unknown", "opt_outs", ["gambling"], "names the category 'gambling'"),
    _auditor("max severity 5", "max_severity", 5, "must be a whole number from 0 to 4, not 5"),
    _auditor("max severity true", "max_severity", True, "must be a whole number from 0 to 4, not true"),
    _auditor("exposure percent 0", "exposure_percent", 0, "must be a whole number from 1 to 100, not 0"),
    _auditor(
        "exposure percent 101", "exposure_percent", 101, "must be a whole number from 1 to 100, not 101"
    ),
    _auditor(
        "shift start without offset", "shift_start", "2026-11-23T01:00:00", "must say its offset from UTC"
    ),
    _auditor(
        "shift start with a fraction", "shift_start", "2026-11-23T01:00:00.5Z", "must be in whole seconds"
    ),
    _auditor(
        "shift start with a zero fraction",
        "shift_start",
        "2026-11-23T01:00:00.0Z",
        "must be in whole seconds",
    ),
    _auditor("shift start a number", "shift_start", 1795393800, "must be an instant"),
    _auditor("shift start on no day", "shift_start", "2026-02-30T01:00:00Z", "must be an instant"),
    _auditor("shift start at a leap second", "shift_start", "2026-11-23T01:00:60Z", "must be an instant"),
    _auditor("shift end at its start", "shift_end", "2026-11-23T01:00:00Z", "must be after shift_start"),
    _auditor("shift end before its start", "shift_end", "2026-11-23T00:59:59Z", "must be after shift_start"),
    _auditor("shift a second too long", "shift_end", "2026-11-23T17:00:01Z", "at most 16 hours after"),
    _auditor("shift end with an odd offset", "shift_end", "2026-11-23T09:00:00+24:00", "must be an instant"),
    _auditor("last end in the shift", "last_end", "2026-11-23T01:00:01Z", "must not be after shift_start"),
    _auditor("auditor column unknown", "phone", "1", "is not a known column"),
    # items
    _item("item id repeated", 3, "id", "s1", "repeats the id 's1' of row 1"),
    _item("kind unknown", 6, "kind", "audit", "must be one of sample, escalation, calibration, not 'audit'"),
    _item("item market all", 5, "market", "*", "must be a market of two capital letters"),
    _item("item language empty", 5, "language", "", "must be a BCP 47 language tag"),
    _item("category unknown to the policy", 5, "category", "gore", "names the category 'gore'"),
    _item("category with a space", 5, "category", "self harm", "must be a word of the letters a-z"),
    _item("severity -1", 5, "severity", -1, "must be a whole number from 0 to 4, not -1"),
    _item("severity a decimal", 5, "severity", 3.0, "must be a whole number from 0 to 4, not 3.0"),
    _item("modality unknown", 5, "modality", "hologram", "must be one of text, image, audio, video, live"),
    _item("seconds 0", 5, "seconds", 0, "must be a whole number greater than 0, not 0"),
    _item("seconds negative", 5, "seconds", -5, "must be a whole number greater than 0, not -5"),
    _item("seconds a text", 5, "seconds", "60", "must be a whole number greater than 0, not '60'"),
    _item("seconds 60.0", 5, "seconds", 60.0, "must be a whole number greater than 0, not 60.0"),
    _item("seconds beyond 64 bits", 5, "seconds", 2**63, "must fit into 64 bits"),
    Broken("seconds missing", without("items", 5, "seconds"), "items.ndjson", 5, "seconds", "is required"),
    _item("reviews 0", 2, "reviews", 0, "must be a whole number greater than 0, not 0"),
    _item("priority 5", 5, "priority", 5, "must be a whole number from 1 to 4, not 5"),
    _item("priority of a sample", 2, "priority", 1, "is for escalations only"),
    _item("priority of a calibration", 6, "priority", 3, "is for escalations only"),
    _item("due before release", 5, "due", "2026-11-23T01:29:59Z", "must not be before release"),
    _item("release without an offset", 5, "release", "2026-11-23T01:00:00", "must say its offset from UTC"),
    _item("stratum of an escalation", 5, "stratum", "x", "is for samples only"),
    Broken("stratum mixed", _mixed, "items.ndjson", 4, "stratum", "must have one market, language"),
    _item("stratum empty", 4, "stratum", "", "must be text that is not empty"),
    Broken(
        "draw missing", without("items", 2, "draw"), "items.ndjson", 2, "draw", "is required for a sample"
    ),
    _item("draw of an escalation", 5, "draw", 4, "is for samples only"),
    _item("draw repeated in the stratum", 3, "draw", 1, "repeats position 1 in the draw"),
    _item("draw a text", 3, "draw", "third", "must be a whole number, not 'third'"),
    _item("excluded repeated", 3, "excluded", ["ana", "ana"], "repeats the entry 'ana'"),
    _item("excluded empty name", 3, "excluded", [""], "must be text that is not empty"),
    _item("only on a sample", 3, "only", ["ana"], "is for calibrations only"),
    _item("item column unknown", 3, "colour", None, "is not a known column"),
    # history
    _history("history of the day itself", "work_date", "2026-11-23", "must be before the work date"),
    _history("history of tomorrow", "work_date", "2026-11-24", "must be before the work date"),
    _history("history date in words", "work_date", "yesterday", "must be a date such as"),
    _history("history date with a time", "work_date", "2026-11-22T00:00:00Z", "must be a date such as"),
    _history("history severity null", "severity", None, "is required"),
    _history("history seconds negative", "seconds", -1, "must be a whole number of at least 0, not -1"),
    _history("history items a decimal", "items", 1.5, "must be a whole number of at least 0, not 1.5"),
    _history("history category unknown", "category", "gore", "names the category 'gore'"),
    _history("history modality unknown", "modality", "vr", "must be one of text"),
    _history("history auditor null", "auditor", None, "is required"),
    # fixed
    Broken(
        "fixed without now", headless("now"), "instance.json", None, "now", "is required, since fixed.ndjson"
    ),
    _fixed("fixed auditor unknown", 1, "auditor", "zoe", "names 'zoe', which is not in auditors"),
    _fixed("fixed item unknown", 1, "item", "s9", "names 's9', which is not in items"),
    _fixed("fixed work without item", 1, "item", None, "is required for work"),
    _fixed("fixed busy with item", 2, "item", "s1", "is for work only"),
    _fixed("fixed kind unknown", 2, "kind", "lunch", "must be one of work, break, busy"),
    _fixed("fixed end at its start", 2, "end", "2026-11-23T04:00:00Z", "must be after start"),
    Broken("fixed work not started", _not_started, "fixed.ndjson", 1, "start", "must be before now"),
    # the head
    _head(
        "format of tomorrow",
        "format",
        head("format", value="breakwater-instance/2"),
        "must be 'breakwater-instance/1'",
    ),
    _head("format missing", "format", headless("format"), "is required"),
    _head("name empty", "name", head("name", value=""), "must be text that is not empty"),
    _head(
        "work date a number",
        "work_date",
        head("work_date", value=0),
        "must be a date such as 2026-11-23, not 0",
    ),
    _head("now in local time", "now", head("now", value="2026-11-23T02:00:00"), "must say its offset"),
    _head("head key unknown", "owner", head("owner", value="x"), "is not a known key"),
    _head("policy missing", "policy", headless("policy"), "is required"),
    _head("policy a list", "policy", head("policy", value=[]), "must be an object, not a list"),
    # the policy
    _policy("severe from 5", "severe_from", 5, "must be a whole number from 0 to 4, not 5", "severe_from"),
    _head("dose missing", "policy.dose", headless("policy", "dose"), "is required"),
    _policy("policy key unknown", "colour", 1, "is not a known key", "colour"),
    _policy(
        "category repeated", "categories[3]", ["hate", "self-harm", "spam", "hate"], "repeats", "categories"
    ),
    _policy(
        "dose of four severities", "dose.severity", [0, 1, 2, 5], "must hold 5 weights", "dose", "severity"
    ),
    _policy("dose negative", "dose.severity[1]", -1, "of at least 0, not -1", "dose", "severity", 1),
    _policy("dose a decimal", "dose.severity[1]", 1.5, "of at least 0, not 1.5", "dose", "severity", 1),
    _head(
        "modality without weight",
        "policy.dose.modality_tenths.live",
        headless("policy", "dose", "modality_tenths", "live"),
        "is required",
    ),
    _policy(
        "modality invented",
        "dose.modality_tenths.vr",
        9,
        "is not a known key",
        "dose",
        "modality_tenths",
        "vr",
    ),
    _policy(
        "clearance for the unknown", "clearances.gore", "gore", "names the category", "clearances", "gore"
    ),
    _policy("clearance a number", "clearances.hate", 1, "must be text, not 1", "clearances", "hate"),
    _policy("rest negative", "rest_between_shifts", -1, "of at least 0, not -1", "rest_between_shifts"),
    _policy(
        "limit without a window", "limits[0].window_days", None, "is required", "limits", 0, "window_days"
    ),
    _policy(
        "limit window 0", "limits[1].window_days", 0, "greater than 0, not 0", "limits", 1, "window_days"
    ),
    _policy(
        "limit amount a text", "limits[1].amount", "900", "of at least 0, not '900'", "limits", 1, "amount"
    ),
    _policy("limit amount negative", "limits[1].amount", -1, "of at least 0, not -1", "limits", 1, "amount"),
    _head(
        "limit above its ceiling", "policy.limits[0].amount", _ceiling, "must not pass the ceiling of 7199"
    ),
    _policy(
        "limit measure span", "limits[1].measure", "span", "must be one of seconds", "limits", 1, "measure"
    ),
    _policy(
        "scope of a region", "limits[1].scope", "region:x", "must be org, market:X", "limits", 1, "scope"
    ),
    _policy("scope of no team", "limits[1].scope", "team:", "must be org, market:X", "limits", 1, "scope"),
    _policy(
        "scope of a market by name",
        "limits[1].scope",
        "market:Indonesia",
        "must be org",
        "limits",
        1,
        "scope",
    ),
    _policy("limit since a number", "limits[1].since", 2026, "must be a date", "limits", 1, "since"),
    _policy(
        "rule category unknown",
        "limits[1].categories",
        ["gore"],
        "names the category",
        "limits",
        1,
        "categories",
    ),
    _policy("rule key with a capital", "edges[0].key", "Down", "of the letters a-z", "edges", 0, "key"),
    _policy("rule key repeated", "edges[0].key", "severe-day", "of policy.limits[0]", "edges", 0, "key"),
    _policy("min severity 5", "edges[0].min_severity", 5, "from 0 to 4, not 5", "edges", 0, "min_severity"),
    _policy("edge negative", "edges[0].first", -60, "of at least 0, not -60", "edges", 0, "first"),
    _policy("edge with a ceiling", "edges[0].ceiling", 9, "is not a known key", "edges", 0, "ceiling"),
    _policy("rest of 59 s", "stretches[0].rest", 59, "of at least 60, not 59", "stretches", 0, "rest"),
    _policy(
        "stretch by dose", "stretches[0].measure", "dose", "must be one of span", "stretches", 0, "measure"
    ),
    _policy(
        "reset by 0 s",
        "stretches[1].reset_by.seconds",
        0,
        "greater than 0",
        "stretches",
        1,
        "reset_by",
        "seconds",
    ),
    _policy(
        "reset by severity 5",
        "stretches[1].reset_by.max_severity",
        5,
        "from 0 to 4",
        "stretches",
        1,
        "reset_by",
        "max_severity",
    ),
    _policy("priority 5 weighed", "escalation_weights.5", 1, "is not a known key", "escalation_weights", "5"),
    _head(
        "priority 4 unweighed",
        "policy.escalation_weights.4",
        headless("policy", "escalation_weights", "4"),
        "is required",
    ),
    _policy(
        "weight negative", "escalation_weights.4", -0.5, "of at least 0, not -0.5", "escalation_weights", "4"
    ),
    _policy(
        "shares add up to 0.9",
        "coverage_bands",
        0.1,
        "shares that add up to exactly 1",
        "coverage_bands",
        3,
        0,
    ),
    _policy("shares a hair off", "coverage_bands", 0.2000001, "exactly 1", "coverage_bands", 3, 0),
    _policy("weights rise", "coverage_bands[2][1]", 5, "must not be above", "coverage_bands", 2, 1),
    _policy("band of one number", "coverage_bands[1]", [0.4], "a list of two numbers", "coverage_bands", 1),
)


def _lines(table: str, change: Callable[[list[bytes]], None]) -> Callable[[Path], None]:
    """Change the lines of an ndjson table."""

    def apply(folder: Path) -> None:
        path = folder / f"{table}.ndjson"
        lines = path.read_bytes().split(b"\n")
        change(lines)
        path.write_bytes(b"\n".join(lines))

    return apply


def _line(row: int, old: bytes, new: bytes) -> Callable[[list[bytes]], None]:
    def change(lines: list[bytes]) -> None:
        assert old in lines[row - 1]
        lines[row - 1] = lines[row - 1].replace(old, new, 1)

    return change


def _text(name: str, old: bytes, new: bytes) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        content = (folder / name).read_bytes()
        assert old in content
        (folder / name).write_bytes(content.replace(old, new, 1))

    return apply


def _gone(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _twice(folder: Path) -> None:
    pl.DataFrame({"id": ["x"]}).write_parquet(folder / "items.parquet")


def _blank_then_bad(lines: list[bytes]) -> None:
    lines[1:1] = [b"", b"  "]
    lines[6] = lines[6].replace(b'"seconds": 300', b'"seconds": -300')


BROKEN_FILES = (
    Broken("no auditors", _gone("auditors.ndjson"), "auditors.ndjson", None, None, "is missing"),
    Broken("no head", _gone("instance.json"), "instance.json", None, None, "is missing"),
    Broken("a table twice", _twice, "items.ndjson", None, None, "a second time as items.parquet"),
    Broken(
        "a table a folder",
        lambda f: (f / "history.ndjson").replace(f / "old") and (f / "history.ndjson").mkdir(),
        "history.ndjson",
        None,
        None,
        "cannot be read",
    ),
    Broken(
        "line cut short", _lines("items", _line(2, b"}", b"")), "items.ndjson", 2, None, "is not valid JSON"
    ),
    Broken(
        "line a list",
        _lines("items", lambda lines: lines.insert(2, b"[1]")),
        "items.ndjson",
        3,
        None,
        "must be an object",
    ),
    Broken(
        "two objects on a line",
        _lines("items", _line(1, b"}", b"} {}")),
        "items.ndjson",
        1,
        None,
        "is not valid JSON",
    ),
    Broken(
        "key twice",
        _lines("items", _line(1, b"{", b'{"draw": 1, ')),
        "items.ndjson",
        1,
        None,
        "names the key 'draw' twice",
    ),
    Broken("not a number", _lines("items", _line(5, b"300", b"NaN")), "items.ndjson", 5, None, "holds NaN"),
    Broken(
        "infinity",
        _lines("items", _line(5, b"300", b"-Infinity")),
        "items.ndjson",
        5,
        None,
        "holds -Infinity",
    ),
    Broken(
        "not UTF-8", _lines("items", _line(5, b'"e1"', b'"e\xff1"')), "items.ndjson", 5, None, "is not UTF-8"
    ),
    Broken(
        "half a pair",
        _lines("items", _line(5, b'"e1"', b'"e\\ud8001"')),
        "items.ndjson",
        5,
        None,
        "half of a surrogate pair",
    ),
    Broken(
        "byte order mark",
        _lines("items", _line(1, b"{", b"\xef\xbb\xbf{")),
        "items.ndjson",
        1,
        None,
        "byte order mark",
    ),
    Broken(
        "endless digits",
        _lines("items", _line(5, b"300", b"3" * 9000)),
        "items.ndjson",
        5,
        None,
        "far too long",
    ),
    Broken(
        "endless nesting",
        _lines("items", _line(5, b"300", b"[" * 200_000)),
        "items.ndjson",
        5,
        None,
        "nested far too deeply",
    ),
    Broken(
        "blank lines are counted",
        _lines("items", _blank_then_bad),
        "items.ndjson",
        7,
        "seconds",
        "greater than 0, not -300",
    ),
    Broken(
        "head cut short",
        _text("instance.json", b'"policy"', b'"policy'),
        "instance.json",
        None,
        None,
        "is not valid JSON",
    ),
    Broken(
        "head key twice",
        _text("instance.json", b'"name"', b'"name": "x", "name"'),
        "instance.json",
        None,
        None,
        "names the key 'name' twice",
    ),
    Broken(
        "head not UTF-8",
        _text("instance.json", b'"small"', b'"sm\xe4ll"'),
        "instance.json",
        None,
        None,
        "is not UTF-8",
    ),
    Broken(
        "head null",
        lambda f: (f / "instance.json").write_text("null"),
        "instance.json",
        None,
        None,
        "holds only null",
    ),
    Broken(
        "share too exact",
        _text("instance.json", b"[0.2, 1]", b"[0.20000000000000000001, 1]"),
        "instance.json",
        None,
        "policy.coverage_bands",
        "exactly 1",
    ),
    Broken(
        "weight of a million digits",
        _text("instance.json", b"[0.1, 16]", b"[0.1, 16e999999]"),
        "instance.json",
        None,
        "policy.coverage_bands[0][1]",
        "at most 64 digits",
    ),
)


def _column(table: str, expression: pl.Expr) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / f"{table}.parquet"
        frame = pl.read_parquet(path.read_bytes()).with_columns(expression)
        frame.write_parquet(path)

    return apply


def _at(row: int, column: str, value: object) -> pl.Expr:
    place = pl.int_range(pl.len()) == row - 1
    return pl.when(place).then(pl.lit(value)).otherwise(pl.col(column)).alias(column)


def _frame(table: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / f"{table}.parquet"
        change(pl.read_parquet(path.read_bytes())).write_parquet(path)

    return apply


def _cut(folder: Path) -> None:
    path = folder / "items.parquet"
    path.write_bytes(path.read_bytes()[:-20])


def _half_second(folder: Path) -> None:
    late = pl.lit(datetime(2026, 11, 23, 9, 0, 0, 500_000, tzinfo=UTC))
    place = pl.int_range(pl.len()) == 1
    _column("auditors", pl.when(place).then(late).otherwise("shift_end").alias("shift_end"))(folder)


def _wide_seconds(folder: Path) -> None:
    place = pl.int_range(pl.len()) == 4
    wide = pl.col("seconds").cast(pl.UInt64)
    _column("items", pl.when(place).then(pl.lit(2**63, dtype=pl.UInt64)).otherwise(wide).alias("seconds"))(
        folder
    )


ITEMS, AUDITORS, HISTORY = "items.parquet", "auditors.parquet", "history.parquet"

BROKEN_FRAMES = (
    Broken("parquet cut short", _cut, ITEMS, None, None, "is not a readable Parquet file"),
    Broken(
        "parquet of text",
        lambda f: (f / ITEMS).write_text("id,kind"),
        ITEMS,
        None,
        None,
        "is not a readable Parquet",
    ),
    Broken(
        "seconds as floats",
        _column("items", pl.col("seconds").cast(pl.Float64)),
        ITEMS,
        None,
        "seconds",
        "a column of integers",
    ),
    Broken(
        "seconds as text",
        _column("items", pl.col("seconds").cast(pl.String)),
        ITEMS,
        None,
        "seconds",
        "a column of integers",
    ),
    Broken(
        "seconds as booleans",
        _column("items", pl.col("seconds") > 0),
        ITEMS,
        None,
        "seconds",
        "a column of integers",
    ),
    Broken("seconds wider than 64 bits", _wide_seconds, ITEMS, 5, "seconds", "must fit into 64 bits"),
    Broken(
        "seconds negative",
        _column("items", _at(5, "seconds", -5)),
        ITEMS,
        5,
        "seconds",
        "greater than 0, not -5",
    ),
    Broken("seconds null", _column("items", _at(5, "seconds", None)), ITEMS, 5, "seconds", "is required"),
    Broken(
        "no seconds",
        _frame("items", lambda frame: frame.drop("seconds")),
        ITEMS,
        None,
        "seconds",
        "is required",
    ),
    Broken(
        "a column too many",
        _column("items", pl.lit(1).alias("colour")),
        ITEMS,
        None,
        "colour",
        "is not a known column",
    ),
    Broken(
        "instants without a zone",
        _column("auditors", pl.col("shift_end").dt.replace_time_zone(None)),
        AUDITORS,
        None,
        "shift_end",
        "timestamps in UTC",
    ),
    Broken(
        "instants in Jakarta",
        _column("auditors", pl.col("shift_end").dt.convert_time_zone("Asia/Jakarta")),
        AUDITORS,
        None,
        "shift_end",
        "timestamps in UTC",
    ),
    Broken(
        "instants as text",
        _column("auditors", pl.col("shift_end").dt.to_string("%FT%TZ")),
        AUDITORS,
        None,
        "shift_end",
        "timestamps in UTC",
    ),
    Broken("half a second", _half_second, AUDITORS, 2, "shift_end", "must be in whole seconds"),
    Broken(
        "dates as text",
        _column("history", pl.col("work_date").dt.to_string("%F")),
        HISTORY,
        None,
        "work_date",
        "a column of dates",
    ),
    Broken(
        "dates as instants",
        _column("history", pl.col("work_date").cast(pl.Datetime("us", "UTC"))),
        HISTORY,
        None,
        "work_date",
        "a column of dates",
    ),
    Broken(
        "lists as text",
        _column("auditors", pl.col("markets").list.join(",")),
        AUDITORS,
        None,
        "markets",
        "lists of text",
    ),
    Broken(
        "lists of numbers",
        _column("auditors", pl.lit([1]).alias("markets")),
        AUDITORS,
        None,
        "markets",
        "lists of text",
    ),
    Broken(
        "language repeated",
        _column("auditors", _at(1, "languages", ["id", "id"])),
        AUDITORS,
        1,
        "languages",
        "repeats the entry 'id'",
    ),
    Broken("draw repeated", _column("items", _at(3, "draw", 2)), ITEMS, 3, "draw", "repeats position 2"),
    Broken("kind unknown", _column("items", _at(6, "kind", "audit")), ITEMS, 6, "kind", "must be one of"),
)
