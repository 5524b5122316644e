"""For each clause with a number: the day on which that number decides over one review.

`day(n)` is the day with the number set to n. At `exact` the review is done; one unit on the `refusing` side
it cannot be, one unit on the other side it still is. Units are seconds, items, points, percent or reviews.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from allocator.instance import Instance
from allocator.rules.policy import Edge, Limit, LimitMeasure, ResetBy, Stretch, StretchMeasure
from tests.days.build import NINE, WORK_DATE, Day, Row, auditor, escalation, instance, policy, sample

REVIEW = 60
"""Seconds of every review here. Short, so that trying every second stays quick."""
SHIFT = 240


@dataclass(frozen=True, slots=True)
class Threshold:
    """At `exact` all `reviews` reviews are done; at `exact + refusing` one fewer."""

    rule: str
    clause: str
    exact: int
    refusing: int
    day: Callable[[int], Instance]
    reviews: int = 1

    @property
    def name(self) -> str:
        return f"{self.rule} {self.clause}"


def _day(
    *,
    ada: Row | None = None,
    item: Row | None = None,
    rules: dict[str, Any] | None = None,
    people: tuple[str, ...] = (),
    more: tuple[Row, ...] = (),
    **day: Any,
) -> Instance:
    """Ada, on shift for four minutes, and a review of one minute, with whatever is changed or added."""
    on_shift = {"shift_end": NINE + SHIFT, **(ada or {})}
    team = (auditor("ada", **on_shift), *(auditor(name, **on_shift) for name in people))
    work = (escalation("e1", **{"seconds": REVIEW, **(item or {})}), *more)
    return instance(Day(policy=policy(**(rules or {})), auditors=team, items=work, **day))


def _second(**changes: Any) -> Row:
    return escalation("e2", **{"seconds": REVIEW, **changes})


def _who_and_once() -> list[Threshold]:
    return [
        Threshold("H1", "max_severity", 3, -1, lambda n: _day(ada={"max_severity": n})),
        Threshold("H2", "reviews", 2, -1, lambda n: _day(item={"reviews": n}, people=("bo",)), reviews=2),
    ]


def _when() -> list[Threshold]:
    latest = NINE + SHIFT - REVIEW
    return [
        Threshold("H3", "its seconds", SHIFT, +1, lambda n: _day(item={"seconds": n})),
        Threshold("H3", "release", latest, +1, lambda n: _day(item={"release": n})),
        Threshold("H3", "now", latest, +1, lambda n: _day(now=n)),
        Threshold("H3", "shift end", NINE + REVIEW, -1, lambda n: _day(ada={"shift_end": n})),
        Threshold("H3", "shift start", latest, +1, lambda n: _day(ada={"shift_start": n})),
        Threshold(
            "H3",
            "rest between shifts",
            1180,
            +1,
            lambda n: _day(ada={"last_end": NINE - 1000}, rules={"rest_between_shifts": n}),
        ),
        Threshold(
            "H3",
            "beside a fixed slot",
            NINE + REVIEW,
            -1,
            lambda n: _day(
                now=NINE, fixed=({"auditor": "ada", "kind": "busy", "start": n, "end": NINE + SHIFT},)
            ),
        ),
    ]


USE: dict[LimitMeasure, int] = {"seconds": REVIEW, "items": 1, "dose": 3}
"""What one review of severity 3 uses, by measure (dose: 60 s × 3 × 10 tenths / 600)."""


def _limits() -> list[Threshold]:
    def limit(amount: int, **changes: Any) -> dict[str, Any]:
        usual: dict[str, Any] = {"scope": "org", "measure": "seconds", "window_days": 1}
        return {"limits": (Limit("limit", amount=amount, **{**usual, **changes}),)}

    def measured(measure: LimitMeasure, scope: str) -> Callable[[int], Instance]:
        return lambda n: _day(more=(_second(),), rules=limit(n, measure=measure, scope=scope))

    def seen(seconds: int, ago: int) -> tuple[Row, ...]:
        row = {"auditor": "ada", "category": "hate", "severity": 3, "modality": "image", "items": 1}
        return ({**row, "work_date": WORK_DATE - timedelta(days=ago), "seconds": seconds},)

    def remembered(window: int) -> Instance:
        return _day(history=seen(1, ago=6), rules=limit(REVIEW, window_days=window))

    scopes = ("org", "market:ID", "team:t1", "auditor:ada")
    return [
        *(
            Threshold(
                "H4", f"{measure} {scope.split(':')[0]}", 2 * use, -1, measured(measure, scope), reviews=2
            )
            for measure, use in USE.items()
            for scope in scopes
        ),
        Threshold(
            "H4", "history", 40, +1, lambda n: _day(history=seen(n, 6), rules=limit(100, window_days=7))
        ),
        Threshold("H4", "window", 6, +1, remembered),
        Threshold(
            "H4", "exposure_percent", 50, -1, lambda n: _day(ada={"exposure_percent": n}, rules=limit(120))
        ),
        Threshold(
            "H4",
            "rounded down",
            182,
            -1,
            lambda n: _day(ada={"exposure_percent": 33}, rules=limit(n)),
        ),
    ]


ALONE: dict[StretchMeasure, int] = {"span": 2 * REVIEW, "seconds": 2 * REVIEW, "items": 2}
"""What two reviews in a row come to, by measure."""


def _stretches() -> list[Threshold]:
    """Two reviews in a shift that has no time for a rest, or just."""

    def row(amount: int, measure: StretchMeasure, **changes: Any) -> dict[str, Any]:
        usual: dict[str, Any] = {"min_severity": 3, "rest": 300}
        return {"stretches": (Stretch("row", amount=amount, measure=measure, **{**usual, **changes}),)}

    def amount(measure: StretchMeasure) -> Callable[[int], Instance]:
        return lambda n: _day(more=(_second(),), rules=row(n, measure))

    def soothed(measure: StretchMeasure, *, enough: int, severity: int) -> Instance:
        """One severe review and one of a hundred seconds are done; may another severe one follow at once?"""
        everyday = sample("s1", severity=severity, seconds=100)
        begun = {"auditor": "ada", "kind": "work", "item": "e1", "start": NINE, "end": NINE + REVIEW}
        then = {**begun, "item": "s1", "start": NINE + REVIEW, "end": NINE + REVIEW + 100}
        return _day(
            more=(_second(), everyday),
            now=NINE + REVIEW + 100,
            fixed=(begun, then),
            rules=row(ALONE[measure] // 2, measure, reset_by=ResetBy(max_severity=1, seconds=enough)),
        )

    def everyday_seconds(measure: StretchMeasure) -> Callable[[int], Instance]:
        return lambda n: soothed(measure, enough=n, severity=1)

    def everyday_severity(measure: StretchMeasure) -> Callable[[int], Instance]:
        return lambda n: soothed(measure, enough=100, severity=n)

    def interleaved(measure: StretchMeasure) -> Callable[[int], Instance]:
        """Both severe reviews fit only with the everyday one between them, and only where that is enough."""
        return lambda n: _day(
            more=(_second(), sample("s1", severity=1, seconds=100)),
            rules=row(ALONE[measure] // 2, measure, reset_by=ResetBy(max_severity=1, seconds=n)),
        )

    def rest(n: int) -> Instance:
        return _day(more=(_second(),), rules=row(1, "items", rest=n))

    result = [Threshold("H5", "rest", SHIFT - 2 * REVIEW, +1, rest, reviews=2)]
    for measure, together in ALONE.items():
        result += [
            Threshold("H5", f"{measure} interleaved", 100, +1, interleaved(measure), reviews=2),
            Threshold("H5", measure, together, -1, amount(measure), reviews=2),
            Threshold("H5", f"{measure} reset_by seconds", 100, +1, everyday_seconds(measure), reviews=2),
            Threshold("H5", f"{measure} reset_by max_severity", 1, +1, everyday_severity(measure), reviews=2),
        ]
    return result


def _edges_and_breaks() -> list[Threshold]:
    def edge(first: int = 0, last: int = 0) -> Instance:
        return _day(rules={"edges": (Edge("edge", frozenset(), 3, first=first, last=last),)})

    def just_a_minute(n: int) -> Instance:
        """Two reviews and the shortest break there is, in a shift of n seconds."""
        stretch = Stretch("row", measure="items", amount=1, rest=60)
        return _day(ada={"shift_end": NINE + n}, more=(_second(),), rules={"stretches": (stretch,)})

    return [
        Threshold("H6", "first", SHIFT - REVIEW, +1, lambda n: edge(first=n)),
        Threshold("H6", "last", SHIFT - REVIEW, +1, lambda n: edge(last=n)),
        Threshold("H7", "a minute at least", 2 * REVIEW + 60, -1, just_a_minute, reviews=2),
    ]


THRESHOLDS: list[Threshold] = [
    *_who_and_once(),
    *_when(),
    *_limits(),
    *_stretches(),
    *_edges_and_breaks(),
]
