"""Sums and products of whole numbers that are never rounded.

Arrays hold int64 wherever the result is sure to fit, and Python's own integers (dtype object) otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Exact = npt.NDArray[Any]
"""int64, or Python integers as objects."""

BEYOND = 2**62
"""Larger than any instant, sum of seconds or amount that can matter; two of them still fit in int64."""
LONG = 2**40
"""Seconds. Far longer than any shift: longer durations may be cut to it before they are compared."""


def largest(values: Exact) -> int:
    """The greatest absolute value, 0 for none."""
    return max(int(values.max()), -int(values.min())) if values.size else 0


def exact_array(values: Sequence[int]) -> Exact:
    """int64 where every value is within ±BEYOND, else objects."""
    small = all(-BEYOND <= value <= BEYOND for value in values)
    return np.array(values, dtype=np.int64 if small else object)


def product(left: Exact, right: Exact) -> Exact:
    """left × right, element by element."""
    if largest(left) * largest(right) < BEYOND:
        return left * right
    result: Exact = left.astype(object) * right.astype(object)
    return result


def group_sums(groups: Ints, values: Exact, size: int) -> Exact:
    """sums[g] = Σ values where groups == g, for g in 0 .. size − 1."""
    # A quarter of the room, so that a few such sums can be added up.
    fits = values.dtype != object and largest(values) * max(1, values.size) < BEYOND // 4
    sums: Exact = np.zeros(size, dtype=np.int64 if fits else object)
    np.add.at(sums, groups, values)
    return sums


def total(values: Exact) -> int:
    """Σ values, as a Python integer."""
    if values.dtype != object and largest(values) * max(1, values.size) < BEYOND:
        return int(values.sum())
    return sum(int(value) for value in values)


def cut(value: int, most: int = BEYOND) -> int:
    """The value, brought within ±most."""
    return max(-most, min(most, value))
