"""A day in which everybody is on shift at once, and limits of every kind are near."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from random import Random

from allocator.instance import Instance
from allocator.rules.policy import Dose, Edge, Limit, LimitMeasure, Policy, ResetBy, Stretch
from tests.days.build import NINE, WORK_DATE, Day, Row, auditor, escalation, instance, sample
from tests.guard.world import DOSE

BEGINS = datetime.fromtimestamp(NINE, UTC)
HOURS = 10
TEAMS = ("blue", "red")
CATEGORIES = ("adult", "hate", "violence")
MODALITIES = ("text", "image", "video")


def limit(key: str, scope: str, measure: LimitMeasure, days: int, amount: int, severity: int = 0) -> Limit:
    return Limit(
        key,
        min_severity=severity,
        scope=scope,
        measure=measure,
        window_days=days,
        amount=amount,
        ceiling=amount * 2,
    )


LIMITS = (
    limit("severe-day", "org", "seconds", 1, 7200, 3),
    limit("severe-week", "org", "seconds", 7, 9000, 3),
    limit("items-day", "team:red", "items", 1, 120),
    limit("dose-day", "org", "dose", 1, 3000),
    limit("dose-week", "auditor:p01", "dose", 7, 2500),
    limit("severe-blue", "team:blue", "items", 1, 40, 3),
)


def live_policy() -> Policy:
    assert isinstance(DOSE, Dose)
    return Policy(
        severe_from=3,
        categories=CATEGORIES,
        dose=DOSE,
        clearances={},
        rest_between_shifts=0,
        limits=LIMITS,
        stretches=(
            Stretch("screen", measure="span", amount=3000, rest=120),
            Stretch(
                "severe", min_severity=3, measure="seconds", amount=900, rest=120, reset_by=ResetBy(1, 120)
            ),
        ),
        edges=(Edge("wind-down", min_severity=3, first=0, last=600),),
        escalation_weights={1: Fraction(1000), 2: Fraction(100), 3: Fraction(10), 4: Fraction(1)},
        coverage_bands=((Fraction(1, 2), Fraction(4)), (Fraction(1, 2), Fraction(1))),
    )


def people(number: int) -> list[str]:
    return [f"p{n:02}" for n in range(1, number + 1)]


def live_day(rng: Random, names: list[str], items: int) -> Instance:
    """One work date: everybody on shift for `HOURS` from nine, and `items` to review."""
    rows: list[Row] = [
        auditor(
            name,
            team=TEAMS[n % 2],
            exposure_percent=rng.choice((100, 100, 80)),
            shift_start=NINE,
            shift_end=NINE + HOURS * 3600,
        )
        for n, name in enumerate(names)
    ]
    work: list[Row] = []
    for n in range(items):
        content = {
            "category": rng.choice(CATEGORIES),
            "severity": rng.choice((0, 1, 1, 2, 3, 4)),
            "modality": rng.choice(MODALITIES),
            "seconds": rng.choice((60, 120, 180, 300)),
        }
        if n % 20 == 0:
            work.append(escalation(f"e{n:05}", priority=rng.randint(1, 4), **content))
        else:
            work.append(sample(f"s{n:05}", draw=n + 1, reviews=rng.choice((1, 1, 2)), **content))
    return instance(Day(live_policy(), tuple(rows), tuple(work), work_date=WORK_DATE, name="race"))
