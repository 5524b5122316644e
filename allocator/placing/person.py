"""What the decision is made of: the review that is wanted, and people's days.

Instants are whole seconds since 1970, durations seconds. What holds people's exposure has no representation
that could end up in a log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["sample", "escalation", "calibration"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The review to be placed. `release` and `due` as in the rule book; None: none."""

    category: str
    severity: int
    seconds: int
    priority: int
    release: int | None = None
    due: int | None = None

    def is_late(self, end: int) -> bool:
        return self.due is not None and end > self.due


@dataclass(frozen=True, slots=True, repr=False)
class Stands:
    """Something that is not moved: a part of work or of a break that has begun, or busy time. What still runs
    ends when it is expected to."""

    kind: Literal["work", "break", "busy"]
    start: int
    end: int
    category: str = ""
    severity: int = 0


@dataclass(frozen=True, slots=True, repr=False)
class Planned:
    """A review or a break that is planned and has not begun; `slot` is its number.

    Of samples, `behind` is how many samples of its stratum are seen that were drawn later: so many would be
    inversions if this one were left out. `frees` is what leaving it out would free of each of the person's
    limits, in the order of `Person.room`.
    """

    slot: int
    kind: Literal["work", "break"]
    start: int
    end: int
    category: str = ""
    severity: int = 0
    item_kind: Kind = "sample"
    priority: int = 4
    release: int | None = None
    due: int | None = None
    behind: int = 0
    frees: tuple[int, ...] = ()

    @property
    def seconds(self) -> int:
        return self.end - self.start

    def outranks(self, wanted: Wanted) -> bool:
        """Whether it is an escalation (or a calibration, which counts as one of priority 4) that must not
        suffer for the one that is wanted."""
        return self.item_kind != "sample" and self.priority <= wanted.priority


@dataclass(frozen=True, slots=True, repr=False)
class Room:
    """Of one limit that selects the wanted review: what it allows, what is left of it in the fullest window,
    and what the review adds."""

    allowed: int
    left: int
    adds: int


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """Somebody who may take the review (H1, H2), and their day.

    The shift is when they are really there; `work_from` is when the rest between shifts is over.
    """

    auditor: str
    shift_start: int
    shift_end: int
    work_from: int
    stands: tuple[Stands, ...]
    planned: tuple[Planned, ...]
    room: tuple[Room, ...]

    @property
    def spare(self) -> float:
        """What share would still be left of the limit that would be fullest: whoever has most is chosen."""
        return min(((one.left - one.adds) / max(1, one.allowed) for one in self.room), default=1.0)


@dataclass(frozen=True, slots=True)
class Shifted:
    """A slot and its new times."""

    slot: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the review goes. `rest` is a break that comes right before it (start, end, label), if one is
    needed. `moved` are all slots whose times change, also those that only follow the person's real pace;
    `dropped` those that are taken out of the plan. `out_of_reach` are planned slots that the day as it went
    leaves no legal place for; they stay as they are and nothing was made of them."""

    auditor: str
    start: int
    end: int
    late: bool
    rest: tuple[int, int, str] | None
    moved: tuple[Shifted, ...]
    dropped: tuple[int, ...]
    out_of_reach: tuple[int, ...]
