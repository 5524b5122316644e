"""Drawing at random, always from a generator that is handed in, so that a seed fixes a whole day."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def streams(seed: int, *purpose: int, count: int) -> list[np.random.Generator]:
    """`count` independent generators: what one part of a day draws never shifts what another part draws."""
    sequence = np.random.SeedSequence([seed, *purpose])
    return [np.random.Generator(np.random.PCG64(child)) for child in sequence.spawn(count)]


def whole_shares(shares: Floats, total: int) -> Ints:
    """Whole numbers in proportion to `shares` that add up to `total` (largest remainder)."""
    exact = shares / shares.sum() * total
    whole: Ints = np.floor(exact).astype(np.int64)
    order = np.argsort(whole - exact, kind="stable")
    whole[order[: total - int(whole.sum())]] += 1
    return whole


def dealt(rng: np.random.Generator, shares: list[float], total: int) -> Ints:
    """`total` kinds 0, 1, … in exactly these shares, in random order: small days get their share too."""
    counts = whole_shares(np.array(shares, dtype=np.float64), total)
    kinds: Ints = rng.permutation(np.repeat(np.arange(len(shares)), counts)).astype(np.int64)
    return kinds


def chosen(rng: np.random.Generator, share: float, total: int) -> Bools:
    """True for exactly `share` of `total` places (rounded), at random."""
    return np.asarray(dealt(rng, [1.0 - share, share], total) == 1, dtype=np.bool_)


def drawn_from(cumulative: Floats, uniform: Floats) -> Ints:
    """For each uniform number the kind whose part of the row's cumulative shares it falls in.

    `cumulative` has shape (..., kinds) and is matched with `uniform` of shape (...).
    """
    below = uniform[..., None] * cumulative[..., -1:] >= cumulative
    return np.asarray(below.sum(axis=-1), dtype=np.int64)
