"""Any prices give a true bound: no legal plan of a tiny day passes what the verifier computes from them."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from random import Random

import polars as pl

from allocator.instance import Instance
from allocator.plan import SLOTS, Certificate, Prices
from allocator.verify import bound_coverage, bound_escalations
from tests.brute_force.legality import binds
from tests.brute_force.optimum import optimum, value_of
from tests.brute_force.tiny_day import GRID, tiny_day

DAYS = 60
CERTIFICATES = 8


def test_no_legal_plan_passes_a_bound_whatever_the_prices() -> None:
    tight = Counter[str]()
    for seed in range(DAYS):
        rng = Random(seed)
        day = tiny_day(seed)
        best = optimum(day, GRID)
        for slots in (best.slots, _only_fixed(day)):
            least = value_of(day, slots).escalations
            for _ in range(CERTIFICATES):
                prices = _any_prices(rng, day)
                escalations = bound_escalations(day, slots, prices)
                coverage = bound_coverage(day, slots, prices)
                assert best.most_escalations() <= escalations, (seed, prices)
                assert best.most_coverage(least) <= coverage, (seed, prices)
                tight["escalations"] += _close(escalations, best.most_escalations())
                tight["coverage"] += _close(coverage, best.most_coverage(least))
    assert min(tight.values()) > DAYS, "bounds so high that nothing could ever pass them prove nothing"


def _close(bound: Fraction, reached: Fraction) -> bool:
    """The bound is within a tenth of what it bounds, and not trivially 0."""
    return 0 < bound <= reached * 11 / 10


def _only_fixed(day: Instance) -> pl.DataFrame:
    return day.fixed.with_columns(label=pl.lit(None, pl.String)).select(list(SLOTS))


def _any_prices(rng: Random, day: Instance) -> Certificate:
    scale = rng.choice((1000, 1_000_000))
    return Certificate(
        scale=scale,
        escalations=_side(rng, day, scale),
        coverage=_side(rng, day, scale),
        g1=rng.choice((0, 0, 1, scale, rng.randint(1, 10 * scale))),
    )


def _side(rng: Random, day: Instance, scale: int) -> Prices:
    """Prices of one level, from next to nothing to ten a second, for some auditors and some limits."""
    level = int(scale * 10 ** rng.uniform(-4, 1))
    time: dict[str, int] = {}
    limits: dict[str, dict[str, int]] = {}
    for auditor in day.auditors.to_dicts():
        if rng.random() < 0.7:
            time[auditor["id"]] = rng.randint(0, level)
        bound = [limit.key for limit in day.policy.limits if binds(limit, auditor)]
        limits[auditor["id"]] = {key: rng.randint(0, level) for key in bound if rng.random() < 0.5}
    return Prices(time=time, limits=limits)
