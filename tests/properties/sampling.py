"""Is what was left out left out at random? One figure that says so.

Within a stratum, if the k planned of n samples are a random draw, the sum of their handling times has mean
k·m and variance k·(n − k)/(n − 1)·v, with m and v the stratum's mean and (population) variance. Strata are
independent, so their summed deviation over the root of their summed variances is close to standard normal.
A planner that prefers short items drives it far below 0.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from math import sqrt

import polars as pl

from allocator.instance import Instance
from tests.brute_force.legality import could_take


def samples_in_reach(instance: Instance) -> pl.DataFrame:
    """The sample items that somebody could take: stratum, id, draw, seconds."""
    auditors = instance.auditors.to_dicts()
    samples = instance.items.filter(pl.col("kind") == "sample")
    reached = [any(could_take(instance, a, item) for a in auditors) for item in samples.to_dicts()]
    return samples.filter(pl.Series(reached, dtype=pl.Boolean)).select("stratum", "id", "draw", "seconds")


def handling_time_z(planned: Iterable[tuple[pl.DataFrame, Collection[str]]]) -> float:
    """The standardised deviation over all strata of several days. Each day is its samples in reach and the
    names of those planned. Handling times are taken in units of their stratum's deviation, so that strata of
    long reviews do not drown the others."""
    deviation = variance = 0.0
    for samples, names in planned:
        chosen = samples.with_columns(planned=pl.col("id").is_in(list(names)))
        for _, group in chosen.group_by("stratum"):
            seconds = group["seconds"].to_numpy().astype(float)
            taken = group["planned"].to_numpy()
            n, k, spread = len(seconds), int(taken.sum()), float(seconds.std())
            if 0 < k < n and spread > 0:
                deviation += float(((seconds[taken] - seconds.mean()) / spread).sum())
                variance += k * (n - k) / (n - 1)
    return deviation / sqrt(variance) if variance else 0.0
