"""Days written by hand, in minutes after nine."""

from __future__ import annotations

from typing import Any

from allocator.moment import Break, Busy, Candidate, Course, Review, Shift
from allocator.rules.policy import Edge, Policy, ResetBy, Stretch
from tests.days.build import NINE, policy

SCREEN = Stretch("screen-break", measure="span", amount=3000, rest=600)
MEAL = Stretch("meal", measure="span", amount=14_400, rest=1800)
RECOVERY = Stretch("recovery", min_severity=3, measure="seconds", amount=1800, rest=900)
IN_A_ROW = Stretch("in-a-row", min_severity=3, measure="items", amount=3, rest=600, reset_by=ResetBy(1, 600))
WIND_DOWN = Edge("wind-down", min_severity=3, first=900, last=2700)
EIGHT_HOURS = Shift(NINE, NINE + 28_800)


def at(minutes: float) -> int:
    return NINE + round(60 * minutes)


def seen(severity: int, start: float, end: float | None, **more: Any) -> Review:
    return Review("hate", severity, at(start), None if end is None else at(end), **more)


def rested(start: float, end: float | None) -> Break:
    return Break(at(start), None if end is None else at(end))


def away(start: float, end: float | None) -> Busy:
    return Busy(at(start), None if end is None else at(end))


def asked(severity: int, minutes: float, **more: Any) -> Candidate:
    return Candidate("hate", severity, round(60 * minutes), **more)


def course(
    *happened: Review | Break | Busy, rules: Policy | None = None, shift: Shift = EIGHT_HOURS
) -> Course:
    return Course(rules or policy(), shift, happened)


def under(*rules: Stretch | Edge, **more: Any) -> Policy:
    """A policy of these rules alone; severe from 3."""
    return policy(
        stretches=tuple(rule for rule in rules if isinstance(rule, Stretch)),
        edges=tuple(rule for rule in rules if isinstance(rule, Edge)),
        **more,
    )
