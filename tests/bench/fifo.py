"""Skills-first FIFO, as review tools do it: first come, first served, to whoever is free and has the skills.

It knows who may take what (H1) and nothing else. Where a hard rule refuses the next item it is skipped, and
where rules about rest refuse everything that waits, the person rests as long as they ask. An item arrives at
its release; those without one wait in the order of the file.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import polars as pl

from allocator.instance import Instance
from tests.bench.floor import FAR, Floor, Group, Person


def fifo(instance: Instance) -> pl.DataFrame:
    """The slots of the day, fixed ones included."""
    floor = Floor(instance)
    queues = _queues(floor)
    queue_of = {
        person.number: queue
        for queue, those in zip(queues, floor.skilled, strict=True)
        for person in those.people
    }
    free = [(person.clock, person.number) for person in floor.people]
    heapq.heapify(free)
    while free:
        instant, number = heapq.heappop(free)
        person = floor.people[number]
        person.reach(instant)
        if person.clock > instant or _act(floor, person, queue_of[number]):
            heapq.heappush(free, (person.clock, number))
    return floor.slots()


def _queues(floor: Floor) -> list[list[int]]:
    """For each set of people with equal skills, what they may take, in order of arrival."""
    queues: list[list[int]] = [[] for _ in floor.skilled]
    takers = floor.takers()
    for item in sorted(range(len(floor.items)), key=floor.release.__getitem__):
        for at in takers[floor.needs[item]]:
            queues[at].append(item)
    return queues


def _act(floor: Floor, person: Person, queue: list[int]) -> bool:
    """Work, rest or wait. False: nothing is left for this person."""
    answers: dict[int, Answer] = {}
    asked_rest, wake = 0, person.next_fixed
    for at in range(person.pointer, len(queue)):
        item = queue[at]
        if floor.left[item] > 0:
            if floor.release[item] > person.clock:
                wake = min(wake, floor.release[item])
                break
            group, length = floor.group[item], floor.seconds[item]
            if group.number not in answers:
                answers[group.number] = _ask(person, group)
            answer = answers[group.number]
            if (
                length <= answer.ever
                and length * floor.tenths[item] <= answer.weighted
                and not floor.barred(item, person.id)
            ):
                if length <= answer.now:
                    floor.take(person, item)
                    return True
                if length > answer.unrested:
                    asked_rest = max(asked_rest, _rest_for(floor, person, item))
                continue
        if at == person.pointer:  # gone, or refused for good: not to be looked at again
            person.pointer += 1
    if asked_rest and person.clock + asked_rest <= min(person.next_fixed, person.shift_end):
        person.rest(asked_rest)
        return True
    if wake >= person.shift_end:
        return False
    person.reach(wake)
    return True


@dataclass(frozen=True, slots=True)
class Answer:
    """What the hard rules say about the reviews of one group, in seconds of the longest: `now`, without a
    break (`unrested`: as far as stretches go), and at any later time (`ever`). `weighted` is the greatest
    seconds × tenths that limits on dose let pass."""

    now: int
    unrested: int
    ever: int
    weighted: int


def _ask(person: Person, group: Group) -> Answer:
    limit, weighted = person.within_limits(group)
    to_end = person.shift_end - group.last - person.clock
    return Answer(
        now=person.allowed(group)[0],
        unrested=person.within_stretches(group),
        ever=min(limit, to_end, person.within_stretches(group, FAR)),
        weighted=weighted,
    )


def _rest_for(floor: Floor, person: Person, item: int) -> int:
    """The shortest break after which no stretch refuses the item."""
    group, length = floor.group[item], floor.seconds[item]
    return next(rest for rest in floor.rests if length <= person.within_stretches(group, rest))
