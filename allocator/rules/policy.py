"""The policy, declared: every number that a plan must obey or is judged by.

A declaration holds a rule's key, its numbers and its reason, and answers one question: does it
*select* a review of this category and severity? What follows from a selection is written three times,
apart: in the optimiser, in the verifier and (with the server) at the moment of start.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Literal, get_args

LimitMeasure = Literal["seconds", "items", "dose"]
StretchMeasure = Literal["span", "seconds", "items"]
Modality = Literal["text", "image", "audio", "video", "live"]

LIMIT_MEASURES: tuple[str, ...] = get_args(LimitMeasure)
STRETCH_MEASURES: tuple[str, ...] = get_args(StretchMeasure)
MODALITIES: tuple[str, ...] = get_args(Modality)
SEVERITIES = range(5)
UNKNOWN_SEVERITY = 4
"""An item whose severity nobody knows yet is planned as the worst."""
UNITS_PER_POINT = 600
"""Dose units in one point: a minute at severity weight 1 and modality weight 1."""
SHORTEST_BREAK = 60
"""Seconds. Anything shorter is no break (H7)."""
LONGEST_SHIFT = 16 * 3600
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What limits, stretches and edges have in common: a key, a selection and where the numbers come from.

    `categories` empty means every category. `reason`, `source`, `since` and `approved_by` are for people
    and never change a plan.
    """

    key: str
    categories: frozenset[str] = frozenset()
    min_severity: int = 0
    reason: str | None = field(default=None, kw_only=True)
    source: str | None = field(default=None, kw_only=True)
    since: date | None = field(default=None, kw_only=True)
    approved_by: str | None = field(default=None, kw_only=True)

    def selects(self, category: str, severity: int) -> bool:
        return severity >= self.min_severity and (not self.categories or category in self.categories)

    @property
    def selects_everything(self) -> bool:
        return not self.categories and self.min_severity == 0


@dataclass(frozen=True, slots=True)
class Limit(Rule):
    """H4: the use of what this selects, over `window_days` work dates, never passes `amount`.

    `amount` is in seconds, items or points, as `measure` says. `scope` is `org`, `market:X`, `team:X` or
    `auditor:X`. `ceiling` is the amount above which nobody may raise it.
    """

    scope: str = field(kw_only=True)
    measure: LimitMeasure = field(kw_only=True)
    window_days: int = field(kw_only=True)
    amount: int = field(kw_only=True)
    ceiling: int | None = field(default=None, kw_only=True)

    def binds(self, *, auditor: str, team: str, home_market: str) -> bool:
        return self.scope in ("org", f"market:{home_market}", f"team:{team}", f"auditor:{auditor}")

    def effective_amount(self, exposure_percent: int) -> int:
        """The amount for one person, in seconds, items or dose units, rounded down after scaling."""
        units = UNITS_PER_POINT if self.measure == "dose" else 1
        return self.amount * units * exposure_percent // 100


@dataclass(frozen=True, slots=True)
class ResetBy:
    """Everyday work that ends a stretch as a rest would: unselected reviews in a row, each of at most
    `max_severity`, together at least `seconds`."""

    max_severity: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Stretch(Rule):
    """H5: between two rests of at least `rest` seconds, the selected work never passes `amount`.

    `measure` is `span` (seconds from the first selected start to the last selected end), `seconds` (their
    sum) or `items` (their number).
    """

    measure: StretchMeasure = field(kw_only=True)
    amount: int = field(kw_only=True)
    rest: int = field(kw_only=True)
    reset_by: ResetBy | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Edge(Rule):
    """H6: nothing selected in the first `first` or the last `last` seconds of a shift."""

    first: int = field(default=0, kw_only=True)
    last: int = field(default=0, kw_only=True)


@dataclass(frozen=True, slots=True)
class Dose:
    """Points of weight: `severity[0..4]`, and tenths by modality. All integers."""

    severity: tuple[int, int, int, int, int]
    modality_tenths: dict[str, int]

    def units_per_second(self, severity: int, modality: str) -> int:
        return self.severity[severity] * self.modality_tenths[modality]


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole policy. Rules keep the order of the file. `categories` None: any category is known.

    `escalation_weights` maps priority 1..4 to its weight; `coverage_bands` are (share, weight) pairs, both
    exact.
    """

    severe_from: int
    categories: tuple[str, ...] | None
    dose: Dose
    clearances: dict[str, str]
    rest_between_shifts: int
    limits: tuple[Limit, ...]
    stretches: tuple[Stretch, ...]
    edges: tuple[Edge, ...]
    escalation_weights: dict[int, Fraction]
    coverage_bands: tuple[tuple[Fraction, Fraction], ...]

    def is_severe(self, severity: int) -> bool:
        return severity >= self.severe_from


def coverage_value(bands: tuple[tuple[Fraction, Fraction], ...], wanted: int, planned: int) -> Fraction:
    """The worth of `planned` reviews of a stratum that wants `wanted` (G2): each band, in order, takes its
    share of `wanted` and pays its weight for every planned review (or fraction of one) that falls in it."""
    value = Fraction(0)
    lower = Fraction(0)
    for share, weight in bands:
        upper = lower + share * wanted
        value += weight * max(Fraction(0), min(Fraction(planned), upper) - lower)
        lower = upper
    return value
