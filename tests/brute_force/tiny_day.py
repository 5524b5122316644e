"""Random days so small that everything can be tried: one to three people, a few reviews, times on a grid."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from random import Random

from allocator.instance import Instance
from allocator.rules.policy import Dose, Edge, Limit, Policy, ResetBy, Stretch
from tests.days.build import NINE, WORK_DATE, Day, Row, instance
from tests.days.random_policy import BANDS

GRID = 300
"""Seconds. Every time of a tiny day, and of its policy, is a multiple of this."""
CATEGORIES = ("adult", "hate")


def tiny_day(seed: int, items: tuple[int, int] = (2, 6)) -> Instance:
    """A valid tiny day under a random policy, with a number of items in that range; every fourth is planned
    again in mid-shift."""
    rng = Random(seed)
    policy = _policy(rng)
    people = [_auditor(rng, name) for name in ("ada", "bo", "cy")[: rng.choice((1, 1, 2, 2, 3))]]
    work = _items(rng, rng.randint(*items), [row["id"] for row in people])
    now, fixed = _replan(rng, people, work) if rng.random() < 0.25 else (None, ())
    return instance(
        Day(
            policy=policy,
            auditors=tuple(people),
            items=tuple(work),
            history=tuple(_history(rng, people)),
            fixed=tuple(fixed),
            now=now,
            name=f"tiny-{seed}",
        )
    )


def _steps(rng: Random, low: int, high: int) -> int:
    return GRID * rng.randint(low, high)


def _selection(rng: Random) -> tuple[frozenset[str], int]:
    categories: tuple[frozenset[str], ...] = (frozenset(), frozenset(), frozenset({"hate"}))
    return rng.choice(categories), rng.choice((0, 0, 1, 2, 3))


def _policy(rng: Random) -> Policy:
    weights = rng.choice(((1000, 100, 10, 1), (8, 4, 2, 1), (3, 3, 1, 0)))
    measures = ("seconds", "items", "dose")
    limits = []
    for n in range(rng.choice((0, 1, 1, 2))):
        chosen, severity = _selection(rng)
        measure = rng.choice(measures)
        amount = {"seconds": _steps(rng, 0, 10), "items": rng.randint(0, 4), "dose": rng.randint(0, 80)}[
            measure
        ]
        scope = rng.choice(("org", "org", "market:ID", "team:t1", "auditor:ada"))
        window = rng.choice((1, 1, 3, 7))
        limits.append(
            Limit(
                f"limit-{n}",
                chosen,
                severity,
                scope=scope,
                measure=measure,  # type: ignore[arg-type]
                window_days=window,
                amount=amount,
            )
        )
    stretches = [_stretch(rng, n) for n in range(rng.choice((0, 1, 1, 2)))]
    edges = []
    if rng.random() < 0.4:
        chosen, severity = _selection(rng)
        edges.append(Edge("edge", chosen, severity, first=_steps(rng, 0, 3), last=_steps(rng, 0, 3)))
    return Policy(
        severe_from=3,
        categories=CATEGORIES,
        dose=Dose(
            rng.choice(((0, 1, 2, 5, 10), (1, 1, 1, 1, 1))),
            {"text": 5, "image": 10, "audio": 10, "video": 15, "live": 0},
        ),
        clearances={"hate": "hate"} if rng.random() < 0.2 else {},
        rest_between_shifts=_steps(rng, 0, 4),
        limits=tuple(limits),
        stretches=tuple(stretches),
        edges=tuple(edges),
        escalation_weights={n + 1: Fraction(weight) for n, weight in enumerate(weights)},
        coverage_bands=rng.choice(BANDS),
    )


def _stretch(rng: Random, n: int) -> Stretch:
    chosen, severity = _selection(rng)
    measure = rng.choice(("span", "span", "seconds", "items"))
    amount = rng.randint(1, 3) if measure == "items" else _steps(rng, 2, 8)
    reset = ResetBy(rng.randint(0, 2), _steps(rng, 1, 2)) if rng.random() < 0.4 else None
    return Stretch(
        f"stretch-{n}",
        chosen,
        severity,
        measure=measure,  # type: ignore[arg-type]
        amount=amount,
        rest=_steps(rng, 1, 3),
        reset_by=reset,
    )


def _auditor(rng: Random, name: str) -> Row:
    start = NINE + _steps(rng, 0, 6)
    row: Row = {
        "id": name,
        "team": rng.choice(("t1", "t2")),
        "home_market": rng.choice(("ID", "US")),
        "timezone": "UTC",
        "languages": rng.choice((["en"], ["en"], ["en", "id"])),
        "markets": ["*"],
        "clearances": rng.choice(([], ["hate"])),
        "shift_start": start,
        "shift_end": start + _steps(rng, 4, 18),
        "max_severity": rng.choice((4, 4, 4, 2)),
        "exposure_percent": rng.choice((100, 100, 50)),
    }
    if rng.random() < 0.3:
        row["last_end"] = start - _steps(rng, 0, 3)
    if rng.random() < 0.1:
        row["opt_outs"] = ["hate"]
    return row


def _items(rng: Random, number: int, names: list[str]) -> list[Row]:
    rows: list[Row] = []
    draws: dict[tuple[object, ...], int] = {}
    for n in range(number):
        kind = rng.choice(
            ("sample", "sample", "escalation", "calibration" if rng.random() < 0.4 else "sample")
        )
        row: Row = {
            "id": f"i{n}",
            "kind": kind,
            "market": "ID",
            "language": rng.choice(("en", "en", "en", "id")),
            "category": rng.choice(CATEGORIES),
            "severity": rng.choice((0, 1, 2, 3, 4)),
            "modality": rng.choice(("text", "image", "video", "live")),
            "seconds": _steps(rng, 1, 5),
        }
        if rng.random() < 0.15:
            row["reviews"] = 2
        if kind == "escalation":
            row["priority"] = rng.randint(1, 4)
        if rng.random() < (0.6 if kind == "escalation" else 0.1):
            row["release"] = NINE + _steps(rng, 0, 8)
        if rng.random() < (0.6 if kind == "escalation" else 0.1):
            row["due"] = row.get("release", NINE) + _steps(rng, 1, 9)
        if rng.random() < 0.1:
            row["excluded"] = [rng.choice(names)]
        if kind == "calibration" and rng.random() < 0.6:
            row["only"] = rng.sample(names, rng.randint(1, len(names)))
        if kind == "sample":
            row["severity"] = rng.choice((0, 3))
            group = (row["language"], row["category"], row["severity"])
            draws[group] = draws.get(group, 0) + 1
            row["draw"] = draws[group]
        rows.append(row)
    return rows


def _history(rng: Random, people: Sequence[Row]) -> list[Row]:
    return [
        {
            "auditor": person["id"],
            "work_date": WORK_DATE - timedelta(days=rng.randint(1, 7)),
            "category": rng.choice(CATEGORIES),
            "severity": rng.randint(0, 4),
            "modality": "image",
            "seconds": _steps(rng, 0, 6),
            "items": rng.randint(0, 2),
        }
        for person in people
        if rng.random() < 0.4
    ]


def _replan(rng: Random, people: Sequence[Row], work: Sequence[Row]) -> tuple[int, list[Row]]:
    """`now` in the first half hour, with a review that began before it and a meeting or a break after it."""
    now = NINE + _steps(rng, 1, 8)
    fixed: list[Row] = []
    for person in people:
        begun = person["shift_start"]
        if begun < now and rng.random() < 0.7:
            item = rng.choice(work)
            end = begun + item["seconds"] + GRID * rng.choice((0, 0, 1))
            fixed.append(
                {"auditor": person["id"], "kind": "work", "item": item["id"], "start": begun, "end": end}
            )
            begun = end
        if rng.random() < 0.5:
            start = max(begun, now) + _steps(rng, 0, 4)
            kind = rng.choice(("busy", "break"))
            fixed.append(
                {"auditor": person["id"], "kind": kind, "start": start, "end": start + _steps(rng, 1, 2)}
            )
    return now, fixed
