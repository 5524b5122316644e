"""A policy drawn anywhere in what the rule book allows: odd amounts and windows, rules that forbid all."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from random import Random

from allocator.rules.policy import (
    LIMIT_MEASURES,
    MODALITIES,
    STRETCH_MEASURES,
    Dose,
    Edge,
    Limit,
    Policy,
    ResetBy,
    Stretch,
)

LIMIT_AMOUNTS = {
    "seconds": (0, 1, 299, 900, 3600, 7200, 14_400, 90_000),
    "items": (0, 1, 2, 3, 7, 20, 60, 400),
    "dose": (0, 1, 7, 40, 200, 760, 3600),
}
STRETCH_AMOUNTS = {
    "span": (0, 1, 59, 420, 1800, 3000, 3001, 7200, 14_400),
    "seconds": (0, 1, 61, 500, 1800, 3000, 5400, 14_400),
    "items": (0, 1, 2, 3, 5, 12),
}
USUAL_BANDS = (
    (Fraction(1, 10), Fraction(16)),
    (Fraction(2, 5), Fraction(4)),
    (Fraction(3, 10), Fraction(2)),
    (Fraction(1, 5), Fraction(1)),
)
BANDS = (
    ((Fraction(1), Fraction(1)),),
    USUAL_BANDS,
    ((Fraction(1, 4), Fraction(5, 2)), (Fraction(1, 2), Fraction(5, 2)), (Fraction(1, 4), Fraction(0))),
    ((Fraction(333, 1000), Fraction(301, 100)), (Fraction(667, 1000), Fraction(1, 100))),
)
"""Coverage bands: flat, the usual four, two alike and one worth nothing, and long decimals."""


def random_policy(rng: Random, *, categories: Sequence[str], scopes: Sequence[str]) -> Policy:
    """Any policy over these categories, with limits of these scopes. Three in four amounts are large enough
    to leave work to do; the fourth may forbid what it selects."""
    weights = sorted((Fraction(rng.choice((0, 1, 5, 25, 100, 1000, 333))) for _ in range(4)), reverse=True)
    if rng.random() < 0.3:
        weights = [weight / 8 for weight in weights]
    if rng.random() < 0.1:
        rng.shuffle(weights)
    known = rng.random() < 0.7
    return Policy(
        severe_from=rng.randint(1, 4),
        categories=tuple(categories) if known else None,
        dose=_dose(rng),
        clearances={category: category for category in categories if rng.random() < 0.25},
        rest_between_shifts=rng.choice((0, 0, 39_600, 28_801)),
        limits=tuple(
            _limit(rng, f"limit-{n}", categories, scopes) for n in range(rng.choice((0, 1, 2, 3, 4, 6)))
        ),
        stretches=tuple(
            _stretch(rng, f"stretch-{n}", categories) for n in range(rng.choice((0, 1, 2, 3, 5)))
        ),
        edges=tuple(_edge(rng, f"edge-{n}", categories) for n in range(rng.choice((0, 0, 1, 2)))),
        escalation_weights=dict(zip((1, 2, 3, 4), weights, strict=True)),
        coverage_bands=rng.choice(BANDS),
    )


def _dose(rng: Random) -> Dose:
    if rng.random() < 0.4:
        tenths = {"text": 5, "image": 10, "audio": 10, "video": 15, "live": 20}
        return Dose((0, 1, 2, 5, 10), tenths)
    a, b, c, d, e = sorted(rng.choice((0, 0, 1, 2, 3, 8)) for _ in range(5))
    return Dose((a, b, c, d, e), {modality: rng.choice((0, 5, 10, 13, 20)) for modality in MODALITIES})


def _selection(rng: Random, categories: Sequence[str]) -> tuple[frozenset[str], int]:
    """Everything for one rule in four; else some categories, some severities, or both."""
    if rng.random() < 0.25:
        return frozenset(), 0
    some = frozenset(rng.sample(list(categories), rng.randint(1, len(categories))))
    return rng.choice((frozenset(), some)), rng.choice((0, 1, 2, 2, 3, 3, 4))


def _amount(rng: Random, amounts: Sequence[int]) -> int:
    roomy = amounts[len(amounts) // 2 :]
    return rng.choice(roomy if rng.random() < 0.75 else amounts)


def _limit(rng: Random, key: str, categories: Sequence[str], scopes: Sequence[str]) -> Limit:
    measure = rng.choice(LIMIT_MEASURES)
    window = rng.choice((1, 1, 1, 2, 3, 7, 7, 14, 28))
    chosen, severity = _selection(rng, categories)
    amount = _amount(rng, LIMIT_AMOUNTS[measure]) * rng.choice((1, 1, window))
    return Limit(
        key,
        chosen,
        severity,
        scope=rng.choice(("org", "org", *scopes)),
        measure=measure,  # type: ignore[arg-type]
        window_days=window,
        amount=amount,
        ceiling=amount * 2 if rng.random() < 0.2 else None,
        reason="drawn" if rng.random() < 0.2 else None,
    )


def _stretch(rng: Random, key: str, categories: Sequence[str]) -> Stretch:
    measure = rng.choice(STRETCH_MEASURES)
    chosen, severity = _selection(rng, categories)
    reset = ResetBy(rng.randint(0, 4), rng.choice((1, 60, 120, 600))) if rng.random() < 0.35 else None
    return Stretch(
        key,
        chosen,
        severity,
        measure=measure,  # type: ignore[arg-type]
        amount=_amount(rng, STRETCH_AMOUNTS[measure]),
        rest=rng.choice((60, 61, 300, 600, 900, 1800)),
        reset_by=reset,
    )


def _edge(rng: Random, key: str, categories: Sequence[str]) -> Edge:
    chosen, severity = _selection(rng, categories)
    seconds = (0, 0, 60, 900, 2700, 40_000 if rng.random() < 0.1 else 1800)
    return Edge(key, chosen, severity, first=rng.choice(seconds), last=rng.choice(seconds))
