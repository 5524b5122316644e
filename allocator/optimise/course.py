"""One person's day as it unfolds: where the clock stands and how far every stretch has run.

A course only ever moves forward. It is asked "may this review start now?" and told "it did" or "a break of
so long was taken". Fixed slots come into it by themselves when the clock reaches them.

Where fixed slots overlap each other, a fixed break over which fixed work lies is not counted as a rest: no
reading of H5 is stricter than that, so what is planned behind it holds under all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from allocator.optimise.day import NEVER, Day, FixedSlot
from allocator.rules.policy import Stretch


@dataclass(frozen=True, slots=True)
class Demands:
    """What the stretches ask of one class, by number of the stretch.

    `spans`, `sums` and `counts` hold (stretch, amount) for those that select it; `resets` holds
    (stretch, seconds) where it is everyday work that may reset; `interrupts` those whose row of everyday
    work it breaks.
    """

    spans: tuple[tuple[int, int], ...]
    sums: tuple[tuple[int, int], ...]
    counts: tuple[tuple[int, int], ...]
    resets: tuple[tuple[int, int], ...]
    interrupts: tuple[int, ...]


def demands_by_class(day: Day) -> list[Demands]:
    stretches = day.policy.stretches
    found = []
    for k in range(len(day.classes)):
        chosen = [(r, s) for r, s in enumerate(stretches) if day.classes.stretch[k, r]]
        others = [(r, s) for r, s in enumerate(stretches) if not day.classes.stretch[k, r] and s.reset_by]
        severity = day.classes.severity[k]
        found.append(
            Demands(
                spans=tuple((r, s.amount) for r, s in chosen if s.measure == "span"),
                sums=tuple((r, s.amount) for r, s in chosen if s.measure == "seconds"),
                counts=tuple((r, s.amount) for r, s in chosen if s.measure == "items"),
                resets=tuple(
                    (r, s.reset_by.seconds)
                    for r, s in others
                    if s.reset_by and severity <= s.reset_by.max_severity
                ),
                interrupts=tuple(r for r, s in others if s.reset_by and severity > s.reset_by.max_severity),
            )
        )
    return found


class Course:
    """The state of one auditor's day at instant `clock`.

    For stretch r: `since[r]` the start of its first selected review since the last cut (-1: none),
    `total[r]` their seconds, `number[r]` their number, `everyday[r]` the seconds of everyday work in a row.
    """

    __slots__ = ("barriers", "clock", "everyday", "next_barrier", "number", "rests", "since", "total")

    def __init__(self, day: Day, a: int, demands: list[Demands]) -> None:
        size = len(day.policy.stretches)
        self.since = [-1] * size
        self.total = [0] * size
        self.number = [0] * size
        self.everyday = [0] * size
        self.rests = [s.rest for s in day.policy.stretches]
        self.clock = int(day.open_from[a])
        self.barriers: list[tuple[int, int, bool]] = []
        self.next_barrier = 0
        if day.fixed[a]:
            self._replay(day, day.fixed[a], demands)

    def _replay(self, day: Day, fixed: list[FixedSlot], demands: list[Demands]) -> None:
        """Fixed work has started before `now`, so it lies before everything that is still to be planned."""
        work = [slot for slot in fixed if slot.kind == "work"]
        rests = [
            slot
            for slot in fixed
            if slot.kind == "break" and not any(w.start < slot.end and slot.start < w.end for w in work)
        ]
        past = sorted(
            [*work, *(slot for slot in rests if slot.start < self.clock)], key=lambda s: (s.start, s.end)
        )
        for slot in past:
            if slot.kind == "work":
                self._saw(demands[int(day.item_class[slot.item])], slot.start, slot.end)
            else:
                self._rested(slot.end - slot.start)
        ahead = {id(slot) for slot in rests if slot.start >= self.clock}
        self.barriers = [(slot.start, slot.end, id(slot) in ahead) for slot in fixed if slot.end > self.clock]

    def copy(self) -> Course:
        twin = Course.__new__(Course)
        twin.since = self.since[:]
        twin.total = self.total[:]
        twin.number = self.number[:]
        twin.everyday = self.everyday[:]
        twin.rests = self.rests
        twin.clock = self.clock
        twin.barriers = self.barriers
        twin.next_barrier = self.next_barrier
        return twin

    def reach(self, instant: int) -> None:
        """Let the clock move to `instant` at the least, over every fixed slot that has begun by then."""
        if instant > self.clock:
            self.clock = instant
        while self.next_barrier < len(self.barriers):
            start, end, is_rest = self.barriers[self.next_barrier]
            if start > self.clock:
                return
            if is_rest:
                self._rested(end - start)
            if end > self.clock:
                self.clock = end
            self.next_barrier += 1

    def free_until(self) -> int:
        """The next instant at which something stands in the way."""
        if self.next_barrier < len(self.barriers):
            return self.barriers[self.next_barrier][0]
        return NEVER

    def blocked_by(self, asked: Demands, seconds: int) -> int:
        """The first stretch that a review of `seconds`, started now, would pass; -1: none."""
        end = self.clock + seconds
        for r, amount in asked.spans:
            since = self.since[r]
            if (end - since if since >= 0 else seconds) > amount:
                return r
        for r, amount in asked.sums:
            if self.total[r] + seconds > amount:
                return r
        for r, amount in asked.counts:
            if self.number[r] >= amount:
                return r
        return -1

    def review(self, asked: Demands, seconds: int) -> None:
        start = self.clock
        self._saw(asked, start, start + seconds)
        self.clock = start + seconds
        if self.next_barrier < len(self.barriers):
            self.reach(self.clock)

    def rest(self, seconds: int) -> None:
        self._rested(seconds)
        self.clock += seconds
        if self.next_barrier < len(self.barriers):
            self.reach(self.clock)

    def _saw(self, asked: Demands, start: int, end: int) -> None:
        seconds = end - start
        for group in (asked.spans, asked.sums, asked.counts):
            for r, _ in group:
                if self.since[r] < 0:
                    self.since[r] = start
                self.total[r] += seconds
                self.number[r] += 1
                self.everyday[r] = 0
        for r, needed in asked.resets:
            self.everyday[r] += seconds
            if self.everyday[r] >= needed:
                self._cut(r)
        for r in asked.interrupts:
            self.everyday[r] = 0

    def _rested(self, seconds: int) -> None:
        for r, rest in enumerate(self.rests):
            if seconds >= rest:
                self._cut(r)

    def _cut(self, r: int) -> None:
        self.since[r] = -1
        self.total[r] = 0
        self.number[r] = 0


def stretch_label(stretches: tuple[Stretch, ...], asked_for: int) -> str:
    """What a break is called: `meal` if the longest rest that all work asks for (where there are several)
    made it necessary, `recovery` if some of the work did, else `short`."""
    if asked_for < 0:
        return "short"
    rule = stretches[asked_for]
    if not rule.selects_everything:
        return "recovery"
    general = sorted({s.rest for s in stretches if s.selects_everything})
    return "meal" if len(general) > 1 and rule.rest == general[-1] else "short"
