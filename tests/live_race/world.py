"""Three work dates in one day: everybody works on each, for some hours, and limits of every kind are near.

As people's clocks are far apart, dates follow each other within hours, overlap by some minutes, and are
over one after the other, so that what is done when a date is over is done while the next one lives.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from random import Random

from allocator.instance import Instance
from allocator.rules.policy import Dose, Edge, Limit, LimitMeasure, Policy, ResetBy, Stretch
from tests.days.build import NINE, WORK_DATE, Day, Row, auditor, escalation, instance, sample
from tests.guard.world import DOSE

BEGINS = datetime.fromtimestamp(NINE, UTC)
HOURS = 10
WORK_DATES = tuple(WORK_DATE + timedelta(days=n) for n in (-1, 0, 1))
ZONES = ("Pacific/Pago_Pago", "UTC", "Pacific/Kiritimati")
"""Where it is that date when its shifts begin."""
EARLY = (0, 20, 270, HOURS * 60)
LATE = (0, 30, 310, HOURS * 60 + 10)
"""Minutes after BEGINS at which one half of the people and the other go from one work date to the next."""
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


def stint(person: int, number: int) -> tuple[int, int]:
    """The shift of the person of this index on the work date of this number, in seconds since 1970."""
    begins, ends = (EARLY, LATE)[person // 2 % 2][number : number + 2]
    return NINE + begins * 60, NINE + ends * 60


def open_dates(now: datetime) -> list[date]:
    """Work dates whose shifts are not over, the one that ends first first."""
    return [
        work_date
        for work_date, ends in zip(WORK_DATES, LATE[1:], strict=True)
        if now < BEGINS + timedelta(minutes=ends)
    ]


@dataclass
class Content:
    """What items show, drawn at random."""

    rng: Random

    def draw(self) -> Row:
        return {
            "category": self.rng.choice(CATEGORIES),
            "severity": self.rng.choice((0, 1, 1, 2, 3, 4)),
            "modality": self.rng.choice(MODALITIES),
            "seconds": self.rng.choice((60, 120, 180, 300)),
        }


def live_days(rng: Random, names: list[str], items: int) -> list[Instance]:
    """Every work date with all people, and its part of `items` to review."""
    content = Content(rng)
    days = []
    numbers = iter(range(items * 2))
    for number, work_date in enumerate(WORK_DATES):
        rows: list[Row] = []
        for n, name in enumerate(names):
            start, end = stint(n, number)
            rows.append(
                auditor(
                    name,
                    team=TEAMS[n % 2],
                    timezone=ZONES[number],
                    exposure_percent=rng.choice((100, 100, 80)),
                    shift_start=start,
                    shift_end=end,
                )
            )
        work: list[Row] = []
        for _ in range(max(items // 10, items * (EARLY[number + 1] - EARLY[number]) // EARLY[-1])):
            n = next(numbers)
            if n % 6 == 0:
                work.append(
                    escalation(
                        f"e{n:05}",
                        priority=rng.randint(1, 4),
                        reviews=rng.choice((1, 2, 2)),
                        **content.draw(),
                    )
                )
            else:
                work.append(sample(f"s{n:05}", draw=n + 1, reviews=rng.choice((1, 1, 2)), **content.draw()))
        day = Day(live_policy(), tuple(rows), tuple(work), work_date=work_date, name=f"race {number}")
        days.append(instance(day))
    return days
