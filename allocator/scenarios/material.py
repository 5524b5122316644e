"""What the material looks like: how often each category comes, how severe, as what, and how long it takes.

Shares of categories follow one platform's published removals; handling times rest on first reviews of 25 to
36 s for a short video and 150 s for extremism, of which an audit takes two to four times as long, and on
180 to 420 s for a live clip. The tables of severity and modality are assumptions.
"""

from __future__ import annotations

import numpy as np

from allocator.rules.policy import MODALITIES, Policy
from allocator.scenarios.chance import Floats, Ints

# Share of items; weights of severity 0 to 4; handling time against the usual.
CATEGORIES: dict[str, tuple[float, tuple[float, float, float, float, float], float]] = {
    "adult": (31.0, (0.50, 0.25, 0.17, 0.077, 0.003), 0.9),
    "child-safety": (22.3, (0.36, 0.22, 0.20, 0.20, 0.02), 1.05),
    "illegal-goods": (19.6, (0.50, 0.28, 0.17, 0.048, 0.002), 1.2),
    "self-harm": (13.4, (0.36, 0.22, 0.20, 0.205, 0.015), 1.0),
    "violence": (8.7, (0.30, 0.22, 0.20, 0.25, 0.03), 0.95),
    "bullying": (2.5, (0.45, 0.33, 0.18, 0.038, 0.002), 1.15),
    "animal-harm": (1.0, (0.30, 0.25, 0.20, 0.22, 0.03), 0.95),
    "hate": (0.8, (0.35, 0.30, 0.22, 0.12, 0.01), 1.2),
    "extremism": (0.3, (0.10, 0.20, 0.25, 0.35, 0.10), 2.4),
}
UNHEARD_OF = (1.0, (0.45, 0.25, 0.18, 0.11, 0.01), 1.0)
"""For a category that the policy names and the table does not."""

# Weights of text, image, audio, video, live, by severity: what is severe is rarely still live.
MODALITY_BY_SEVERITY = np.array(
    [
        [0.15, 0.15, 0.03, 0.29, 0.38],
        [0.19, 0.19, 0.04, 0.33, 0.25],
        [0.24, 0.24, 0.04, 0.33, 0.15],
        [0.30, 0.32, 0.05, 0.27, 0.06],
        [0.28, 0.39, 0.05, 0.25, 0.03],
    ]
)
LIVE = MODALITIES.index("live")
SECONDS = np.array([105.0, 110.0, 150.0, 165.0, 290.0])
"""Median handling time of one review by modality."""
SPREAD = np.array([0.45, 0.45, 0.45, 0.45, 0.20])
"""Standard deviation of its logarithm."""
SLOWER_BY_SEVERITY = np.array([0.85, 1.0, 1.1, 1.3, 1.4])
SHORTEST, LONGEST = 20, 1200
"""Seconds. A single review never fills a whole stretch between rests."""


def category_names(policy: Policy) -> tuple[str, ...]:
    """The policy's categories, or all that are known here where it names none."""
    return policy.categories or tuple(CATEGORIES)


def category_shares(names: tuple[str, ...]) -> Floats:
    return np.array([CATEGORIES.get(name, UNHEARD_OF)[0] for name in names])


def severity_weights(names: tuple[str, ...]) -> Floats:
    """Shape (categories, 5)."""
    return np.array([CATEGORIES.get(name, UNHEARD_OF)[1] for name in names])


def handling_seconds(
    names: tuple[str, ...], category: Ints, severity: Ints, modality: Ints, z: Floats, factor: float
) -> Floats:
    """Lognormal handling times from standard normal `z`, times `factor`; a live clip takes its own time
    whatever it shows and whatever the factor."""
    slower = np.array([CATEGORIES.get(name, UNHEARD_OF)[2] for name in names])[category]
    slower = np.where(modality == LIVE, 1.0, slower * SLOWER_BY_SEVERITY[severity] * factor)
    seconds = SECONDS[modality] * slower * np.exp(SPREAD[modality] * z)
    return np.asarray(np.clip(seconds, SHORTEST, LONGEST), dtype=np.float64)
