"""Small changes to timelines that are legal as a whole or not made at all."""

from __future__ import annotations

from collections.abc import Iterator

from allocator.optimise.course import Course
from allocator.optimise.timeline import OK, Slot, Timeline, Workshop


def retimed(shop: Workshop, a: int, slots: list[Slot], early: bool = False) -> list[Slot] | None:
    """The same slots in the same order, each pushed back only as far as it must be; None where a rule
    would be broken or a G1 review would end later than due. With `early`, each starts as soon as it may."""
    course = Course(shop.day, a, shop.demands)
    end_of_day = shop.shift_end[a]
    done: list[Slot] = []
    for slot in slots:
        course.reach(shop.work_from[a] if slot.item >= 0 else course.clock)
        i = slot.item
        if not early:
            course.reach(slot.start)
        if i < 0:
            length = slot.end - slot.start
            while course.clock + length > course.free_until():
                course.reach(course.free_until())
            start = course.clock
            if start + length > end_of_day:
                return None
            course.rest(length)
            done.append(Slot(start, start + length, -1, slot.label))
            continue
        k, seconds = shop.class_of[i], shop.seconds[i]
        course.reach(max(shop.window(a, k)[0], shop.release[i]))
        while course.clock + seconds > course.free_until():
            course.reach(course.free_until())
        if shop.answer(course, a, i) != OK:
            return None
        start = course.clock
        if slot.stratum < 0 and start > slot.start and start + seconds > shop.due[i] >= slot.end:
            return None
        course.review(shop.demands[k], seconds)
        done.append(Slot(start, start + seconds, i, None, slot.stratum, slot.ticket))
    return done


def course_behind(shop: Workshop, timeline: Timeline) -> Course:
    """Where the day stands behind the last slot."""
    course = Course(shop.day, timeline.auditor, shop.demands)
    for slot in timeline.slots:
        course.reach(slot.start)
        if slot.item < 0:
            course.rest(slot.end - slot.start)
        else:
            course.review(shop.demands[shop.class_of[slot.item]], slot.end - slot.start)
    return course


def rearranged(shop: Workshop, a: int, slots: list[Slot]) -> list[Slot] | None:
    """`retimed`, as late as it is or, where that leaves too little time, as early as it may be."""
    return retimed(shop, a, slots) or retimed(shop, a, slots, early=True)


def gaps(shop: Workshop, timeline: Timeline, at_least: int) -> Iterator[tuple[int, int]]:
    """(position in `slots`, start) of the stretches of idle time of `at_least` seconds between slots."""
    a = timeline.auditor
    taken = sorted(
        [(slot.start, slot.end) for slot in timeline.slots]
        + [(slot.start, slot.end) for slot in shop.day.fixed[a]]
    )
    reached = shop.work_from[a]
    position = 0
    starts = [slot.start for slot in timeline.slots]
    for start, end in [*taken, (shop.shift_end[a], shop.shift_end[a])]:
        if start - reached >= at_least:
            while position < len(starts) and starts[position] < reached:
                position += 1
            yield position, reached
        reached = max(reached, end)


def insert(shop: Workshop, timeline: Timeline, i: int, stratum: int, ticket: int) -> bool:
    """Put a sample into idle time; False: it fits nowhere."""
    seconds = shop.seconds[i]
    if not shop.has_room(timeline.room, i):
        return False
    for position, start in gaps(shop, timeline, seconds):
        begin = max(start, shop.release[i], shop.window(timeline.auditor, shop.class_of[i])[0])
        slot = Slot(begin, begin + seconds, i, None, stratum, ticket)
        slots = rearranged(
            shop, timeline.auditor, [*timeline.slots[:position], slot, *timeline.slots[position:]]
        )
        if slots is not None:
            timeline.slots = slots
            _took(shop, timeline, i, stratum, ticket)
            return True
    return False


def replace(shop: Workshop, timeline: Timeline, position: int, i: int, stratum: int, ticket: int) -> bool:
    """Review sample i in place of the sample at `position`, which goes back to its stratum; False: that
    would break a rule."""
    if not may_replace(shop, timeline, position, i):
        return False
    old = timeline.slots[position]
    slot = Slot(old.start, old.start + shop.seconds[i], i, None, stratum, ticket)
    slots = rearranged(
        shop, timeline.auditor, [*timeline.slots[:position], slot, *timeline.slots[position + 1 :]]
    )
    if slots is None:
        return False
    timeline.slots = slots
    _gave_back(shop, timeline, old)
    _took(shop, timeline, i, stratum, ticket)
    return True


def swap(shop: Workshop, one: Timeline, p: int, two: Timeline, q: int) -> bool:
    """Let two people exchange the samples at positions p and q; False: that would break a rule."""
    first, second = one.slots[p], two.slots[q]
    if not (may_replace(shop, one, p, second.item) and may_replace(shop, two, q, first.item)):
        return False
    here = Slot(first.start, first.start + shop.seconds[second.item], second.item)
    here.stratum, here.ticket = second.stratum, second.ticket
    mine = rearranged(shop, one.auditor, [*one.slots[:p], here, *one.slots[p + 1 :]])
    if mine is None:
        return False
    there = Slot(second.start, second.start + shop.seconds[first.item], first.item)
    there.stratum, there.ticket = first.stratum, first.ticket
    theirs = rearranged(shop, two.auditor, [*two.slots[:q], there, *two.slots[q + 1 :]])
    if theirs is None:
        return False
    one.slots, two.slots = mine, theirs
    for timeline, old, new in ((one, first.item, second.item), (two, second.item, first.item)):
        shop.spend(timeline.room, old, -1)
        shop.spend(timeline.room, new)
        timeline.mine.discard(old)
        timeline.mine.add(new)
    return True


def hand_over(shop: Workshop, giver: Timeline, p: int, taker: Timeline) -> bool:
    """Move the sample at position p into somebody else's idle time; False: that would break a rule."""
    slot = giver.slots[p]
    without = retimed(shop, giver.auditor, [*giver.slots[:p], *giver.slots[p + 1 :]])
    if without is None or not insert(shop, taker, slot.item, -1, -1):
        return False
    placed = next(other for other in taker.slots if other.item == slot.item)
    placed.stratum, placed.ticket = slot.stratum, slot.ticket
    giver.slots = without
    shop.spend(giver.room, slot.item, -1)
    giver.mine.discard(slot.item)
    return True


def may_replace(shop: Workshop, timeline: Timeline, position: int, i: int) -> bool:
    """What can be said of `replace` at a glance: release, edges and limits."""
    old = timeline.slots[position]
    opens, closes = shop.window(timeline.auditor, shop.class_of[i])
    return (
        old.start >= max(shop.release[i], opens)
        and old.start + shop.seconds[i] <= closes
        and shop.frees(old.item, shop.lacking(timeline.room, i))
    )


def remove(shop: Workshop, timeline: Timeline, position: int) -> bool:
    """Give the sample at `position` back; False: other work needs it (everyday work may reset a stretch)."""
    old = timeline.slots[position]
    slots = rearranged(shop, timeline.auditor, [*timeline.slots[:position], *timeline.slots[position + 1 :]])
    if slots is None:
        return False
    timeline.slots = slots
    _gave_back(shop, timeline, old)
    return True


def _took(shop: Workshop, timeline: Timeline, i: int, stratum: int, ticket: int) -> None:
    shop.spend(timeline.room, i)
    timeline.mine.add(i)
    if stratum >= 0:
        shop.strata[stratum].take(ticket)


def _gave_back(shop: Workshop, timeline: Timeline, slot: Slot) -> None:
    shop.spend(timeline.room, slot.item, -1)
    timeline.mine.discard(slot.item)
    if slot.stratum >= 0:
        shop.strata[slot.stratum].give_back(slot.ticket)
