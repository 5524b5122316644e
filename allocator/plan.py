"""The plan: what comes out, as it lies in memory. Instants are whole seconds since 1970-01-01T00:00:00Z."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import polars as pl

SLOTS = {
    "auditor": pl.String(),
    "kind": pl.String(),  # work, break or busy
    "item": pl.String(),  # work only, else null
    "label": pl.String(),  # short, recovery or meal for every break that is not fixed, else null
    "start": pl.Int64(),
    "end": pl.Int64(),
}
UNPLANNED = {
    "item": pl.String(),
    "missing": pl.Int64(),  # reviews
    "ruled_out": pl.String(),  # JSON text of a map from reason to number of auditors; zeros are left out
    "sentence": pl.String(),
}
BREAK_LABELS = ("short", "recovery", "meal")
RULED_OUT = (
    "has-it",
    "language",
    "market",
    "clearance",
    "excluded",
    "only",
    "protected",
    "shift",
    "capacity",
)
"""Why an auditor does not review an item, in the order in which the first that holds is named."""
GOALS = ("escalations", "coverage", "exposure", "load")
COUNTS = ("reviews_wanted", "reviews_planned", "escalations_late", "draw_inversions", "samples_seen")


@dataclass(frozen=True, slots=True)
class Prices:
    """A price for a second of each auditor's time, and for a unit (second, item, dose unit) of each limit
    that binds the auditor. Integers, to be divided by the certificate's scale; what is absent costs 0."""

    time: dict[str, int] = field(default_factory=dict)
    limits: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Certificate:
    """The prices from which both bounds follow. `g1` is the price of a unit of G1 in the coverage bound."""

    scale: int
    escalations: Prices
    coverage: Prices
    g1: int


@dataclass(frozen=True, slots=True)
class Plan:
    """All slots of one work date, what was left out and why, and what is claimed of it."""

    instance: str
    work_date: date
    goals: dict[str, float]
    bounds: dict[str, float]
    certificate: Certificate
    counts: dict[str, int]
    seconds: dict[str, float]
    slots: pl.DataFrame
    unplanned: pl.DataFrame
