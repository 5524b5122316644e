"""With whom the review goes, and when.

On time before late; then whatever harms no other escalation; then the fewest samples left out, those last
drawn before others; then the fewest reviews moved, none at all where there is a gap; then whoever has most
room; then by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from allocator.placing.person import Person, Placement, Wanted
from allocator.placing.stretches import Stretches
from allocator.placing.timeline import Arrangement, Timeline
from allocator.rules.policy import Policy

NEAR = 8
"""Places to each side of a sample that is left out at which the review is tried."""
MOST_DROPPED = 12
"""Samples that are left out one by one, next to each other, before all are tried and given back."""

Key = tuple[bool, int, int, int, int, float, int, str]
Search = Callable[[Timeline, "Best"], Iterator[Arrangement]]


@dataclass(slots=True)
class Best:
    """The best found so far."""

    wanted: Wanted
    key: Key | None = None
    timeline: Timeline | None = None
    found: Arrangement | None = None

    def offer(self, timeline: Timeline, found: Arrangement) -> None:
        key = key_of(timeline, found)
        if self.key is None or key < self.key:
            self.key, self.timeline, self.found = key, timeline, found

    @property
    def is_on_time(self) -> bool:
        return self.key is not None and not self.key[0]

    def most_moved(self) -> int:
        """Of reviews, with nothing left out, before it is no better than what is there."""
        if self.key is None or self.key[0] or self.key[1] or self.key[2]:
            return 1 << 62
        return self.key[4]


def key_of(timeline: Timeline, found: Arrangement) -> Key:
    slots = timeline.slots
    return (
        timeline.wanted.is_late(found.end),
        found.harmed,
        len(found.dropped),
        sum(slots[j].behind for j in found.dropped),
        sum(slots[j].kind == "work" for j in found.moved),
        -timeline.person.spare,
        found.start,
        timeline.person.auditor,
    )


def place(
    policy: Policy, wanted: Wanted, people: Iterable[Person], now: int, *, may_drop: bool = True
) -> Placement | None:
    """The best place for one review with one of these people. None: there is none, whatever gives way.

    `may_drop` False: only gaps, and what moving makes.
    """
    stretches = Stretches(policy.stretches)
    timelines = [Timeline(policy, stretches, person, wanted, now) for person in people]
    best = Best(wanted)
    searches: list[Search] = [in_a_gap, moving]
    if may_drop:
        searches += [in_place_of_one, in_place_of_some, in_place_of_lesser]
    for search in searches:
        for timeline in timelines:
            for found in search(timeline, best):
                best.offer(timeline, found)
        if best.is_on_time:  # each search is dearer than the one before
            break
    if best.timeline is None or best.found is None:
        return None
    return as_placement(best.timeline, best.found)


def as_placement(timeline: Timeline, found: Arrangement) -> Placement:
    return Placement(
        auditor=timeline.person.auditor,
        start=found.start,
        end=found.end,
        late=timeline.wanted.is_late(found.end),
        rest=found.rest,
        moved=timeline.shifted(found),
        dropped=tuple(timeline.slots[j].slot for j in sorted(found.dropped)),
        out_of_reach=tuple(timeline.out_of_reach),
    )


# -- the ways, each dearer than the one before ---------------------------------------------------------------


def in_a_gap(timeline: Timeline, best: Best) -> Iterator[Arrangement]:  # noqa: ARG001 - nothing is better
    """Where nobody has anything else to do."""
    if not timeline.has_room(()):
        return
    size, seconds = len(timeline.slots), timeline.wanted.seconds
    for place_ in range(size + 1):
        if place_ < size and timeline.start[place_] - timeline.clocks[place_] < seconds:
            continue
        found = timeline.with_it(place_, frozenset(), 0)
        if found is not None and not found.moved:
            yield found


def moving(timeline: Timeline, best: Best) -> Iterator[Arrangement]:
    """With what follows a little later."""
    if not timeline.has_room(()):
        return
    for place_ in range(len(timeline.slots) + 1):
        found = timeline.with_it(place_, frozenset(), best.most_moved())
        if found is not None:
            yield found


def in_place_of_one(timeline: Timeline, best: Best) -> Iterator[Arrangement]:
    """Where one sample is, what follows a little later if need be."""
    for j in timeline.droppable:
        if worth_trying(timeline, j, best) and timeline.has_room((j,)):
            found = timeline.with_it(j, frozenset((j,)))
            if found is not None:
                yield found


def in_place_of_some(timeline: Timeline, best: Best) -> Iterator[Arrangement]:
    """One sample left out and the review elsewhere; or several left out."""
    yield from _nearby(timeline, best)
    if best.is_on_time:
        return
    yield from _several(timeline, best, timeline.droppable, allow_harm=False)


def in_place_of_lesser(timeline: Timeline, best: Best) -> Iterator[Arrangement]:
    """Escalations of lower priority become late or lose their place too: each is placed again by itself."""
    if timeline.wanted.priority < 4:
        lesser = sorted([*timeline.droppable, *timeline.lower])
        yield from _several(timeline, best, lesser, allow_harm=True)


def worth_trying(timeline: Timeline, place_: int, best: Best) -> bool:
    """What is late anyway is no better than what is there."""
    if best.key is None:
        return True
    begins = max(timeline.clocks[place_], timeline.window(timeline.wanted)[0])
    return not timeline.wanted.is_late(begins + timeline.wanted.seconds)


def _nearby(timeline: Timeline, best: Best) -> Iterator[Arrangement]:
    size = len(timeline.slots)
    for j in timeline.droppable:
        if not timeline.has_room((j,)):
            continue
        for place_ in range(max(0, j - NEAR), min(size, j + NEAR) + 1):
            if place_ != j and worth_trying(timeline, place_, best):
                found = timeline.with_it(place_, frozenset((j,)))
                if found is not None:
                    yield found


def _several(
    timeline: Timeline, best: Best, droppable: Sequence[int], *, allow_harm: bool
) -> Iterator[Arrangement]:
    everything = frozenset(droppable)
    if not timeline.has_room(everything):
        return
    freeing = _freeing(timeline, droppable)
    for place_ in range(len(timeline.slots) + 1):
        if not worth_trying(timeline, place_, best):
            continue
        whole = timeline.with_it(place_, everything, allow_harm=allow_harm)
        found = _grown(timeline, place_, freeing, droppable, allow_harm=allow_harm) or whole
        if found is not None:
            yield _given_back(timeline, place_, found, allow_harm=allow_harm)


def _freeing(timeline: Timeline, droppable: Sequence[int]) -> frozenset[int]:
    """Few slots that together free what limits lack; none where nothing is lacking."""
    chosen: set[int] = set()
    while not timeline.has_room(chosen):
        lacking = [
            max(0, room.adds - room.left - sum(timeline.slots[j].frees[number] for j in chosen))
            for number, room in enumerate(timeline.person.room)
        ]

        def helps(j: int, lacking: list[int] = lacking) -> float:
            frees = timeline.slots[j].frees
            return sum(
                min(freed, short) / short for freed, short in zip(frees, lacking, strict=True) if short
            )

        chosen.add(max((j for j in droppable if j not in chosen), key=lambda j: (helps(j), -j)))
    return frozenset(chosen)


def _grown(
    timeline: Timeline, place_: int, freeing: frozenset[int], droppable: Sequence[int], *, allow_harm: bool
) -> Arrangement | None:
    """One slot after the other left out from this place on, until the review fits."""
    dropped = freeing
    following = (j for j in droppable if j >= place_ and j not in freeing)
    for j in [None, *islice(following, MOST_DROPPED)]:
        dropped = dropped if j is None else dropped | {j}
        found = timeline.with_it(place_, dropped, allow_harm=allow_harm)
        if found is not None:
            return found
    return None


def _given_back(timeline: Timeline, place_: int, found: Arrangement, *, allow_harm: bool) -> Arrangement:
    """The same with as few left out as will do: what would harm most is given back first."""
    slots = timeline.slots
    order = sorted(found.dropped, key=lambda j: (slots[j].item_kind == "sample", -slots[j].behind, j))
    for j in order:
        fewer = found.dropped - {j}
        if timeline.has_room(fewer):
            without = timeline.with_it(place_, fewer, allow_harm=allow_harm)
            if without is not None:
                found = without
    return found
