"""The temptations: for each clause of each hard rule, a day on which the best plan breaks it if it may.

The strict day holds the rule. The lax day is the same day with the rule gone or loosened, so that a good
planner takes what the strict day forbids. A few clauses cannot be loosened in any file (nobody can be let
take one item twice): there the lax day has a twin, and what the twin did is retold as the first person's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import polars as pl

from allocator.instance import Instance
from allocator.plan import SLOTS
from allocator.rules.policy import Edge, Limit, LimitMeasure, Policy, ResetBy, Stretch, StretchMeasure
from tests.days.build import (
    NINE,
    WORK_DATE,
    Day,
    Row,
    auditor,
    calibration,
    escalation,
    instance,
    policy,
    sample,
)

Retold = Callable[[pl.DataFrame], pl.DataFrame]
EVERYONE: frozenset[str] = frozenset()


def _as_it_is(slots: pl.DataFrame) -> pl.DataFrame:
    return slots


@dataclass(frozen=True, slots=True)
class Temptation:
    """`lax` is planned, its slots are retold, and judged against `strict` they break `rule` and no other."""

    rule: str
    clause: str
    strict: Instance
    lax: Instance
    retold: Retold = _as_it_is

    @property
    def name(self) -> str:
        return f"{self.rule} {self.clause}"


def _one_review(rule: str, clause: str, *, strict: dict[str, Any], lax: dict[str, Any]) -> Temptation:
    """Ada and one urgent escalation; `strict` and `lax` change one table each: ada, item or policy."""
    return Temptation(rule, clause, _day(**strict), _day(**lax))


def _day(
    *,
    ada: dict[str, Any] | None = None,
    item: dict[str, Any] | None = None,
    rules: dict[str, Any] | None = None,
    others: tuple[Row, ...] = (),
    more: tuple[Row, ...] = (),
    kind: Callable[..., Row] = escalation,
    **day: Any,
) -> Instance:
    """Ada, whom `ada` changes, with `others`; one item, which `item` changes, with `more`; a policy."""
    people = (auditor("ada", **(ada or {})), *others)
    work = (kind("e1", **(item or {})), *more)
    return instance(Day(policy=policy(**(rules or {})), auditors=people, items=work, **day))


def _twin_is_ada(slots: pl.DataFrame) -> pl.DataFrame:
    return slots.with_columns(auditor=pl.lit("ada"))


def _with_slots_of(day: Instance) -> Retold:
    """The fixed slots of this day put on top of whatever was planned without them."""
    standing = day.fixed.with_columns(label=pl.lit(None, pl.String)).select(list(SLOTS))
    return lambda slots: pl.concat([slots, standing])


def _without_item(item: str) -> Retold:
    return lambda slots: slots.filter(pl.col("item").ne_missing(item))


def _who() -> list[Temptation]:
    return [
        _one_review("H1", "language", strict={"item": {"language": "id"}}, lax={"item": {"language": "en"}}),
        _one_review(
            "H1",
            "language tag",
            strict={"ada": {"languages": ["pt"]}, "item": {"language": "pt-BR"}},
            lax={"ada": {"languages": ["pt", "pt-BR"]}, "item": {"language": "pt-BR"}},
        ),
        _one_review("H1", "market", strict={"ada": {"markets": ["US"]}}, lax={"ada": {"markets": ["*"]}}),
        _one_review("H1", "clearance", strict={"rules": {"clearances": {"hate": "special"}}}, lax={}),
        _one_review("H1", "opt-out", strict={"ada": {"opt_outs": ["hate"]}}, lax={}),
        _one_review("H1", "max_severity", strict={"ada": {"max_severity": 2}}, lax={}),
        _one_review(
            "H1", "unknown severity", strict={"item": {"severity": None}, "ada": {"max_severity": 3}}, lax={}
        ),
        _one_review("H1", "excluded", strict={"item": {"excluded": ["ada"]}}, lax={}),
        _one_review(
            "H1",
            "only",
            strict={"kind": calibration, "item": {"only": ["bo"]}},
            lax={"kind": calibration},
        ),
    ]


def _once() -> list[Temptation]:
    bo = (auditor("bo"),)
    first_hour = {"shift_end": NINE + 3600}
    both_hours = {"shift_end": NINE + 7200}
    twin = (auditor("twin", shift_start=NINE + 3600, shift_end=NINE + 7200),)
    return [
        Temptation("H2", "reviews", _day(others=bo), _day(others=bo, item={"reviews": 2})),
        Temptation(
            "H2",
            "twice by one auditor",
            _day(ada=both_hours, item={"reviews": 2}),
            _day(ada=first_hour, item={"reviews": 2}, others=twin),
            _twin_is_ada,
        ),
        Temptation(
            "H2",
            "once for each in only",
            _day(ada=both_hours, kind=calibration, item={"only": ["ada", "bo"]}),
            _day(ada=first_hour, kind=calibration, item={"only": ["ada", "twin"]}, others=twin),
            _twin_is_ada,
        ),
    ]


def _when() -> list[Temptation]:
    short = {"shift_end": NINE + 1200}
    begun = {"auditor": "ada", "kind": "work", "item": "e2", "start": NINE, "end": NINE + 600}
    meeting = {"auditor": "ada", "kind": "busy", "start": NINE + 300, "end": NINE + 3300}
    pause = {**meeting, "kind": "break"}
    in_a_row = {"stretches": (Stretch("row", measure="items", amount=1, rest=600),)}
    half_past = {"item": {"due": NINE + 1800}, "more": (escalation("e2"),), "fixed": (begun,)}
    twin = (auditor("twin"),)
    hours = (escalation("e2", seconds=3600),)
    in_the_way = [_day(now=NINE, fixed=(row,), item={"seconds": 1200}) for row in (meeting, pause)]
    return [
        _one_review(
            "H3", "its seconds", strict={"ada": short, "item": {"seconds": 1800}}, lax={"ada": short}
        ),
        _one_review("H3", "release", strict={"item": {"release": NINE + 3300}}, lax={}),
        _one_review(
            "H3",
            "rest between shifts",
            strict={"ada": {"last_end": NINE - 600}, "rules": {"rest_between_shifts": 39_600}},
            lax={"ada": {"last_end": NINE - 600}},
        ),
        _one_review(
            "H3",
            "shift start",
            strict={"item": {"due": NINE}},
            lax={"item": {"due": NINE}, "ada": {"shift_start": NINE - 3600}},
        ),
        _one_review(
            "H3",
            "shift end",
            strict={"item": {"seconds": 5400}},
            lax={"item": {"seconds": 5400}, "ada": {"shift_end": NINE + 7200}},
        ),
        _one_review(
            "H3",
            "work before now",
            strict={"item": {"due": NINE + 900}, "now": NINE + 1800},
            lax={"item": {"due": NINE + 900}},
        ),
        _one_review(
            "H3",
            "break before now",
            strict={"now": NINE + 900, "rules": in_a_row, **half_past},
            lax={"now": NINE + 600, "rules": in_a_row, **half_past},
        ),
        Temptation(
            "H3",
            "one thing at a time",
            _day(item={"seconds": 3600}, more=hours),
            _day(item={"seconds": 3600}, more=hours, others=twin),
            _twin_is_ada,
        ),
        *(
            Temptation(
                "H3",
                f"across a fixed {kind}",
                day,
                replace(day, fixed=day.fixed.clear()),
                _with_slots_of(day),
            )
            for kind, day in zip(("busy", "break"), in_the_way, strict=True)
        ),
    ]


SCOPES = {"org": "org", "market": "market:ID", "team": "team:t1", "auditor": "auditor:ada"}
ONE_REVIEW: dict[LimitMeasure, int] = {"seconds": 600, "items": 1, "dose": 30}
"""What one ten-minute review of severity 3 uses, by measure (dose: 600 s × 3 × 10 tenths / 600)."""


def _limited(limit: Limit | None, **day: Any) -> Instance:
    """Two escalations of ten minutes under at most one limit."""
    limits = () if limit is None else (limit,)
    return _day(more=(escalation("e2"),), rules={"limits": limits}, **day)


def _limit(amount: int, **changes: Any) -> Limit:
    usual: dict[str, Any] = {"scope": "org", "measure": "seconds", "window_days": 1}
    return Limit("limit", EVERYONE, 3, amount=amount, **{**usual, **changes})


def _limits() -> list[Temptation]:
    by_measure = [
        Temptation(
            "H4",
            f"{measure} {name}",
            _limited(_limit(amount, measure=measure, scope=scope)),
            _limited(None),
        )
        for measure, amount in ONE_REVIEW.items()
        for name, scope in SCOPES.items()
    ]
    seen = {
        "auditor": "ada",
        "work_date": WORK_DATE - timedelta(days=6),
        "category": "hate",
        "severity": 3,
        "modality": "image",
        "seconds": 600,
        "items": 1,
    }
    past = [
        Temptation(
            "H4",
            f"history {measure}",
            _limited(_limit(2 * amount, measure=measure, window_days=7), history=(seen,)),
            _limited(_limit(2 * amount, measure=measure, window_days=6), history=(seen,)),
        )
        for measure, amount in ONE_REVIEW.items()
    ]
    begun = {"auditor": "ada", "kind": "work", "item": "e2", "start": NINE, "end": NINE + 900}
    replanned = {"now": NINE + 600, "fixed": (begun,)}
    return [
        *by_measure,
        *past,
        Temptation(
            "H4",
            "exposure_percent",
            _limited(_limit(1200), ada={"exposure_percent": 99}),
            _limited(_limit(1200)),
        ),
        Temptation("H4", "fixed work", _limited(_limit(1499), **replanned), _limited(None, **replanned)),
        Temptation("H4", "nothing at all", _limited(_limit(0)), _limited(None)),
        Temptation(
            "H4",
            "the tightest",
            _day(
                more=(escalation("e2"),),
                rules={
                    "limits": (
                        _limit(1200),
                        replace(_limit(1199), key="tighter", categories=frozenset({"hate"})),
                    )
                },
            ),
            _limited(_limit(1200)),
        ),
    ]


ONE_STRETCH: dict[StretchMeasure, int] = {"span": 600, "seconds": 600, "items": 1}


def _stretched(stretch: Stretch | None, *, between: Row | None = None) -> Instance:
    """Two severe escalations, and something everyday if told, in a shift too short for any rest."""
    everyday = () if between is None else (between,)
    return _day(
        ada={"shift_end": NINE + 1620},
        more=(escalation("e2"), *everyday),
        rules={"stretches": () if stretch is None else (stretch,)},
    )


def _stretches() -> list[Temptation]:
    result = []
    soothing, harsh = sample("s1", severity=1, seconds=240), sample("s1", severity=2, seconds=300)
    for measure, amount in ONE_STRETCH.items():
        stretch = Stretch("row", EVERYONE, 3, measure=measure, amount=amount, rest=600)
        reset = replace(stretch, reset_by=ResetBy(max_severity=1, seconds=300))
        result += [
            Temptation("H5", measure, _stretched(stretch), _stretched(None)),
            Temptation(
                "H5",
                f"{measure} reset_by too short",
                _stretched(reset, between=soothing),
                _stretched(None, between=soothing),
            ),
            Temptation(
                "H5",
                f"{measure} reset_by too severe",
                _stretched(reset, between=harsh),
                _stretched(None, between=harsh),
            ),
        ]
    return result


def _edges() -> list[Temptation]:
    first, last = Edge("edge", EVERYONE, 3, first=3300), Edge("edge", EVERYONE, 3, last=3300)
    return [
        _one_review("H6", "first", strict={"rules": {"edges": (first,)}}, lax={}),
        _one_review("H6", "last", strict={"rules": {"edges": (last,)}}, lax={}),
    ]


def _breaks() -> list[Temptation]:
    """A policy that asks for less than a minute of rest is one that no reader accepts: only a test can."""
    two: dict[str, Any] = {"more": (escalation("e2"),)}
    half_a_minute: Policy = policy(stretches=(Stretch("row", measure="items", amount=1, rest=30),))
    short: dict[str, Any] = {"ada": {"shift_end": NINE + 1230}, **two}
    plain = _day(**short)
    resting: dict[str, Any] = {
        "rules": {"stretches": (Stretch("row", measure="items", amount=1, rest=600),)},
        **two,
    }
    return [
        Temptation("H7", "a minute at least", plain, replace(plain, policy=half_a_minute)),
        Temptation(
            "H7",
            "within the shift",
            _day(ada={"shift_end": NINE + 600}, item={"due": NINE + 600}, **resting),
            _day(ada={"shift_end": NINE + 1800}, item={"due": NINE + 600}, **resting),
            _without_item("e2"),
        ),
    ]


TEMPTATIONS: dict[str, list[Temptation]] = {
    "H1": _who(),
    "H2": _once(),
    "H3": _when(),
    "H4": _limits(),
    "H5": _stretches(),
    "H6": _edges(),
    "H7": _breaks(),
}
