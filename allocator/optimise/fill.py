"""Filling the day: every auditor in turn pulls samples towards the relaxation's targets, then tops up.

Targets are fractions of reviews. They are rounded in a cascade: when auditor a's turn comes, stratum s may
have given out as many reviews as the targets of everybody up to a add up to, rounded; so every prefix of
auditors is within half a review of the relaxation, and the stratum as a whole gets what it should.
"""

from __future__ import annotations

from collections.abc import Callable

from allocator.optimise.day import Day
from allocator.optimise.moves import course_behind
from allocator.optimise.relaxation import Targets
from allocator.optimise.timeline import Builder, Kept, Timeline, Turn, Workshop
from allocator.optimise.urgent import Promises


def pull_order(day: Day) -> list[int]:
    """Auditors of one type one after the other, so that rounding errors stay among those who can mend
    them."""
    return sorted(range(len(day.auditors)), key=lambda a: (int(day.type_of[a]), a))


def fill_towards(
    day: Day,
    shop: Workshop,
    timelines: list[Timeline],
    promises: Promises,
    kept: list[list[Kept]],
    targets: Targets,
) -> None:
    due = [0.0] * len(shop.strata)
    given = [0] * len(shop.strata)
    for mine in kept:
        for one in mine:
            given[one.stratum] += 1
    for a in pull_order(day):
        for number, amount in targets.samples[a].items():
            due[number] += amount
        turns = []
        for number in targets.samples[a]:
            quota = int(due[number] + 0.5) - given[number]
            if quota > 0:
                opens, closes = shop.window(a, shop.class_of_stratum[number])
                turns.append(Turn(number, quota, opens, closes))
        timelines[a] = build_keeping_promises(shop, timelines[a], turns, promises, kept[a])
        for turn in turns:
            given[turn.stratum] += turn.taken


def build_keeping_promises(
    shop: Workshop, timeline: Timeline, turns: list[Turn], promises: Promises, kept: list[Kept]
) -> Timeline:
    """Build; where a promise would suffer, build again with every step checked against it; where even that
    fails, do what was promised and nothing else (the top-up may still add to it)."""
    a = timeline.auditor
    pending, promised = promises.of[a], promises.worth[a] - 1e-9
    for careful in (False, True):
        attempt = Timeline(a, timeline.course.copy(), timeline.room[:], [], set(timeline.mine))
        built = Builder(shop, attempt, turns, pending, spread, careful, kept).build()
        if not pending or urgent_worth(shop, built) >= promised:
            break
        undo_samples(shop, built)
        for turn in turns:
            turn.taken, turn.dead = 0, False
    else:
        service = shop.serve_urgent(timeline.course, a, pending)
        mine = timeline.mine | {slot.item for slot in service.slots}
        built = Timeline(a, service.course, timeline.room, service.slots, mine)
    for one in kept:
        del shop.kept_for[one.item]
        if one.item not in built.mine:
            shop.spend(built.room, one.item, -1)
    return built


def spread(turn: Turn) -> float:
    """The instant at which the turn is due, if the quota lies evenly in its window."""
    return turn.opens + (turn.taken + 0.5) / turn.quota * (turn.closes - turn.opens)


def urgent_worth(shop: Workshop, timeline: Timeline) -> float:
    return sum(
        shop.worth(slot.item, slot.end) for slot in timeline.slots if slot.item >= 0 and slot.stratum < 0
    )


def undo_samples(shop: Workshop, timeline: Timeline) -> None:
    for slot in timeline.slots:
        if slot.stratum >= 0:
            shop.strata[slot.stratum].give_back(slot.ticket)


def top_up(day: Day, shop: Workshop, timelines: list[Timeline], strata_of_type: list[list[int]]) -> None:
    """Whoever has time left at the end of the day takes what is worth the most for its seconds."""
    order = sorted(range(len(timelines)), key=lambda a: (len(strata_of_type[int(day.type_of[a])]), a))
    for a in order:
        timeline = timelines[a]
        timeline.course = course_behind(shop, timeline)
        if timeline.course.clock >= shop.shift_end[a]:
            continue
        turns = []
        for number in strata_of_type[int(day.type_of[a])]:
            stratum = shop.strata[number]
            if stratum.front < len(stratum.tickets) and stratum.worth_of_next() > 0:
                opens, closes = shop.window(a, shop.class_of_stratum[number])
                turns.append(Turn(number, float("inf"), opens, closes))
        if turns:
            timelines[a] = Builder(shop, timeline, turns, (), dearest_first(shop)).build()


def dearest_first(shop: Workshop) -> Callable[[Turn], float]:
    def order(turn: Turn) -> float:
        stratum = shop.strata[turn.stratum]
        return -stratum.worth_of_next() / max(stratum.mean_seconds, 1.0)

    return order


def strata_by_type(day: Day, shop: Workshop) -> list[list[int]]:
    """For each type of auditor the strata it is qualified for."""
    return [
        [number for number, k in enumerate(shop.class_of_stratum) if day.qualified[kind, k]]
        for kind in range(day.qualified.shape[0])
    ]
