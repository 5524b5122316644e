"""From short rows to an instance in memory, and to a folder of files written by hand.

A row holds what a file would hold, with instants as whole seconds since 1970; what is left out means the
default. The folder is written here, apart from the product's writer, so that the readers meet a stranger.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl

from allocator.files.policy import policy_document
from allocator.instance import AUDITORS, FIXED, HISTORY, ITEMS, Instance
from allocator.rules.policy import UNKNOWN_SEVERITY, Dose, Policy

Row = dict[str, Any]

WORK_DATE = date(2026, 11, 23)
NINE = 1_795_424_400
"""09:00 UTC on the work date that days built by hand use."""
INSTANTS = ("shift_start", "shift_end", "last_end", "release", "due", "start", "end")


@dataclass(frozen=True, slots=True)
class Day:
    """A day as its files would hold it: the policy, and four tables of rows."""

    policy: Policy
    auditors: tuple[Row, ...] = ()
    items: tuple[Row, ...] = ()
    history: tuple[Row, ...] = ()
    fixed: tuple[Row, ...] = ()
    now: int | None = None
    work_date: date = WORK_DATE
    name: str = "day"


def policy(**changes: Any) -> Policy:
    """A policy without a single rule, with one coverage band; a severity weighs as much as its number."""
    plain: dict[str, Any] = {
        "severe_from": 3,
        "categories": None,
        "dose": Dose((0, 1, 2, 3, 4), {"text": 10, "image": 10, "audio": 10, "video": 10, "live": 10}),
        "clearances": {},
        "rest_between_shifts": 0,
        "limits": (),
        "stretches": (),
        "edges": (),
        "escalation_weights": {1: Fraction(1000), 2: Fraction(100), 3: Fraction(10), 4: Fraction(1)},
        "coverage_bands": ((Fraction(1), Fraction(1)),),
    }
    return Policy(**{**plain, **changes})


def auditor(name: str = "ada", **changes: Any) -> Row:
    """Someone on shift for one hour from nine, who may take all that the functions below build."""
    row: Row = {
        "id": name,
        "team": "t1",
        "home_market": "ID",
        "timezone": "UTC",
        "languages": ["en"],
        "markets": ["*"],
        "shift_start": NINE,
        "shift_end": NINE + 3600,
    }
    return {**row, **changes}


def escalation(name: str = "e1", **changes: Any) -> Row:
    """An urgent escalation of ten minutes."""
    row: Row = {
        "id": name,
        "kind": "escalation",
        "market": "ID",
        "language": "en",
        "category": "hate",
        "severity": 3,
        "modality": "image",
        "seconds": 600,
        "priority": 1,
    }
    return {**row, **changes}


def sample(name: str = "s1", **changes: Any) -> Row:
    """An everyday sample of five minutes, first of its stratum's draw."""
    row: Row = {
        "id": name,
        "kind": "sample",
        "market": "ID",
        "language": "en",
        "category": "adult",
        "severity": 0,
        "modality": "image",
        "seconds": 300,
        "draw": 1,
    }
    return {**row, **changes}


def calibration(name: str = "c1", **changes: Any) -> Row:
    """A calibration of five minutes."""
    row: Row = {
        "id": name,
        "kind": "calibration",
        "market": "ID",
        "language": "en",
        "category": "adult",
        "severity": 1,
        "modality": "text",
        "seconds": 300,
    }
    return {**row, **changes}


def _filled_auditor(row: Mapping[str, Any]) -> Row:
    default: Row = {
        "clearances": [],
        "opt_outs": [],
        "max_severity": 4,
        "exposure_percent": 100,
        "last_end": None,
    }
    return {**default, **{key: value for key, value in row.items() if value is not None}}


def _filled_item(row: Mapping[str, Any]) -> Row:
    given = {key: value for key, value in row.items() if value is not None}
    default: Row = {
        "severity": UNKNOWN_SEVERITY,
        "reviews": 1,
        "priority": 4,
        "release": None,
        "due": None,
        "stratum": None,
        "draw": None,
        "excluded": [],
        "only": [],
    }
    item = {**default, **given}
    if item["kind"] == "sample" and item["stratum"] is None:
        item["stratum"] = f"{item['market']}/{item['language']}/{item['category']}/{item['severity']}"
    if item["only"]:
        item["reviews"] = len(item["only"])
    return item


def _frame(rows: Iterable[Mapping[str, Any]], schema: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{key: row.get(key) for key in schema} for row in rows], schema=dict(schema))


def instance(day: Day) -> Instance:
    """The day in memory, every default filled in."""
    return Instance(
        name=day.name,
        work_date=day.work_date,
        policy=day.policy,
        now=day.now,
        auditors=_frame(map(_filled_auditor, day.auditors), AUDITORS),
        items=_frame(map(_filled_item, day.items), ITEMS),
        history=_frame(day.history, HISTORY),
        fixed=_frame(day.fixed, FIXED),
        document=document(day),
    )


def instant(seconds: int) -> str:
    """RFC 3339, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def document(day: Day) -> dict[str, Any]:
    """The day's `instance.json`."""
    return {
        "format": "breakwater-instance/1",
        "name": day.name,
        "work_date": day.work_date.isoformat(),
        "policy": policy_document(day.policy),
        **({} if day.now is None else {"now": instant(day.now)}),
    }


def _line(row: Mapping[str, Any]) -> str:
    told = {
        key: instant(value) if key in INSTANTS else value.isoformat() if isinstance(value, date) else value
        for key, value in row.items()
        if value is not None
    }
    return json.dumps(told, ensure_ascii=False)


def write_day(day: Day, folder: Path) -> None:
    """The day as a folder of ndjson. Tables that hold nothing and may be absent are absent."""
    folder.mkdir(parents=True)
    (folder / "instance.json").write_text(json.dumps(document(day), default=float), encoding="utf-8")
    tables = {"auditors": day.auditors, "items": day.items, "history": day.history, "fixed": day.fixed}
    for name, rows in tables.items():
        if rows or name in ("auditors", "items"):
            text = "".join(_line(row) + "\n" for row in rows)
            (folder / f"{name}.ndjson").write_text(text, encoding="utf-8")
