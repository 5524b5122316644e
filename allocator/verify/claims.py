"""The plan's figures held against those recomputed."""

from __future__ import annotations

from fractions import Fraction
from math import isfinite

from allocator.plan import COUNTS, GOALS
from allocator.verify.violation import Violation

RELATIVE = Fraction(1, 1_000_000)
ABSOLUTE = Fraction(1, 1000)


def tolerance(value: Fraction) -> Fraction:
    """Figures agree when they differ by at most a millionth of their value, or 0.001."""
    return max(RELATIVE * abs(value), ABSOLUTE)


def _claim(rule: str, claimed: dict[str, float], name: str) -> tuple[Fraction | None, list[Violation]]:
    told = claimed.get(name)
    if told is None or not isfinite(told):
        return None, [Violation(rule, f"{rule}.{name} is {told}, which is no figure.")]
    return Fraction(told), []


def check_goals(claimed: dict[str, float], true: dict[str, Fraction]) -> list[Violation]:
    found = []
    for name in GOALS:
        told, faults = _claim("goals", claimed, name)
        found += faults
        if told is not None and abs(told - true[name]) > tolerance(true[name]):
            text = f"goals.{name} is said to be {claimed[name]} and is {float(true[name])}."
            found.append(Violation("goals", text))
    return found


def check_counts(claimed: dict[str, int], true: dict[str, int]) -> list[Violation]:
    return [
        Violation("counts", f"counts.{name} is said to be {claimed.get(name)} and is {true[name]}.")
        for name in COUNTS
        if claimed.get(name) != true[name]
    ]


def check_bounds(claimed: dict[str, float], true: dict[str, Fraction]) -> list[Violation]:
    """A bound may be larger than what follows from the certificate, never smaller."""
    found = []
    for name, value in true.items():
        told, faults = _claim("bounds", claimed, name)
        found += faults
        if told is not None and told < value - tolerance(value):
            text = (
                f"bounds.{name} is said to be {claimed[name]}, but from the certificate follows only "
                f"{float(value)}."
            )
            found.append(Violation("bounds", text))
    return found
