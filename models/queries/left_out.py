"""Why work was left out, told so that nobody is singled out.

A plan counts for each item who cannot take it and why. `protected` (opt-outs, a person's ceiling, limits) is
nobody's business, and a figure of few people, read beside what everybody knows of shifts and languages, says
who they are. What a lead is told differs from the plan's own counts in two ways:

- `shift` and `capacity` are one figure, `no-time`. Somebody who is protected and off shift counts as
  protected; whoever knows the shifts could subtract and tell how many of those off shift are protected.
- Where `protected` or `no-time` is fewer than eleven people, they are one figure, `not-free`. They are in a
  whole answer if they are for one item in it, or if two items in it differ by fewer than eleven protected
  people: the difference would single these out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import pairwise

from allocator.figures import REASONS, reasons_sentence
from models.queries.disclosure import FEWEST

TOLD = ("has-it", "language", "market", "clearance", "excluded", "only")
"""Told as they are: each follows from skills and from the item, and none is counted behind `protected`."""
PROTECTED = "protected"
NO_TIME = "no-time"
NOT_FREE = "not-free"
WORDS = REASONS | {
    NO_TIME: ("has no time for it", "have no time for it"),
    NOT_FREE: ("is not free for it", "are not free for it"),
}


def may_be_apart(explanations: Collection[Mapping[str, int]]) -> bool:
    """Whether `protected` and `no-time` may be told apart in an answer that explains all these."""
    values = sorted({counts.get(PROTECTED, 0) for counts in explanations})
    return (
        all(min(counts.get(PROTECTED, 0), no_time(counts)) >= FEWEST for counts in explanations)
        and all(above - below >= FEWEST for below, above in pairwise(values))
    )  # fmt: skip


def no_time(counts: Mapping[str, int]) -> int:
    return counts.get("shift", 0) + counts.get("capacity", 0)


def told(counts: Mapping[str, int], apart: bool) -> dict[str, int]:
    """A plan's `ruled_out` as a lead is told it, without zeros."""
    safe = {reason: counts.get(reason, 0) for reason in TOLD}
    if apart:
        safe[PROTECTED] = counts.get(PROTECTED, 0)
        safe[NO_TIME] = no_time(counts)
    else:
        safe[NOT_FREE] = counts.get(PROTECTED, 0) + no_time(counts)
    return {reason: number for reason, number in safe.items() if number}


def sentence(safe: Mapping[str, int], language: str, market: str) -> str:
    """What `told` gives, said to a person: "14 auditors: 5 do not speak id, 9 are not free for it."."""
    return reasons_sentence(safe, language, market, WORDS)
