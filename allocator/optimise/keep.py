"""Keeping a plan that people already have (G5): its slots stand wherever the day still allows them.

Each person's slots that are still to come are laid down again in their order. What is no longer legal (the
item is gone, the limit was lowered, somebody else has it by now, the time has passed) falls away; what only
has to start later starts later. Then the gaps are mended like any other plan's: G1 first, then draw order,
then whatever time is left.
"""

from __future__ import annotations

import numpy as np

from allocator.optimise.day import Day
from allocator.optimise.moves import insert, rearranged, retimed
from allocator.optimise.reach import Reach, takers_of
from allocator.optimise.timeline import OK, Slot, Timeline, Workshop
from allocator.optimise.urgent import wanted_reviews
from allocator.plan import Plan
from allocator.rules.policy import SHORTEST_BREAK

VICTIMS = 30
"""Places tried for one G1 review that nobody has idle time for."""


def kept_timelines(day: Day, reach: Reach, shop: Workshop, previous: Plan) -> list[Timeline]:
    """Timelines of what still stands of the previous plan. The strata stand accordingly."""
    for stratum in shop.strata:
        stratum.reset()
    tickets: dict[int, list[tuple[int, int]]] = {}
    for number, stratum in enumerate(shop.strata):
        for ticket, i in enumerate(stratum.tickets):
            tickets.setdefault(i, []).append((number, ticket))
    left = wanted_reviews(day)
    earlier = _slots_by_auditor(day, previous)
    timelines = []
    for a in range(len(day.auditors)):
        timeline = shop.new_timeline(a)
        mine = [slot for slot in earlier.get(a, ()) if slot.item < 0 or _may_stand(day, reach, shop, a, slot)]
        # Room goes to G1 before samples, whoever comes first in the day.
        urgent = set()
        for slot in mine:
            i = slot.item
            if i >= 0 and not day.is_sample[i] and left.get(i) and shop.has_room(timeline.room, i):
                urgent.add(i)
                left[i] -= 1
                shop.spend(timeline.room, i)
        _lay_down(shop, timeline, mine, urgent, tickets)
        for i in urgent - timeline.mine:
            left[i] += 1
            shop.spend(timeline.room, i, -1)
        timelines.append(timeline)
    return timelines


def _may_stand(day: Day, reach: Reach, shop: Workshop, a: int, slot: Slot) -> bool:
    """Could the person take the item at all, as the day is now?"""
    i = slot.item
    if i in shop.named and not day.is_asked(a, i):
        return False
    k = shop.class_of[i]
    spot = np.flatnonzero(reach.people[k] == a)
    return bool(spot.size) and int(reach.longest[k][spot[0]]) >= shop.seconds[i]


def _lay_down(
    shop: Workshop,
    timeline: Timeline,
    slots: list[Slot],
    urgent: set[int],
    tickets: dict[int, list[tuple[int, int]]],
) -> None:
    """Place the slots one after another, none before its time; leave out what is not legal any more."""
    a, course = timeline.auditor, timeline.course
    for slot in slots:
        i = slot.item
        if i < 0:
            course.reach(slot.start)
            rest = min(slot.end - slot.start, min(course.free_until(), shop.shift_end[a]) - course.clock)
            if rest >= SHORTEST_BREAK:
                timeline.slots.append(Slot(course.clock, course.clock + rest, -1, slot.label))
                course.rest(rest)
            continue
        is_sample = i not in shop.g1_weight
        if i in timeline.mine or not (
            tickets.get(i) and shop.has_room(timeline.room, i) if is_sample else i in urgent
        ):
            continue
        opens, _ = shop.window(a, shop.class_of[i])
        course.reach(max(slot.start, opens, shop.release[i]))
        while course.clock + shop.seconds[i] > course.free_until():
            course.reach(course.free_until())
        if shop.answer(course, a, i) != OK:
            continue
        placed = Slot(course.clock, course.clock + shop.seconds[i], i)
        if is_sample:
            placed.stratum, placed.ticket = tickets[i].pop(0)
            shop.strata[placed.stratum].take(placed.ticket)
            shop.spend(timeline.room, i)
        timeline.mine.add(i)
        course.review(shop.demands[shop.class_of[i]], shop.seconds[i])
        timeline.slots.append(placed)


def _slots_by_auditor(day: Day, previous: Plan) -> dict[int, list[Slot]]:
    """For each auditor still on shift the slots to come of items that are still there, by start. Slots that
    are fixed now come into every timeline by themselves."""
    fixed = {(a, slot.item, slot.start, slot.end) for a, slots in enumerate(day.fixed) for slot in slots}
    found: dict[int, list[Slot]] = {}
    for name, kind, item, label, start, end in previous.slots.sort("start", "end").iter_rows():
        a = day.auditor_at.get(name, -1)
        i = -1 if item is None else day.item_at.get(item, -2)
        if a < 0 or i == -2 or kind == "busy" or end <= int(day.open_from[a]):
            continue
        if (a, i, start, end) not in fixed:
            found.setdefault(a, []).append(Slot(start, end, i, label or ("short" if i < 0 else None)))
    return found


def serve_missing(day: Day, reach: Reach, shop: Workshop, timelines: list[Timeline]) -> None:
    """Give every G1 review that nobody has to somebody: into idle time, or in place of samples. One that
    would be late where it stands is moved if somebody can be on time."""
    for timeline in timelines:
        for slot in [slot for slot in timeline.slots if slot.item >= 0 and slot.stratum < 0]:
            if slot.end > shop.due[slot.item]:
                _make_timely(day, reach, shop, timelines, timeline, slot.item)
    have: dict[int, int] = {}
    for timeline in timelines:
        for slot in timeline.slots:
            if slot.item >= 0 and slot.stratum < 0:
                have[slot.item] = have.get(slot.item, 0) + 1
    wanted = wanted_reviews(day)
    for i in shop.by_urgency(i for i in wanted if shop.g1_weight[i] > 0):
        for _ in range(wanted[i] - have.get(i, 0)):
            able = [a for a in takers_of(day, reach, i).tolist() if i not in timelines[a].mine]
            if not any(_squeeze_in(shop, timelines[a], i, on_time=True) for a in able) and not any(
                _squeeze_in(shop, timelines[a], i, on_time=False) for a in able
            ):
                break


def _make_timely(
    day: Day, reach: Reach, shop: Workshop, timelines: list[Timeline], holder: Timeline, i: int
) -> None:
    slots, room, mine = holder.slots, holder.room[:], set(holder.mine)
    p = next(p for p, slot in enumerate(slots) if slot.item == i)
    without = retimed(shop, holder.auditor, [*slots[:p], *slots[p + 1 :]])
    if without is None:
        return
    holder.slots = without
    shop.spend(holder.room, i, -1)
    holder.mine.discard(i)
    others = [a for a in takers_of(day, reach, i).tolist() if i not in timelines[a].mine]
    others.sort(key=lambda a: (a != holder.auditor, a))
    if not any(_squeeze_in(shop, timelines[a], i, on_time=True) for a in others):
        holder.slots, holder.room, holder.mine = slots, room, mine


def _squeeze_in(shop: Workshop, timeline: Timeline, i: int, on_time: bool) -> bool:
    """Into idle time if that is soon enough, else in place of the fewest samples in a row that free time and
    room enough, those that start first after the release."""
    last_start = shop.due[i] - shop.seconds[i] if on_time else shop.shift_end[timeline.auditor]
    kept = (timeline.slots, timeline.room[:], set(timeline.mine))
    if insert(shop, timeline, i, -1, -1):
        if any(slot.item == i and slot.start <= last_start for slot in timeline.slots):
            return True
        timeline.slots, timeline.room, timeline.mine = kept
    a = timeline.auditor
    opens, _ = shop.window(a, shop.class_of[i])
    soonest = max(opens, shop.release[i])
    tried = 0
    for p, slot in enumerate(timeline.slots):
        if slot.stratum < 0 or slot.start < soonest or slot.start > last_start or tried >= VICTIMS:
            continue
        freed, room, q = 0, timeline.room[:], p
        while q < len(timeline.slots) and timeline.slots[q].stratum >= 0:
            freed += timeline.slots[q].end - timeline.slots[q].start
            shop.spend(room, timeline.slots[q].item, -1)
            q += 1
            if freed >= shop.seconds[i] and shop.has_room(room, i):
                break
        else:
            continue
        tried += 1
        new = Slot(slot.start, slot.start + shop.seconds[i], i)
        slots = rearranged(shop, a, [*timeline.slots[:p], new, *timeline.slots[q:]])
        if slots is None or not any(s.item == i and s.start <= last_start for s in slots):
            continue
        for victim in timeline.slots[p:q]:
            shop.strata[victim.stratum].give_back(victim.ticket)
            timeline.mine.discard(victim.item)
        shop.spend(room, i)
        timeline.slots, timeline.room = slots, room
        timeline.mine.add(i)
        return True
    return False


def fill_gaps(day: Day, shop: Workshop, timelines: list[Timeline], strata_of_type: list[list[int]]) -> None:
    """Put the next samples of the strata that are worth the most into idle time between slots."""
    for a, timeline in enumerate(timelines):
        able = strata_of_type[int(day.type_of[a])]
        ranked = sorted(able, key=lambda number: (-shop.strata[number].worth_of_next(), number))
        for number in ranked:
            stratum = shop.strata[number]
            while stratum.front < len(stratum.tickets) and stratum.worth_of_next() > 0:
                ticket, _ = shop.head(stratum, a, timeline.mine, shop.shift_end[a])
                if ticket < 0 or not insert(shop, timeline, stratum.tickets[ticket], number, ticket):
                    break


def trim(timelines: list[Timeline]) -> None:
    """Drop breaks behind the last work of the day."""
    for timeline in timelines:
        while timeline.slots and timeline.slots[-1].item < 0:
            timeline.slots.pop()
