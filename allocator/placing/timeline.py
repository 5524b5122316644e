"""One person's day from now on, and what becomes of it with one more review in it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from allocator.placing.person import Person, Planned, Shifted, Stands, Wanted
from allocator.placing.stretches import State, Stretches
from allocator.rules.policy import SHORTEST_BREAK, Policy

NEVER = 1 << 62


@dataclass(frozen=True, slots=True, repr=False)
class Arrangement:
    """A legal day with the review in it, by places in `Timeline.slots`. `moved` are those whose times change
    because of it, with their new start; `harmed` how many escalations of lower priority become late or are
    left out."""

    start: int
    end: int
    rest: tuple[int, int, str] | None
    moved: dict[int, int]
    dropped: frozenset[int]
    harmed: int


class Timeline:
    """The slots that are planned, in order and at the pace at which the day really goes: each begins when it
    is planned, or as soon after that as what lies before it allows. What then has no legal place any more is
    `out_of_reach`."""

    def __init__(
        self, policy: Policy, stretches: Stretches, person: Person, wanted: Wanted, now: int
    ) -> None:
        self.policy = policy
        self.stretches = stretches
        self.person = person
        self.wanted = wanted
        self.opens = max(now, person.shift_start)
        self._edges: dict[tuple[str, int], tuple[int, int]] = {}
        self._barriers = barriers(person.stands, now)
        self.slots: list[Planned] = []
        self.start: list[int] = []
        self.out_of_reach: list[int] = []
        self.states: list[State] = []
        self.clocks: list[int] = []
        self._project(self._replay())
        self.latest = self._latest()
        self.droppable = [j for j, slot in enumerate(self.slots) if is_sample(slot)]
        self.lower = [
            j
            for j, slot in enumerate(self.slots)
            if slot.kind == "work" and slot.item_kind == "escalation" and slot.priority > wanted.priority
        ]

    # -- the day without it ------------------------------------------------------------------------------

    def _replay(self) -> State:
        """What has begun counts; of breaks, only where no work lies over them."""
        work = [one for one in self.person.stands if one.kind == "work"]
        rests = [
            one
            for one in self.person.stands
            if one.kind == "break" and not any(w.start < one.end and one.start < w.end for w in work)
        ]
        state = self.stretches.blank
        for one in sorted([*work, *rests], key=lambda one: (one.start, one.end)):
            if one.kind == "work":
                state = self.stretches.reviewed(state, one.category, one.severity, one.start, one.end)
            else:
                state = self.stretches.rested(state, one.end - one.start)
        return state

    def _project(self, state: State) -> None:
        clock = self.opens
        for slot in sorted(self.person.planned, key=lambda one: (one.start, one.slot)):
            opens, closes = self.window(slot)
            start = self._free(max(slot.start, clock, opens), slot.seconds)
            end = start + slot.seconds
            after = None if end > closes else self._after(state, slot, start)
            if after is None:
                self.out_of_reach.append(slot.slot)
                continue
            self.slots.append(slot)
            self.start.append(start)
            self.states.append(state)
            self.clocks.append(clock)
            state, clock = after, end
        self.states.append(state)
        self.clocks.append(clock)

    def _after(self, state: State, slot: Planned, start: int) -> State | None:
        end = start + slot.seconds
        if slot.kind == "break":
            return self.stretches.rested(state, slot.seconds)
        if self.stretches.blocked_by(state, slot.category, slot.severity, start, end) >= 0:
            return None
        return self.stretches.reviewed(state, slot.category, slot.severity, start, end)

    def window(self, slot: Planned | Wanted) -> tuple[int, int]:
        """When it may start at the earliest and must have ended at the latest, other slots aside."""
        person = self.person
        if isinstance(slot, Planned) and slot.kind == "break":
            return self.opens, person.shift_end
        first, last = self._edges_of(slot.category, slot.severity)
        release = -NEVER if slot.release is None else slot.release
        opens = max(self.opens, person.work_from, person.shift_start + first, release)
        return opens, person.shift_end - last

    def _edges_of(self, category: str, severity: int) -> tuple[int, int]:
        key = (category, severity)
        if key not in self._edges:
            edges = [edge for edge in self.policy.edges if edge.selects(category, severity)]
            self._edges[key] = (
                max((edge.first for edge in edges), default=0),
                max((edge.last for edge in edges), default=0),
            )
        return self._edges[key]

    def _free(self, start: int, seconds: int) -> int:
        for begins, ends in self._barriers:
            if begins < start + seconds and ends > start:
                start = ends
        return start

    def _must_end(self, j: int, allow_harm: bool) -> int:
        """When slot j must have ended: escalations that are on time stay so."""
        slot = self.slots[j]
        closes = self.window(slot)[1]
        protects = slot.outranks(self.wanted) or (slot.item_kind != "sample" and not allow_harm)
        if slot.kind == "work" and slot.due is not None and protects:
            end = self.start[j] + slot.seconds
            if end <= slot.due:
                return min(closes, slot.due)
        return closes

    def _latest(self) -> list[int]:
        """For each slot the latest start from which it and all that follow could still be done, stretches and
        what stands in the way aside: what begins later is no use to try."""
        latest = [NEVER] * (len(self.slots) + 1)
        for j in range(len(self.slots) - 1, -1, -1):
            latest[j] = min(latest[j + 1], self._must_end(j, allow_harm=True)) - self.slots[j].seconds
        return latest

    # -- the day with it ---------------------------------------------------------------------------------

    def has_room(self, dropped: Collection[int]) -> bool:
        """Whether every limit lets the review in once these are left out (H4)."""
        return all(
            room.left + sum(self.slots[j].frees[number] for j in dropped) >= room.adds
            for number, room in enumerate(self.person.room)
        )

    def with_it(
        self, place: int, dropped: frozenset[int], most_moved: int = NEVER, *, allow_harm: bool = False
    ) -> Arrangement | None:
        """The day with the wanted review before the slot at `place`, without those `dropped`, everything else
        in its order and as near to its time as it can be. None: it would not be legal, or move more than
        `most_moved` reviews."""
        begin = min(dropped | {place})
        state, clock = self.states[begin], self.clocks[begin]
        last_change = max(dropped | {place - 1})
        moved: dict[int, int] = {}
        count = 0
        harmed = sum(not is_sample(self.slots[j]) for j in dropped)
        placed: tuple[int, int, tuple[int, int, str] | None] | None = None
        for j in range(begin, len(self.slots) + 1):
            if j == place:
                put = self._put(state, clock)
                if put is None:
                    return None
                start, end, rest, state = put
                placed, clock = (start, end, rest), end
            if j == len(self.slots):
                break
            if j in dropped:
                continue
            slot, planned = self.slots[j], self.start[j]
            start = planned if clock <= planned else self._free(clock, slot.seconds)
            if placed is not None and j > last_change:
                if start == planned and state == self.states[j]:
                    break  # from here on all is as it was
                if start > self.latest[j]:
                    return None
            end = start + slot.seconds
            if end > self._must_end(j, allow_harm):
                return None
            after = self._after(state, slot, start)
            if after is None:
                return None
            if start != planned:
                moved[j] = start
                count += slot.kind == "work"
                if count > most_moved:
                    return None
                if slot.item_kind != "sample" and slot.due is not None:
                    harmed += planned + slot.seconds <= slot.due < end
            state, clock = after, end
        assert placed is not None
        return Arrangement(*placed, moved, dropped, harmed)

    def _put(self, state: State, clock: int) -> tuple[int, int, tuple[int, int, str] | None, State] | None:
        """The wanted review at the first instant from `clock` on, after a rest of its own where a stretch
        asks for one and there is time."""
        wanted, stretches = self.wanted, self.stretches
        opens, closes = self.window(wanted)
        start = self._free(max(clock, opens), wanted.seconds)
        if start + wanted.seconds > closes:
            return None
        rest = None
        blocked = stretches.blocked_by(state, wanted.category, wanted.severity, start, start + wanted.seconds)
        if blocked >= 0:
            seconds = max(SHORTEST_BREAK, stretches.rules[blocked].rest)
            begins = self._free(max(clock, self.opens), seconds)
            rest = (begins, begins + seconds, stretches.label(blocked))
            state = stretches.rested(state, seconds)
            start = self._free(max(begins + seconds, opens), wanted.seconds)
            end = start + wanted.seconds
            if end > closes or stretches.blocked_by(state, wanted.category, wanted.severity, start, end) >= 0:
                return None
        end = start + wanted.seconds
        return start, end, rest, stretches.reviewed(state, wanted.category, wanted.severity, start, end)

    def shifted(self, found: Arrangement) -> tuple[Shifted, ...]:
        """Everything from the review on whose times are to be written anew, so that the order in which they
        are shown is the order in which they come."""
        changed = []
        for j, slot in enumerate(self.slots):
            start = found.moved.get(j, self.start[j])
            follows = start >= found.start
            if j not in found.dropped and start != slot.start and (follows or j in found.moved):
                changed.append(Shifted(slot.slot, start, start + slot.seconds))
        return tuple(changed)


def is_sample(slot: Planned) -> bool:
    return slot.kind == "work" and slot.item_kind == "sample"


def barriers(stands: Collection[Stands], now: int) -> list[tuple[int, int]]:
    """The time from now on that is taken, as intervals that neither touch nor overlap, in order."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted((one.start, one.end) for one in stands if one.end > now):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
