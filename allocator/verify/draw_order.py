"""Draw order: in each stratum the samples planned should be the first drawn."""

from __future__ import annotations

import numpy as np

from allocator.verify.day import Day
from allocator.verify.exact import Flags, Ints


def samples_in_reach(day: Day, takeable: Flags) -> Flags:
    """Samples that somebody could take, or with a fixed review. Shape (I,)."""
    return day.is_sample & (takeable | (day.fixed_reviews > 0))


def inversions(day: Day, reviews: Ints, takeable: Flags) -> Flags:
    """Seen samples that lie behind an unseen one of their stratum that is in reach. Shape (I,)."""
    seen = day.is_sample & (reviews > 0)
    passed_over = np.flatnonzero(samples_in_reach(day, takeable) & ~seen)
    first_gap = np.full(day.strata, np.iinfo(np.int64).max, dtype=np.int64)
    np.minimum.at(first_gap, day.stratum[passed_over], day.draw[passed_over])
    behind: Flags = np.zeros(len(day.items), dtype=bool)
    rows = np.flatnonzero(seen)
    behind[rows] = day.draw[rows] > first_gap[day.stratum[rows]]
    return behind
