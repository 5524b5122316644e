"""How much work a person's open time can hold when breaks must lie between."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from allocator.rules.policy import Stretch

Ints = npt.NDArray[np.int64]


def work_capacity(stretches: Sequence[Stretch], open_seconds: Ints) -> Ints:
    """The most work seconds in `open_seconds` (any shape) under every pair of stretches that select
    everything and measure `span` or `seconds`.

    With rests r1 <= r2 and amounts a1, a2, n rests of which m are the longer ones leave at most
    min((n+1) a1, (m+1) a2 - (n-m) r1, T - m r2 - (n-m) r1); the (n-m) r1 of the
    second term falls away where the second rule measures `seconds`, since such a stretch does not run on
    during the shorter rests.
    """
    everything = [s for s in stretches if s.selects_everything and s.measure in ("span", "seconds")]
    times, back = np.unique(open_seconds, return_inverse=True)
    best = times.copy()
    for one in everything:
        for two in everything:
            if one.rest <= two.rest:
                best = np.minimum(best, _pair(one, two, times))
    return np.maximum(best, 0)[back].reshape(open_seconds.shape)


def _pair(one: Stretch, two: Stretch, times: Ints) -> Ints:
    """For fixed n the second term never falls and the third never rises with m, so the best m lies where
    they cross."""
    best = np.full_like(times, np.iinfo(np.int64).min)
    longest = int(times.max(initial=0))
    # More than all the time there is makes no difference, and stays within 64 bits.
    a1, a2 = min(one.amount, longest), min(two.amount, longest)
    r1, r2 = min(one.rest, longest + 1), min(two.rest, longest + 1)
    lost = 0 if two.measure == "seconds" else r1
    for n in range(longest // r1 + 1):
        rests = np.int64(n * r1)
        rise = a2 + lost + r2 - r1
        crossing = (times - rests - a2 + n * lost) // rise if rise else np.zeros_like(times)
        for m in (crossing, crossing + 1):
            m = np.clip(m, 0, n)
            second = (m + 1) * a2 - (n - m) * lost
            third = times - rests - m * (r2 - r1)
            best = np.maximum(best, np.minimum((n + 1) * a1, np.minimum(second, third)))
        if (n + 1) * min(a1, a2) >= longest:
            break  # neither rule asks for more rests, and each costs time
    return best
