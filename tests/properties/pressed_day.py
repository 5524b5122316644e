"""A day with three times more to see than time to see it: the planner must leave most samples out."""

from __future__ import annotations

from random import Random

from allocator.instance import Instance
from allocator.rules.policy import MODALITIES, Limit, Stretch
from tests.days.build import NINE, Day, Row, auditor, escalation, instance, policy
from tests.days.random_policy import USUAL_BANDS

MARKETS = ("ID", "US", "DE")
CATEGORIES = ("adult", "hate", "violence", "self-harm")


def pressed_day(seed: int, *, people: int = 4, samples: int = 1000) -> Instance:
    """`people` on six-hour shifts and `samples` samples of widely different length (the longest take twenty
    times the shortest) in about thirty strata, with a screen break, a limit on severe work and a few
    escalations. Draw order and handling time have nothing to do with each other."""
    rng = Random(seed)
    rules = policy(
        limits=(Limit("severe", frozenset(), 3, scope="org", measure="seconds", window_days=1, amount=4000),),
        stretches=(Stretch("screen", measure="span", amount=3000, rest=600),),
        coverage_bands=USUAL_BANDS,
    )
    team = [
        auditor(
            f"p{n}", shift_start=NINE, shift_end=NINE + 21_600, markets=rng.sample(MARKETS, rng.randint(2, 3))
        )
        for n in range(people)
    ]
    draws: dict[tuple[str, str, int], int] = {}
    rows = [_sample(rng, f"s{n:04}", draws) for n in range(samples)]
    urgent = [
        escalation(f"e{n}", seconds=rng.randint(60, 600), due=NINE + rng.randint(3600, 21_600))
        for n in range(8)
    ]
    mixed = [*rows, *urgent]
    rng.shuffle(mixed)
    return instance(Day(policy=rules, auditors=tuple(team), items=tuple(mixed), name=f"pressed-{seed}"))


def _sample(rng: Random, name: str, draws: dict[tuple[str, str, int], int]) -> Row:
    group = (rng.choice(MARKETS), rng.choice(CATEGORIES), rng.choice((0, 1, 3)))
    draws[group] = draws.get(group, 0) + 1
    market, category, severity = group
    return {
        "id": name,
        "kind": "sample",
        "market": market,
        "language": "en",
        "category": category,
        "severity": severity,
        "modality": rng.choice(MODALITIES),
        "seconds": min(1200, max(30, int(rng.lognormvariate(5, 0.8)))),
        "draw": draws[group],
    }
