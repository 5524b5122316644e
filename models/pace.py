"""How far people will have come by the time a new plan can be in force, going by how they work today.

A plan that is made while people work begins a little later than now (`horizon_seconds`). What somebody has
begun, and what they will come to before that, stands; the rest may be planned anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil

SHORTEST_HORIZON = 120
LONGEST_HORIZON = 1800
UNKNOWN_HORIZON = 300
"""Seconds, where no plan of the date was made before and nobody knows how long that takes."""


def horizon_seconds(making: float | None) -> int:
    """How long before it can be in force a plan begins to be made, in seconds; `making` is how long the plan
    before took from its first read to its publication. Half as much again, and a minute."""
    if making is None:
        return UNKNOWN_HORIZON
    return min(LONGEST_HORIZON, max(SHORTEST_HORIZON, ceil(making * 1.5) + 60))


@dataclass(frozen=True, slots=True)
class Begun:
    """Something that somebody has begun, in seconds since 1970. `ended` is None while it runs.

    `looked` are the seconds that a review was on the screen up to now, not all at a stretch if `is_in_parts`;
    `longest_pause` the longest time in one piece that its person took off; `planned` how long it should take.
    """

    is_work: bool
    started: int
    ended: int | None
    is_in_parts: bool
    looked: int
    longest_pause: int
    planned: int


@dataclass(frozen=True, slots=True)
class Ahead:
    """A slot that is planned. `release`: nobody begins it earlier, whatever their pace."""

    slot: int
    start: int
    end: int
    release: int | None


@dataclass(frozen=True, slots=True)
class Interval:
    start: int
    end: int


def as_it_went(begun: Begun, now: int, shortest_break: int) -> tuple[Interval | None, Interval]:
    """What began as one break and one interval after it, the break only where a review was paused.

    The rule book knows a review in one piece alone. So its parts are pushed together until its end, real or
    expected, and the longest pause stands before them: no more rest than there was, and as much work since
    the last rest as there was at most. The plan may then be a little stricter than the day; never laxer.
    """
    if begun.ended is not None:
        end = max(begun.started + 1, begun.ended)
        length = max(1, begun.looked) if begun.is_in_parts else end - begun.started
    elif begun.is_in_parts:  # what is paused now goes on at once
        end = now + max(1, begun.planned - begun.looked)
        length = begun.looked + end - now
    else:
        end = max(begun.started + begun.planned, now + 1)
        length = end - begun.started
    piece = Interval(end - length, end)
    if begun.is_work and begun.longest_pause >= shortest_break:
        return Interval(piece.start - begun.longest_pause, piece.start), piece
    return None, piece


def come_to(
    free_from: int, early: int, ahead: Iterable[Ahead], begins: int
) -> Iterator[tuple[int, Interval]]:
    """When somebody will come to what is planned for them next, in their order: the slots that they will have
    begun by `begins`. The first that they will not, and all after it, go back to be planned.

    `free_from` is when they are through with what runs, or now; `early` how many seconds they are ahead of
    their plan. Who is late is not thought to catch up, who is early not to slow down.
    """
    clock = free_from
    for slot in ahead:
        start = max(clock, slot.start - early, slot.release or 0)
        if start >= begins:
            return
        clock = start + slot.end - slot.start
        yield slot.slot, Interval(start, clock)
