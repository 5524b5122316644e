"""What the simulator itself told the product, and what follows from that: which exposure must be on record.

Nothing here asks the product what it counted. Of its rows only what it reserved is used, since a lease is
what is reserved; what that may be is checked elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

from tests.live.rows import Item, Material

Interval = tuple[int, int]


Record = tuple[str, str, int, str, int, int]
"""Post or incident, category, severity, modality, seconds, items."""


@dataclass(slots=True)
class Said:
    """What a person said of a review's end; `seconds` None: nothing."""

    seconds: int | None = None
    category: str | None = None
    severity: int | None = None
    modality: str | None = None


@dataclass(slots=True)
class Review:
    """One review as it was lived: when its person said that it began, paused, went on, was on the screen."""

    slot: int
    auditor: str
    work_date: date
    item: str
    started: int
    pauses: list[Interval] = field(default_factory=list)
    """Those that are over."""
    silences: list[Interval] = field(default_factory=list)
    """After a lease had run out, until something was heard again."""
    paused: int | None = None
    latest: int = 0
    """When something was last said of it; a clock that is behind is not believed."""
    beaten: int = 0
    """Seconds looked at until the last time its person's program said so."""

    def active(self, at: int) -> int:
        """Seconds looked at until then."""
        end = at if self.paused is None else min(at, self.paused)
        gone = 0
        reached = self.started
        for lower, upper in sorted((*self.pauses, *self.silences)):
            lower, upper = max(lower, reached), min(upper, end)
            if upper > lower:
                gone += upper - lower
                reached = upper
        return max(0, end - self.started - gone)

    def heard(self, at: int) -> int:
        self.latest = max(self.latest, self.started, at)
        return self.latest

    def beat(self, at: int, leased_until: int | None) -> None:
        """It is on the screen; where that was said too late, the time since the lease ran out was silence."""
        at = self.heard(at)
        self.fall_silent(at, leased_until)
        self.beaten = max(self.beaten, self.active(at))

    def fall_silent(self, at: int, leased_until: int | None) -> None:
        if self.paused is None and leased_until is not None and at > leased_until:
            self.silences.append((leased_until, at))

    def pause(self, at: int, leased_until: int | None) -> None:
        at = self.heard(at)
        self.beat(at, leased_until)
        self.paused = at

    def resume(self, at: int) -> None:
        if self.paused is not None:
            self.pauses.append((self.paused, self.heard(at)))
            self.paused = None

    def rested(self) -> list[tuple[int, int | None]]:
        """Its pauses, the last perhaps still open, without empty ones and with adjoining ones as one."""
        found: list[tuple[int, int | None]] = []
        last = [] if self.paused is None else [(self.paused, None)]
        for lower, upper in [*sorted(self.pauses), *last]:
            if upper is not None and upper <= lower:
                continue
            if found and found[-1][1] is not None and lower <= found[-1][1]:
                found[-1] = (found[-1][0], None if upper is None else max(upper, found[-1][1]))
            else:
                found.append((lower, upper))
        return found

    def counted(self, at: int, leased: int, said: Said | None, ends_by_person: bool) -> int:
        """The seconds that must be on record when it ends then, with so much reserved for it.

        What its person says, or what was heard of it if that is more; and all of the lease once that is used
        up. Where nothing is said: what went by, but no more than the lease."""
        active = self.active(at)
        if ends_by_person and said is not None and said.seconds is not None:
            return max(said.seconds, self.beaten, leased if active >= leased else 0)
        return max(min(active, leased), self.beaten)


@dataclass(slots=True)
class Told:
    """`seen` is what must be on record as seen, in seconds and items; `reviews` those that run, by slot."""

    reviews: dict[int, Review] = field(default_factory=dict)
    seen: dict[Material, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    records: dict[int, list[Record]] = field(default_factory=dict)
    most: dict[int, int] = field(default_factory=dict)
    """The most that has counted so far of a review that its person spoke of later."""
    """What must be on record of each review that has ended, in order."""
    completed: dict[int, tuple[str, str | None, str | None]] = field(default_factory=dict)
    """What was found, by slot: every completion that was accepted."""
    accepted: dict[str, int] = field(default_factory=dict)
    """Items that were loaded or escalated, and how many reviews each wants."""
    only: dict[str, tuple[str, ...]] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)

    def saw(self, material: Material, seconds: int, items: int) -> None:
        self.seen[material][0] += seconds
        self.seen[material][1] += items

    def ended(self, review: Review, item: Item, seconds: int, said: Said | None) -> None:
        """A review is over: what it showed is to be on record."""
        del self.reviews[review.slot]
        self.records[review.slot] = []
        self._record(review.slot, review.auditor, review.work_date, item, said or Said(), seconds, 1)

    def said_later(self, slot: int, auditor: str, on: date, item: Item, said: Said) -> None:
        """Its person says what they saw of a review that had ended without a word of theirs. What is on
        record stays; what is more, or worse, comes on top."""
        known = self.records[slot]
        shown = _shown(item, said)
        seconds = max(said.seconds or 0, known[0][4], self.most.get(slot, 0))
        self.most[slot] = seconds
        as_bad = [
            have
            for _, category, severity, modality, have, _ in known
            if (category, modality) == (shown[0], shown[2]) and severity >= shown[1]
        ]
        more = max(0, seconds - sum(as_bad))
        if more or not as_bad:
            self._record(slot, auditor, on, item, said, more, 0 if as_bad else 1)

    def _record(
        self, slot: int, auditor: str, on: date, item: Item, said: Said, seconds: int, items: int
    ) -> None:
        shown = _shown(item, said)
        entry = "incident" if shown[1] > item.severity else "post"
        self.records[slot].append((entry, *shown, seconds, items))
        self.saw((auditor, on, *shown), seconds, items)


def _shown(item: Item, said: Said) -> tuple[str, int, str]:
    return (
        item.category if said.category is None else said.category,
        item.severity if said.severity is None else said.severity,
        item.modality if said.modality is None else said.modality,
    )
