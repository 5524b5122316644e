"""The instance: one day to plan, as it lies in memory after it was read and found sound.

Instants are whole seconds since 1970-01-01T00:00:00Z in Int64 columns. Defaults are filled in: no column
below holds a null unless its comment says so. Row order is the order of the files.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from allocator.rules.policy import Policy

AUDITORS = {
    "id": pl.String(),
    "team": pl.String(),
    "home_market": pl.String(),
    "timezone": pl.String(),
    "languages": pl.List(pl.String()),
    "markets": pl.List(pl.String()),
    "clearances": pl.List(pl.String()),
    "opt_outs": pl.List(pl.String()),
    "max_severity": pl.Int64(),
    "exposure_percent": pl.Int64(),
    "shift_start": pl.Int64(),
    "shift_end": pl.Int64(),
    "last_end": pl.Int64(),  # null: no work before this shift is known
}
ITEMS = {
    "id": pl.String(),
    "kind": pl.String(),
    "market": pl.String(),
    "language": pl.String(),
    "category": pl.String(),
    "severity": pl.Int64(),  # an unknown severity is 4 here
    "modality": pl.String(),
    "seconds": pl.Int64(),
    "reviews": pl.Int64(),  # wanted reviews; for a calibration with `only`, the number of people in it
    "priority": pl.Int64(),  # 4 where the file gives none
    "release": pl.Int64(),  # null: no release
    "due": pl.Int64(),  # null: always on time
    "stratum": pl.String(),  # samples only, else null
    "draw": pl.Int64(),  # samples only, else null
    "excluded": pl.List(pl.String()),
    "only": pl.List(pl.String()),
}
HISTORY = {
    "auditor": pl.String(),
    "work_date": pl.Date(),
    "category": pl.String(),
    "severity": pl.Int64(),
    "modality": pl.String(),
    "seconds": pl.Int64(),
    "items": pl.Int64(),
}
FIXED = {
    "auditor": pl.String(),
    "kind": pl.String(),  # work, break or busy
    "item": pl.String(),  # work only, else null
    "start": pl.Int64(),
    "end": pl.Int64(),
}


@dataclass(frozen=True, slots=True)
class Instance:
    """A day to plan. `document` is `instance.json` as it was read (numbers exact), for writing it back."""

    name: str
    work_date: date
    policy: Policy
    now: int | None
    auditors: pl.DataFrame
    items: pl.DataFrame
    history: pl.DataFrame
    fixed: pl.DataFrame
    document: dict[str, Any]
