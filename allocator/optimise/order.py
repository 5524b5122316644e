"""Draw order, mended: samples that were skipped take the place of later ones of their stratum.

A person skips a sample that they may not see, or that is not released yet. Usually somebody takes it later;
where nobody did, it is a hole, and every sample seen behind it is an inversion.
"""

from __future__ import annotations

from allocator.optimise.day import Day
from allocator.optimise.moves import insert, may_replace, remove, replace
from allocator.optimise.reach import Reach, takers_of
from allocator.optimise.timeline import Timeline, Workshop

TRIES = 40
"""Places tried for one hole."""
PASSES = 3
"""A hole that is filled may leave a smaller one elsewhere."""


def holes(shop: Workshop, number: int) -> list[int]:
    """Tickets of unseen samples of a stratum that stand before a seen one."""
    stratum = shop.strata[number]
    seen = {i for i, taken in zip(stratum.tickets, stratum.taken, strict=True) if taken}
    seen.update(i for i in stratum.items if i in shop.day.fixed_reviews)
    place = {i: p for p, i in enumerate(stratum.items)}
    last = max((place[i] for i in seen), default=-1)
    found: dict[int, int] = {}
    for ticket, i in enumerate(stratum.tickets):
        if i not in seen and place[i] < last:
            found.setdefault(i, ticket)
    return list(found.values())


def mend_order(day: Day, reach: Reach, shop: Workshop, timelines: list[Timeline]) -> None:
    """Fill every hole for which somebody can make a place that is worth less than what it puts in order."""
    for _ in range(PASSES):
        broken = [number for number in range(len(shop.strata)) if holes(shop, number)]
        for number in broken:
            _mend(day, reach, shop, timelines, number)


def _mend(day: Day, reach: Reach, shop: Workshop, timelines: list[Timeline], number: int) -> None:
    for ticket in holes(shop, number):
        i = shop.strata[number].tickets[ticket]
        able = [a for a in takers_of(day, reach, i).tolist() if i not in timelines[a].mine]
        if not (
            _take_a_later_place(shop, timelines, number, ticket, able)
            or any(insert(shop, timelines[a], i, number, ticket) for a in able)
        ):
            _make_place(day, reach, shop, timelines, number, ticket, able)


def in_order_worth(shop: Workshop, number: int) -> float:
    """What the stratum adds to in-order coverage as it stands."""
    stratum = shop.strata[number]
    first = min(holes(shop, number), default=len(stratum.tickets))
    return stratum.values[min(stratum.standing + sum(stratum.taken[:first]), stratum.wanted)]


def _make_place(
    day: Day,
    reach: Reach,
    shop: Workshop,
    timelines: list[Timeline],
    number: int,
    ticket: int,
    able: list[int],
) -> bool:
    """Somebody able gives up a sample of another stratum. Unless it was that stratum's last, it moves in turn
    into the place of a later one, so that only a last one is lost."""
    i = shop.strata[number].tickets[ticket]
    before = in_order_worth(shop, number)
    places = sorted(
        (shop.strata[slot.stratum].worth_of_last(), abs(slot.end - slot.start - shop.seconds[i]), a, position)
        for a in able
        for position, slot in enumerate(timelines[a].slots)
        if slot.stratum >= 0 and slot.stratum != number and may_replace(shop, timelines[a], position, i)
    )
    for _, _, a, position in places[:TRIES]:
        timeline = timelines[a]
        slot = timeline.slots[position]
        other = in_order_worth(shop, slot.stratum)
        kept = (timeline.slots, timeline.room[:], set(timeline.mine))
        if not replace(shop, timeline, position, i, number, ticket):
            continue
        if slot.ticket in holes(shop, slot.stratum):
            takers = [
                y
                for y in takers_of(day, reach, slot.item).tolist()
                if y != a and slot.item not in timelines[y].mine
            ]
            _take_a_later_place(shop, timelines, slot.stratum, slot.ticket, takers)
        after = in_order_worth(shop, number) + in_order_worth(shop, slot.stratum)
        if after > before + other or shop.strata[slot.stratum].taken[slot.ticket]:
            return True
        timeline.slots, timeline.room, timeline.mine = kept
        shop.strata[number].give_back(ticket)
        shop.strata[slot.stratum].take(slot.ticket)
    return False


def _take_a_later_place(
    shop: Workshop, timelines: list[Timeline], number: int, ticket: int, able: list[int]
) -> bool:
    stratum = shop.strata[number]
    i = stratum.tickets[ticket]
    later = sorted(
        (
            (slot.ticket, a, position)
            for a in able
            for position, slot in enumerate(timelines[a].slots)
            if slot.stratum == number and slot.ticket > ticket
        ),
        reverse=True,
    )
    # The last in draw order first: giving it back costs nothing but itself.
    return any(replace(shop, timelines[a], position, i, number, ticket) for _, a, position in later[:TRIES])


def give_back_inversions(shop: Workshop, timelines: list[Timeline]) -> None:
    """Give back every sample behind a hole."""
    behind: dict[int, int] = {}
    for number in range(len(shop.strata)):
        waiting = holes(shop, number)
        if waiting:
            behind[number] = min(waiting)
    for timeline in timelines:
        position = 0
        while position < len(timeline.slots):
            slot = timeline.slots[position]
            if not (
                slot.stratum in behind
                and slot.ticket > behind[slot.stratum]
                and remove(shop, timeline, position)
            ):
                position += 1
