"""Draw order, mended: samples that were skipped take the place of later ones of their stratum.

A person skips a sample that they may not see, or that is not released yet. Usually somebody takes it later;
where nobody did, it is a hole, and every sample seen behind it is an inversion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from allocator.optimise.day import Day
from allocator.optimise.moves import insert, remove, replace
from allocator.optimise.reach import Reach, takers_of
from allocator.optimise.timeline import Timeline, Workshop

TRIES = 40
"""Places tried for one hole."""
Undo = Callable[[], None]

MOST_INVERSIONS = 0.008
"""Share of inversions among seen samples up to which they are left to stand: they still count for G2."""
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
        if _worth_with(shop, number, ticket) <= in_order_worth(shop, number):
            continue  # what lies behind it is worth nothing either
        i = shop.strata[number].tickets[ticket]
        able = [a for a in takers_of(day, reach, i).tolist() if i not in timelines[a].mine]
        if not (
            _take_a_later_place(shop, timelines, number, ticket, able) is not None
            or any(insert(shop, timelines[a], i, number, ticket) for a in able)
        ):
            _make_place(day, reach, shop, timelines, number, ticket, able)


def raise_worth(day: Day, reach: Reach, shop: Workshop, timelines: list[Timeline], tries: int) -> None:
    """Let the next samples of the strata where they are worth the most take places of samples that are worth
    less: what a day's changes have torn open is mended where it hurts first."""
    order = sorted(range(len(shop.strata)), key=lambda number: (-shop.strata[number].worth_of_next(), number))
    for number in order:
        stratum = shop.strata[number]
        while tries > 0 and stratum.front < len(stratum.tickets) and stratum.worth_of_next() > 0:
            tries -= 1
            i = stratum.tickets[stratum.front]
            able = [a for a in takers_of(day, reach, i).tolist() if i not in timelines[a].mine]
            if not _make_place(day, reach, shop, timelines, number, stratum.front, able):
                break


def in_order_worth(shop: Workshop, number: int) -> float:
    """What the stratum adds to in-order coverage as it stands."""
    stratum = shop.strata[number]
    first = min(holes(shop, number), default=len(stratum.tickets))
    return stratum.values[min(stratum.standing + sum(stratum.taken[:first]), stratum.wanted)]


def _worth_with(shop: Workshop, number: int, ticket: int) -> float:
    """What the stratum would add to in-order coverage if this ticket were taken as well."""
    stratum = shop.strata[number]
    front = stratum.front
    stratum.take(ticket)
    worth = in_order_worth(shop, number)
    stratum.give_back(ticket)
    stratum.front = front
    return worth


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
    gain = _worth_with(shop, number, ticket) - before
    places = sorted(
        (worth, misfit, a, position)
        for a in able
        for worth, misfit, position in _places_worth_less(shop, timelines[a], number, i, gain)
    )
    for _, _, a, position in places[:TRIES]:
        slot = timelines[a].slots[position]
        other = in_order_worth(shop, slot.stratum)
        undo_first = _replace(shop, timelines[a], position, i, number, ticket)
        if undo_first is None:
            continue
        undo_second: Undo | None = None
        if slot.ticket in holes(shop, slot.stratum):
            takers = [
                y
                for y in takers_of(day, reach, slot.item).tolist()
                if y != a and slot.item not in timelines[y].mine
            ]
            undo_second = _take_a_later_place(shop, timelines, slot.stratum, slot.ticket, takers)
        after = in_order_worth(shop, number) + in_order_worth(shop, slot.stratum)
        if after > before + other + 1e-9:
            return True
        if undo_second is not None:
            undo_second()
        undo_first()
    return False


def _places_worth_less(
    shop: Workshop, timeline: Timeline, number: int, i: int, gain: float
) -> Iterator[tuple[float, int, int]]:
    """(worth, difference in seconds, position) of the samples of other strata that item i could take the
    place of as far as release, edges and limits go, and that are worth less than `gain`."""
    opens, closes = shop.window(timeline.auditor, shop.class_of[i])
    soonest, latest = max(opens, shop.release[i]), closes - shop.seconds[i]
    lacking = shop.lacking(timeline.room, i)
    for position, slot in enumerate(timeline.slots):
        if slot.stratum < 0 or slot.stratum == number or not soonest <= slot.start <= latest:
            continue
        worth = shop.strata[slot.stratum].worth_of_last()
        if worth < gain and (not lacking or shop.frees(slot.item, lacking)):
            yield worth, abs(slot.end - slot.start - shop.seconds[i]), position


def _replace(
    shop: Workshop, timeline: Timeline, position: int, i: int, number: int, ticket: int
) -> Undo | None:
    """`replace`, and how to take it back; None: it would break a rule."""
    old = timeline.slots[position]
    slots, room, mine = timeline.slots, timeline.room[:], set(timeline.mine)
    if not replace(shop, timeline, position, i, number, ticket):
        return None

    def undo() -> None:
        timeline.slots, timeline.room, timeline.mine = slots, room, mine
        shop.strata[number].give_back(ticket)
        shop.strata[old.stratum].take(old.ticket)

    return undo


def _take_a_later_place(
    shop: Workshop, timelines: list[Timeline], number: int, ticket: int, able: list[int]
) -> Undo | None:
    """Let the sample be reviewed in place of a later one of its stratum, the last in draw order if that can
    be: giving that one back costs nothing but itself."""
    i = shop.strata[number].tickets[ticket]
    later = sorted(
        (
            (slot.ticket, a, position)
            for a in able
            for position, slot in enumerate(timelines[a].slots)
            if slot.stratum == number and slot.ticket > ticket
        ),
        reverse=True,
    )
    for _, a, position in later[:TRIES]:
        undo = _replace(shop, timelines[a], position, i, number, ticket)
        if undo is not None:
            return undo
    return None


def too_many_inversions(shop: Workshop) -> bool:
    """Is their share of the samples seen near the hundredth that makes an audit doubtful?"""
    seen = behind = 0
    for number, stratum in enumerate(shop.strata):
        seen += sum(stratum.taken)
        first = min(holes(shop, number), default=len(stratum.tickets))
        behind += sum(stratum.taken[first:])
    return behind > MOST_INVERSIONS * seen


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
