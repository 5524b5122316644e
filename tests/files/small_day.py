"""A small sound day as plain documents, to be broken one thing at a time, and its files in either format."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

Row = dict[str, Any]
Day = dict[str, Any]
"""`instance` is the document; `auditors`, `items`, `history` and `fixed` are lists of rows."""

TABLES = ("auditors", "items", "history", "fixed")
MOMENT = pl.Datetime("us", "UTC")
NAMES = pl.List(pl.String)
PARQUET: dict[str, dict[str, Any]] = {
    "auditors": {
        "id": pl.String,
        "team": pl.String,
        "home_market": pl.String,
        "timezone": pl.String,
        "languages": NAMES,
        "markets": NAMES,
        "clearances": NAMES,
        "opt_outs": NAMES,
        "max_severity": pl.Int64,
        "exposure_percent": pl.Int64,
        "shift_start": MOMENT,
        "shift_end": MOMENT,
        "last_end": MOMENT,
    },
    "items": {
        "id": pl.String,
        "kind": pl.String,
        "market": pl.String,
        "language": pl.String,
        "category": pl.String,
        "severity": pl.Int64,
        "modality": pl.String,
        "seconds": pl.Int64,
        "reviews": pl.Int64,
        "priority": pl.Int64,
        "release": MOMENT,
        "due": MOMENT,
        "stratum": pl.String,
        "draw": pl.Int64,
        "excluded": NAMES,
        "only": NAMES,
    },
    "history": {
        "auditor": pl.String,
        "work_date": pl.Date,
        "category": pl.String,
        "severity": pl.Int64,
        "modality": pl.String,
        "seconds": pl.Int64,
        "items": pl.Int64,
    },
    "fixed": {"auditor": pl.String, "kind": pl.String, "item": pl.String, "start": MOMENT, "end": MOMENT},
}


def policy() -> dict[str, Any]:
    return {
        "severe_from": 3,
        "categories": ["hate", "self-harm", "spam"],
        "dose": {
            "severity": [0, 1, 2, 5, 10],
            "modality_tenths": {"text": 5, "image": 10, "audio": 10, "video": 15, "live": 20},
        },
        "clearances": {"self-harm": "self-harm"},
        "rest_between_shifts": 39600,
        "limits": [
            {
                "key": "severe-day",
                "scope": "org",
                "min_severity": 3,
                "measure": "seconds",
                "window_days": 1,
                "amount": 7200,
                "ceiling": 14400,
                "since": "2026-01-01",
            },
            {
                "key": "hate-week",
                "scope": "team:night watch",
                "categories": ["hate"],
                "measure": "dose",
                "window_days": 7,
                "amount": 900,
            },
        ],
        "stretches": [
            {"key": "screen-break", "measure": "span", "amount": 3000, "rest": 600},
            {
                "key": "in-a-row",
                "min_severity": 3,
                "measure": "items",
                "amount": 3,
                "rest": 600,
                "reset_by": {"max_severity": 1, "seconds": 120},
            },
        ],
        "edges": [{"key": "wind-down", "min_severity": 3, "last": 2700}],
        "escalation_weights": {"1": 1000, "2": 100, "3": 10, "4": 1},
        "coverage_bands": [[0.1, 16], [0.4, 4], [0.3, 2], [0.2, 1]],
    }


def small_day() -> Day:
    """Three people, six items, a little history and two slots that stand."""
    sample = {"kind": "sample", "market": "ID", "language": "id", "category": "hate", "modality": "video"}
    return {
        "instance": {
            "format": "breakwater-instance/1",
            "name": "small",
            "work_date": "2026-11-23",
            "policy": policy(),
            "now": "2026-11-23T02:00:00Z",
        },
        "auditors": [
            {
                "id": name,
                "team": "night watch",
                "home_market": "ID",
                "timezone": "Asia/Jakarta",
                "languages": ["id", "pt-BR"],
                "markets": ["ID"],
                "clearances": ["self-harm"],
                "opt_outs": ["spam"] if name == "cara" else [],
                "max_severity": 4,
                "exposure_percent": 75,
                "shift_start": "2026-11-23T01:00:00Z",
                "shift_end": "2026-11-23T09:00:00Z",
                "last_end": "2026-11-22T09:00:00Z",
            }
            for name in ("ana", "budi", "cara")
        ],
        "items": [
            sample | {"id": "s1", "severity": 1, "seconds": 100, "draw": 1},
            sample | {"id": "s2", "severity": 1, "seconds": 60, "draw": 2, "reviews": 2},
            sample | {"id": "s3", "severity": 1, "seconds": 80, "draw": 3, "excluded": ["ana", "zoe"]},
            sample | {"id": "s4", "severity": None, "seconds": 90, "draw": 1, "stratum": "unknown"},
            {
                "id": "e1",
                "kind": "escalation",
                "market": "ID",
                "language": "pt-BR",
                "category": "self-harm",
                "severity": 3,
                "modality": "live",
                "seconds": 300,
                "priority": 1,
                "release": "2026-11-23T01:30:00Z",
                "due": "2026-11-23T05:00:00Z",
            },
            {
                "id": "c1",
                "kind": "calibration",
                "market": "ID",
                "language": "id",
                "category": "spam",
                "severity": 0,
                "modality": "text",
                "seconds": 120,
                "only": ["ana", "budi", "zoe"],
            },
        ],
        "history": [
            {
                "auditor": name,
                "work_date": "2026-11-22",
                "category": "hate",
                "severity": 2,
                "modality": "image",
                "seconds": 600,
                "items": 5,
            }
            for name in ("ana", "zoe")
        ],
        "fixed": [
            {
                "auditor": "ana",
                "kind": "work",
                "item": "s1",
                "start": "2026-11-23T01:10:00Z",
                "end": "2026-11-23T01:12:00Z",
            },
            {
                "auditor": "budi",
                "kind": "busy",
                "item": None,
                "start": "2026-11-23T04:00:00Z",
                "end": "2026-11-23T04:30:00Z",
            },
        ],
    }


def frame(name: str, rows: list[Row]) -> pl.DataFrame:
    """The Parquet form of a table: instants as timestamps in UTC, dates as dates, lists as lists."""
    typed = [{key: _cell(PARQUET[name][key], value) for key, value in row.items()} for row in rows]
    return pl.DataFrame(typed, schema=PARQUET[name])


def _cell(dtype: Any, value: Any) -> Any:
    if value is None or not isinstance(value, str):
        return value
    if dtype == MOMENT:
        return datetime.fromisoformat(value)
    return date.fromisoformat(value) if dtype == pl.Date else value


def write_day(day: Day, folder: Path, format: str = "ndjson") -> Path:
    """The files of a day, written plainly: not by the code under test."""
    folder.mkdir(parents=True)
    (folder / "instance.json").write_text(json.dumps(day["instance"]), encoding="utf-8")
    for name in TABLES:
        if name not in day:
            continue
        if format == "parquet":
            frame(name, day[name]).write_parquet(folder / f"{name}.parquet")
        else:
            lines = "".join(json.dumps(row) + "\n" for row in day[name])
            (folder / f"{name}.ndjson").write_text(lines, encoding="utf-8")
    return folder
