"""The limit-aware pull router: what a good review tool does without a plan.

Whoever is free takes the most urgent legal escalation or calibration, else, of all strata, the next sample
in draw order where one more review is worth the most right now (the weight of its coverage band). Every
hard rule is asked at that moment. A person rests when a stretch leaves nothing legal, and waits when only
time can help.

It is meant to be hard to beat. It never takes a sample before an earlier one of its stratum that is there and
that somebody could take; one that is released later in the day is passed over until then and comes first
from then on (to hold the whole stratum back for it costs more coverage than the few inversions that remain
when nobody is left to take it). It rests at once where that opens something urgent, and chooses its other
breaks so that they open the most valuable work for the least time off.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from allocator.instance import Instance
from allocator.rules.policy import Policy
from tests.bench.floor import FAR, Floor, Group, Person

LOOK_AGAIN = 300
"""Seconds until someone who found nothing legal looks again: a colleague may have cleared the way."""
LATE = 0.1
"""The part of its weight that an escalation keeps when it ends after `due`."""


@dataclass(slots=True)
class Stratum:
    """One stratum while the day goes on. A sample's place is its position in draw order.

    `front` holds the places that may be taken: samples seen with reviews missing, and the first unseen one.
    `worth[n]` is what one more review is worth when n are planned.
    """

    number: int
    samples: list[int]
    group: Group
    takers: list[int]
    worth: list[float]
    planned: int
    front: list[int] = field(default_factory=list)
    ahead: int = 0
    furthest: int = -1  # the last place taken
    listed: float = -1.0  # the worth it stands under on the desks; below 0: on none

    def next_worth(self) -> float:
        return self.worth[self.planned] if self.planned < len(self.worth) else 0.0


@dataclass(slots=True)
class Desk:
    """What people of equal skills see: `urgent` (minus weight, due, item) and `strata` (minus worth, number),
    both sorted, and the instants at which something is released to them."""

    urgent: list[tuple[float, int, int]] = field(default_factory=list)
    strata: list[tuple[float, int]] = field(default_factory=list)
    releases: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Choice:
    """A legal review: what it is worth as an escalation, or as a sample of this stratum at this place."""

    item: int
    escalation: float
    coverage: float = 0.0
    stratum: int = -1
    place: int = -1


def pull_router(instance: Instance) -> pl.DataFrame:
    """The slots of the day, fixed ones included."""
    return Router(instance).run()


def worth_of_reviews(policy: Policy, wanted: int) -> list[float]:
    """What the first, second, ... of the reviews that a stratum wants adds to G2. Rounded, so that what is
    worth the same compares as equal."""
    reviews = np.arange(wanted + 1)
    value = np.zeros(wanted + 1)
    before = 0.0
    for share, weight in policy.coverage_bands:
        value += float(weight) * np.clip(reviews - before, 0, float(share * wanted))
        before += float(share * wanted)
    worth: list[float] = np.diff(value).round(9).tolist()
    return worth


class Router:
    def __init__(self, instance: Instance) -> None:
        self.floor = floor = Floor(instance)
        self.desks = [Desk() for _ in floor.skilled]
        self.desk_of: dict[int, int] = {
            person.number: at for at, those in enumerate(floor.skilled) for person in those.people
        }
        self.weights = {p: float(w) for p, w in floor.policy.escalation_weights.items()}
        self.takers = floor.takers()
        self.opening = min((person.clock for person in floor.people), default=0)
        self.debt = 1.0 + max((float(weight) for _, weight in floor.policy.coverage_bands), default=0.0)
        self.shortest = min(floor.seconds, default=FAR)
        self.strata: list[Stratum] = []
        self.home: dict[int, tuple[int, int]] = {}
        self.coming: list[tuple[int, int]] = []
        self._lay_out_samples()
        for item, kind in enumerate(floor.kind):
            if kind != "sample" and floor.left[item] > 0:
                self._announce(item)
        self.coming.sort(reverse=True)
        for desk in self.desks:
            desk.releases.sort()

    def run(self) -> pl.DataFrame:
        floor = self.floor
        free = [(person.clock, person.number) for person in floor.people]
        heapq.heapify(free)
        while free:
            instant, number = heapq.heappop(free)
            while self.coming and self.coming[-1][0] <= instant:
                self._arrive(self.coming.pop()[1])
            person = floor.people[number]
            person.reach(instant)
            if person.clock == instant and not self._act(person):
                continue
            if person.clock + self.shortest <= person.shift_end:
                heapq.heappush(free, (person.clock, number))
        return floor.slots()

    def _act(self, person: Person) -> bool:
        """Work, rest or wait. False: nothing is left for this person."""
        choice = self._best(person, 0)
        rest = self._rest_for_urgent(person) if choice is None or not choice.escalation else 0
        if choice is not None and not rest:
            self._take(person, choice)
            return True
        rest = rest or self._worthwhile_rest(person)
        if rest:
            person.rest(rest)
            return True
        wake = self._wake(person)
        if wake >= person.shift_end:
            return False
        longest = max((rest for rest in self.floor.rests if rest <= wake - person.clock), default=0)
        if longest and not person.is_fresh():
            person.rest(longest)  # waiting time becomes a break, which idle time is not
        else:
            person.reach(wake)
        return True

    def _best(self, person: Person, rested: int) -> Choice | None:
        """The best legal review for this person, now or after a break of `rested` seconds."""
        floor = self.floor
        desk = self.desks[self.desk_of[person.number]]
        allowed: dict[int, tuple[int, int]] = {}
        if desk.urgent:
            choice = self._most_urgent(person, desk, rested, allowed)
            if choice is not None:
                return choice
        seconds, tenths = floor.seconds, floor.tenths
        for negative, number in desk.strata:
            stratum = self.strata[number]
            group = stratum.group
            if group.number not in allowed:
                allowed[group.number] = person.allowed(group, rested)
            most, weighted = allowed[group.number]
            if not most:
                continue
            for place in stratum.front:
                item = stratum.samples[place]
                length = seconds[item]
                if length <= most and length * tenths[item] <= weighted and not floor.barred(item, person.id):
                    return Choice(item, 0.0, -negative, number, place)
                if floor.left[item] == floor.wanted[item]:
                    break  # unseen: what lies behind it waits for somebody who can take it
        return None

    def _most_urgent(
        self, person: Person, desk: Desk, rested: int, allowed: dict[int, tuple[int, int]]
    ) -> Choice | None:
        floor = self.floor
        start = person.clock + rested
        best: Choice | None = None
        for negative, due, item in desk.urgent:
            group = floor.group[item]
            if group.number not in allowed:
                allowed[group.number] = person.allowed(group, rested)
            most, weighted = allowed[group.number]
            length = floor.seconds[item]
            if length > most or length * floor.tenths[item] > weighted or floor.barred(item, person.id):
                continue
            if start + length <= due:
                return best if best is not None and best.escalation > -negative else Choice(item, -negative)
            if best is None:
                best = Choice(item, -negative * LATE)
        return best

    def _rest_for_urgent(self, person: Person) -> int:
        """The shortest break after which something urgent is legal that is refused now; 0: none."""
        desk = self.desks[self.desk_of[person.number]]
        if not desk.urgent or person.is_fresh():
            return 0
        free_until = min(person.next_fixed, person.shift_end)
        for rest in self.floor.rests:
            if person.clock + rest > free_until:
                return 0
            if self._most_urgent(person, desk, rest, {}) is not None:
                return rest
        return 0

    def _worthwhile_rest(self, person: Person) -> int:
        """The break that opens the most urgent, then the most coverage in the time it costs; 0: none does."""
        if person.is_fresh():
            return 0
        chosen, reached = 0, (0.0, -1.0)
        for rest in self.floor.rests:
            if person.clock + rest > min(person.next_fixed, person.shift_end):
                break
            choice = self._best(person, rest)
            if choice is not None:
                run = person.run_after(rest)
                value = (choice.escalation, choice.coverage * run / (run + rest))
                if value > reached:
                    chosen, reached = rest, value
        return chosen

    def _wake(self, person: Person) -> int:
        """The next instant at which something may have become legal."""
        desk = self.desks[self.desk_of[person.number]]
        wake = person.next_fixed
        coming = bisect_right(desk.releases, person.clock)
        if coming < len(desk.releases):
            wake = min(wake, desk.releases[coming])
        if desk.urgent or desk.strata:
            wake = min(wake, person.clock + LOOK_AGAIN)
        return wake

    def _take(self, person: Person, choice: Choice) -> None:
        item = choice.item
        unseen = self.floor.left[item] == self.floor.wanted[item]
        self.floor.take(person, item)
        if choice.stratum < 0:
            if not self.floor.left[item]:
                self._withdraw(item)
            return
        stratum = self.strata[choice.stratum]
        stratum.planned += 1
        stratum.furthest = max(stratum.furthest, choice.place)
        if not self.floor.left[item]:
            stratum.front.remove(choice.place)
        if unseen:
            self._advance(stratum)
        self._list(stratum)

    def _lay_out_samples(self) -> None:
        floor = self.floor
        samples = floor.instance.items.with_row_index("row").filter(pl.col("kind") == "sample")
        strata = samples.group_by("stratum", maintain_order=True).agg(pl.col("row").sort_by("draw"))
        worth: dict[int, list[float]] = {}
        for rows in strata["row"]:
            places: list[int] = rows.to_list()
            wanted = sum(floor.wanted[item] for item in places)
            if wanted not in worth:
                worth[wanted] = worth_of_reviews(floor.policy, wanted)
            stratum = Stratum(
                number=len(self.strata),
                samples=places,
                group=floor.group[places[0]],
                takers=self.takers[floor.needs[places[0]]],
                worth=worth[wanted],
                planned=wanted - sum(floor.left[item] for item in places),
            )
            self.strata.append(stratum)
            for place, item in enumerate(places):
                if floor.left[item] > 0 and (floor.release[item] > self.opening):
                    self.home[item] = (stratum.number, place)
                    self._announce(item)
                elif 0 < floor.left[item] < floor.wanted[item]:
                    stratum.front.append(place)
            self._advance(stratum)
            self._list(stratum)

    def _announce(self, item: int) -> None:
        """It comes when it is released."""
        release = self.floor.release[item]
        self.coming.append((release, item))
        for at in self.takers[self.floor.needs[item]]:
            self.desks[at].releases.append(release)

    def _arrive(self, item: int) -> None:
        if item in self.home:
            number, place = self.home[item]
            stratum = self.strata[number]
            if place not in stratum.front and self._in_reach(stratum, item):
                insort(stratum.front, place)
                self._list(stratum)
            return
        for at in self.takers[self.floor.needs[item]]:
            insort(self.desks[at].urgent, self._urgency(item))

    def _withdraw(self, item: int) -> None:
        entry = self._urgency(item)
        for at in self.takers[self.floor.needs[item]]:
            urgent = self.desks[at].urgent
            del urgent[bisect_left(urgent, entry)]

    def _urgency(self, item: int) -> tuple[float, int, int]:
        return -self.weights[self.floor.priority[item]], self.floor.due[item], item

    def _advance(self, stratum: Stratum) -> None:
        """Bring the next unseen sample that is released and in somebody's reach to the front."""
        floor = self.floor
        while stratum.ahead < len(stratum.samples):
            place = stratum.ahead
            stratum.ahead += 1
            item = stratum.samples[place]
            if floor.left[item] < floor.wanted[item] or item in self.home:
                continue  # seen, or it comes by itself
            if self._in_reach(stratum, item):
                insort(stratum.front, place)
                return

    def _in_reach(self, stratum: Stratum, item: int) -> bool:
        """Could anybody take it on an otherwise empty day? The first one asked nearly always could."""
        floor = self.floor
        length, tenths, release = floor.seconds[item], floor.tenths[item], floor.release[item]
        excluded = floor.excluded.get(item, frozenset())
        return any(
            person.id not in excluded and person.could_take(stratum.group, length, tenths, release)
            for at in stratum.takers
            for person in floor.skilled[at].people
        )

    def _owes(self, stratum: Stratum) -> bool:
        """Was a sample passed over that came later? Until it is taken, all behind it are out of order."""
        floor = self.floor
        return any(
            place < stratum.furthest and floor.left[item] == floor.wanted[item]
            for place in stratum.front
            for item in [stratum.samples[place]]
        )

    def _list(self, stratum: Stratum) -> None:
        """Put the stratum where its next review's worth belongs, on every desk that serves it."""
        worth = stratum.next_worth() if stratum.front else -1.0
        if self._owes(stratum):
            worth += self.debt
        if worth == stratum.listed:
            return
        old, new = (-stratum.listed, stratum.number), (-worth, stratum.number)
        for at in stratum.takers:
            strata = self.desks[at].strata
            if stratum.listed >= 0:
                del strata[bisect_left(strata, old)]
            if worth >= 0:
                insort(strata, new)
        stratum.listed = worth
