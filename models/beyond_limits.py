"""Which planned reviews of one person go where more was seen, or less is allowed, than was planned with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

KINDS = ("sample", "calibration", "escalation")
"""In the order in which they go."""


@dataclass(frozen=True, slots=True, repr=False)
class Passed:
    """A window of a limit, from its first work date to its last, in which `over` too much of `use` is seen
    and reserved."""

    use: int
    first: date
    last: date
    over: int


@dataclass(frozen=True, slots=True, repr=False)
class Planned:
    """A review that has not begun; `measured` is what it holds reserved of each use."""

    slot: int
    work_date: date
    kind: str
    priority: int
    start: datetime
    measured: Mapping[int, int]

    def within(self, window: Passed) -> int:
        """What it takes of this window."""
        return self.measured.get(window.use, 0) if window.first <= self.work_date <= window.last else 0


def to_withdraw(windows: Sequence[Passed], planned: Sequence[Planned]) -> list[Planned]:
    """The fewest from the end: samples before calibrations before escalations, of these the least urgent
    first, the latest first, and only what a window that is still passed selects. In the end each window
    holds, or nothing planned is left that it selects."""
    over = [window.over for window in windows]
    gone = []
    for review in sorted(planned, key=first_to_go):
        taken = [review.within(window) for window in windows]
        if any(much > 0 and amount for much, amount in zip(over, taken, strict=True)):
            gone.append(review)
            over = [much - amount for much, amount in zip(over, taken, strict=True)]
    return gone


def first_to_go(review: Planned) -> tuple[int, int, float, int]:
    return KINDS.index(review.kind), -review.priority, -review.start.timestamp(), -review.slot
