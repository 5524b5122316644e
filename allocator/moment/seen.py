"""What the rules make of a day so far: which breaks were rests, and what lies since the last one.

Read backwards from now: a stretch asks only for what lies behind the last cut, so the walk ends there.

Where records contradict each other (two devices, clocks that differ) the reading that protects more is taken:
everything looked at counts in full, even twice over; a break is a rest only where nothing else lies over it,
and only for as much of it as has gone by; everyday work that something else lies over resets nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from allocator.moment.course import Break, Busy, Candidate, Course, Review
from allocator.rules.policy import Stretch

Interval = tuple[int, int]


@dataclass(frozen=True, slots=True, repr=False)
class Look:
    """One review that has begun, with an end (now, if it runs) that is never before its start."""

    category: str
    severity: int
    start: int
    end: int
    seconds: int
    item: str | None


@dataclass(frozen=True, slots=True, repr=False)
class Piece:
    """What one stretch selects since its last cut. `since` None: nothing.

    `everyday` is how many seconds of the work that resets it have followed one another up to now, `cut_by`
    what ended the piece before this one.
    """

    since: int | None
    until: int
    seconds: int
    items: int
    holds: frozenset[str]
    everyday: int
    cut_by: Literal["rest", "everyday"] | None

    def measure(self, stretch: Stretch, candidate: Candidate, start: int) -> int:
        """What the piece would measure with the candidate in it, from `start` on for as long as expected."""
        if stretch.measure == "items":
            return self.items + (candidate.item not in self.holds)
        if stretch.measure == "seconds":
            return self.seconds + candidate.seconds
        end = start + candidate.seconds
        return end - start if self.since is None else max(end, self.until) - min(self.since, start)


@dataclass(frozen=True, slots=True, repr=False)
class Seen:
    """A day read at one instant. `rests` are the parts of breaks over which nothing lies, `busy` what is
    still ahead; a rest that is taken next reaches back to `rest_from`, where a break runs already."""

    looks: tuple[Look, ...]
    rests: tuple[Interval, ...]
    busy: tuple[Interval, ...]
    rest_from: int
    is_resting: bool
    pieces: dict[str, Piece] = field(default_factory=dict, compare=False)
    """Those that were asked for, by the stretch's key."""

    def open_piece(self, stretch: Stretch) -> Piece:
        if stretch.key not in self.pieces:
            self.pieces[stretch.key] = self._open_piece(stretch)
        return self.pieces[stretch.key]

    def _open_piece(self, stretch: Stretch) -> Piece:
        rested = max((end for start, end in self.rests if end - start >= stretch.rest), default=None)
        cut_by: Literal["rest", "everyday"] | None = None if rested is None else "rest"
        chosen: list[Look] = []
        run = trailing = 0
        for n in range(len(self.looks) - 1, -1, -1):
            look = self.looks[n]
            if rested is not None and look.start < rested:
                break
            if stretch.selects(look.category, look.severity):
                chosen.append(look)
                run = 0
            elif stretch.reset_by is None or look.severity > stretch.reset_by.max_severity:
                run = 0
            else:
                run += self._undisturbed(n)
                if run >= stretch.reset_by.seconds:
                    cut_by = "everyday"
                    break
            if not chosen:
                trailing = run
        return _piece(chosen, trailing, cut_by)

    def _undisturbed(self, n: int) -> int:
        """The seconds of look n; none if anything else was looked at meanwhile."""
        look = self.looks[n]
        for m, other in enumerate(self.looks):
            if m != n and other.start < look.end and look.start < other.end:
                return 0
        return min(look.seconds, look.end - look.start)

    def free_from(self, instant: int, length: int) -> int:
        """The first instant from this one on at which so many seconds are free of what is ahead."""
        for start, end in self.busy:
            if start < instant + length and end > instant:
                instant = end
        return instant


def look_back(course: Course, now: int) -> Seen:
    """The day up to `now`."""
    reviews = [_look(one, now) for one in course.happened if isinstance(one, Review)]
    looks = tuple(sorted(reviews, key=lambda look: (look.start, look.end)))
    busy = [_interval(one, now) for one in course.happened if isinstance(one, Busy)]
    taken = sorted([*((look.start, look.end) for look in looks), *busy])
    rests: list[Interval] = []
    resting_since = None
    for one in course.happened:
        if isinstance(one, Break):
            runs = one.end is None or one.end > now
            end = now if one.end is None else min(one.end, now)
            parts = clear_parts(one.start, end, taken)
            rests += parts
            if runs and parts and parts[-1][1] == now:
                resting_since = min(parts[-1][0], now if resting_since is None else resting_since)
    latest = max((look.end for look in looks), default=now)
    begin = now if resting_since is None else resting_since
    return Seen(
        looks,
        tuple(rests),
        tuple(sorted((start, end) for start, end in busy if end > now)),
        rest_from=max(begin, latest),
        is_resting=resting_since is not None,
    )


def clear_parts(start: int, end: int, others: Iterable[Interval]) -> list[Interval]:
    """What is left of an interval where none of the others lies, in order."""
    parts = []
    for other_start, other_end in sorted(others):
        if other_start >= end:
            break
        if other_end > start:
            if other_start > start:
                parts.append((start, other_start))
            start = other_end
    if start < end:
        parts.append((start, end))
    return parts


def _look(review: Review, now: int) -> Look:
    start, end = _interval(review, now)
    seconds = end - start if review.seconds is None else max(0, review.seconds)
    return Look(review.category, review.severity, start, end, seconds, review.item)


def _interval(one: Review | Busy, now: int) -> Interval:
    end = max(now, one.start) if one.end is None else one.end
    return min(one.start, end), max(one.start, end)


def _piece(chosen: list[Look], everyday: int, cut_by: Literal["rest", "everyday"] | None) -> Piece:
    named = frozenset(look.item for look in chosen if look.item is not None)
    return Piece(
        since=min((look.start for look in chosen), default=None),
        until=max((look.end for look in chosen), default=0),
        seconds=sum(look.seconds for look in chosen),
        items=len(named) + sum(look.item is None for look in chosen),
        holds=named,
        everyday=everyday,
        cut_by=cut_by,
    )
