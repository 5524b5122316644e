"""The day as it really went, for one person up to now.

Instants are whole seconds since 1970, durations are seconds. What people were shown is nobody else's
business: what holds it has no representation that could end up in a log.
"""

from __future__ import annotations

from dataclasses import dataclass

from allocator.rules.policy import Policy


@dataclass(frozen=True, slots=True)
class Shift:
    """`last_end` is when the last work before this shift ended, `timezone` (IANA) what the sentences show."""

    start: int
    end: int
    last_end: int | None = None
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True, repr=False)
class Review:
    """Something that was looked at, as it turned out to be. `end` None: it runs.

    `seconds` is how long it was really looked at; None: from start to end. A review that was paused is given
    as its parts, one after another and with the same `item`; they count as one item.
    """

    category: str
    severity: int
    start: int
    end: int | None = None
    seconds: int | None = None
    item: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Break:
    """A break that was taken. `end` None, or later than now: it runs."""

    start: int
    end: int | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Busy:
    """A meeting or counselling: time taken and not a rest. It may lie ahead. `end` None: it lasts until its
    person begins something else."""

    start: int
    end: int | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Course:
    """What the rules say, when the shift is, and everything that has happened in it so far."""

    policy: Policy
    shift: Shift
    happened: tuple[Review | Break | Busy, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A review that might be started, as it is expected to be. `item` as in `Review`, for one that was
    paused."""

    category: str
    severity: int
    seconds: int
    release: int | None = None
    due: int | None = None
    item: str | None = None
