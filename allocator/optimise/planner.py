"""The planner: a day in, a plan out.

    reach       who could take what on an empty day
    relax       one linear programme: how much of each stratum each person should take
    promise     G1: who does which escalation and calibration
    fill        timelines, one person after another, pulling samples in draw order towards the targets
    order       draw order mended where samples had to be skipped
    exact       small days only: the best choice that timelines can be found for
    even        exposure and load evened out without changing what is planned
    keep        with a previous plan: what of it can stand
    certify     prices that bound what any plan could reach
    explain     why the rest was left out

`clock` is only asked how long each stage took; nothing in the plan but `seconds` depends on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import polars as pl

from allocator.instance import Instance
from allocator.optimise.certificate import certify
from allocator.optimise.day import Day
from allocator.optimise.evenness import even_out
from allocator.optimise.explain import unplanned
from allocator.optimise.fill import fill_towards, strata_by_type, top_up
from allocator.optimise.keep import fill_gaps, kept_timelines, serve_missing, trim
from allocator.optimise.order import give_back_inversions, mend_order, raise_worth, too_many_inversions
from allocator.optimise.pricing import Pricing
from allocator.optimise.reach import Reach, find_reach
from allocator.optimise.relaxation import Relaxation, Targets, pools_of_strata, pools_of_urgent
from allocator.optimise.reserve import reserve
from allocator.optimise.score import Work, dose_today, score, work_seconds
from allocator.optimise.strata import Stratum, find_strata
from allocator.optimise.timeline import Timeline, Workshop
from allocator.optimise.urgent import promise, wanted_reviews
from allocator.plan import SLOTS, Plan

SMALL = 300
"""The most pairs of an auditor and an item they could take for which a day is solved exactly."""

ROUNDS = 2
"""How often places are made in a kept plan that is not as good as a fresh one."""
RAISES = 400
"""Samples for which a kept plan tries to make place, in each round. A fresh plan does not: making place where
it is short enough favours short samples (z = -4 on 24 days of size S), and gains 0.2 % of coverage."""
SLACK = Fraction(1, 1000)
"""The part of coverage that a goal after G2 may cost."""


@dataclass(slots=True)
class Stages:
    """How long each stage took, and who is told when one begins."""

    clock: Callable[[], float]
    progress: Callable[[str], None] | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        if self.progress is not None:
            self.progress(name)
        began = self.clock()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + self.clock() - began, 4)


def make_plan(
    instance: Instance,
    previous: Plan | None = None,
    clock: Callable[[], float] = lambda: 0.0,
    progress: Callable[[str], None] | None = None,
) -> Plan:
    """Plan the day. With `previous`, as much of that plan as possible is kept (G5)."""
    stages = Stages(clock, progress)
    with stages.stage("reach"):
        day = Day(instance)
        reach = find_reach(day)
        strata = find_strata(day, reach)
        shop = Workshop(day, strata)
    with stages.stage("relax"):
        samples = pools_of_strata(day, reach, strata)
        urgent, pool_of = pools_of_urgent(day, reach, wanted_reviews(day))
        relaxation = Relaxation(day, strata, samples, urgent)
        duals = relaxation.prices()
        targets = relaxation.targets()
    timelines = _afresh(day, reach, shop, targets, pool_of, stages)
    if 0 < int(reach.takers.sum()) <= SMALL:
        with stages.stage("exact"):
            # CP-SAT takes the better part of a second to import, which only a small day needs.
            from allocator.optimise.small import SmallDay

            raise_worth(day, reach, shop, timelines, RAISES)
            fill_gaps(day, shop, timelines, strata_by_type(day, shop))
            trim(timelines)
            exact = SmallDay(day, reach, strata, shop).solve()
            if exact is not None and rank(day, strata, exact) >= rank(day, strata, timelines):
                timelines = exact
    with stages.stage("even"):
        work = work_of(day, timelines)
        even_out(day, reach, shop, timelines, dose_today(day, work), work_seconds(day, work))
    if previous is not None:
        with stages.stage("keep"):
            timelines = _keeping(day, reach, shop, previous, timelines)
    work = work_of(day, timelines)
    reached = score(day, strata, work)
    with stages.stage("certify"):
        proof = certify(day, Pricing(day, reach, strata), duals, reached)
    with stages.stage("explain"):
        left_out = unplanned(day, work)
    return Plan(
        instance=instance.name,
        work_date=instance.work_date,
        goals=reached.goals(),
        bounds=proof.bounds,
        certificate=proof.certificate,
        counts=reached.counts,
        seconds=stages.seconds,
        slots=slots_of(day, timelines),
        unplanned=left_out,
    )


def _afresh(
    day: Day, reach: Reach, shop: Workshop, targets: Targets, pool_of: dict[int, int], stages: Stages
) -> list[Timeline]:
    timelines = [shop.new_timeline(a) for a in range(len(day.auditors))]
    with stages.stage("promise"):
        promises = promise(day, reach, shop, timelines, targets, pool_of)
    with stages.stage("fill"):
        kept = reserve(day, reach, shop, timelines, targets)
        fill_towards(day, shop, timelines, promises, kept, targets)
        strata_of_type = strata_by_type(day, shop)
        top_up(day, shop, timelines, strata_of_type)
    with stages.stage("order"):
        mend_order(day, reach, shop, timelines)
        if too_many_inversions(shop):
            give_back_inversions(shop, timelines)
        top_up(day, shop, timelines, strata_of_type)
        if too_many_inversions(shop):
            give_back_inversions(shop, timelines)
    return timelines


def _keeping(day: Day, reach: Reach, shop: Workshop, previous: Plan, fresh: list[Timeline]) -> list[Timeline]:
    """The previous plan, mended and filled up as little as makes it as good as the fresh one; else that."""
    aim = rank(day, shop.strata, fresh)
    kept = kept_timelines(day, reach, shop, previous)
    serve_missing(day, reach, shop, kept)
    strata_of_type = strata_by_type(day, shop)
    for attempt in range(1 + ROUNDS):
        mend_order(day, reach, shop, kept)
        if attempt:
            raise_worth(day, reach, shop, kept, RAISES)
        fill_gaps(day, shop, kept, strata_of_type)
        top_up(day, shop, kept, strata_of_type)
        if too_many_inversions(shop):
            give_back_inversions(shop, kept)
        trim(kept)
        if _as_good(rank(day, shop.strata, kept), aim):
            return kept
    return fresh


def _as_good(kept: tuple[Fraction, Fraction], fresh: tuple[Fraction, Fraction]) -> bool:
    """Nothing is traded against G1; keeping people's plans may cost a thousandth of coverage."""
    return kept[0] >= fresh[0] and kept[1] >= fresh[1] * (1 - SLACK)


def rank(day: Day, strata: list[Stratum], timelines: list[Timeline]) -> tuple[Fraction, Fraction]:
    """What decides between two plans first: G1, then in-order coverage."""
    reached = score(day, strata, work_of(day, timelines))
    return reached.escalations, reached.in_order


def work_of(day: Day, timelines: list[Timeline]) -> Work:
    """All reviews, fixed ones first."""
    rows = [
        (a, slot.item, slot.start, slot.end)
        for a, slots in enumerate(day.fixed)
        for slot in slots
        if slot.kind == "work"
    ]
    rows += [
        (timeline.auditor, slot.item, slot.start, slot.end)
        for timeline in timelines
        for slot in timeline.slots
        if slot.item >= 0
    ]
    table = np.array(rows, dtype=np.int64).reshape(-1, 4)
    return Work(table[:, 0], table[:, 1], table[:, 2], table[:, 3])


def slots_of(day: Day, timelines: list[Timeline]) -> pl.DataFrame:
    """The plan's rows, by auditor and start."""
    rows = []
    for timeline in timelines:
        a = timeline.auditor
        mine: list[tuple[int, int, str, str | None, str | None]] = [
            (slot.start, slot.end, slot.kind, None if slot.item < 0 else day.items[slot.item], None)
            for slot in day.fixed[a]
        ]
        mine += [
            (
                slot.start,
                slot.end,
                "break" if slot.item < 0 else "work",
                None if slot.item < 0 else day.items[slot.item],
                slot.label,
            )
            for slot in timeline.slots
        ]
        mine.sort(key=lambda row: row[:3])
        rows += [(day.auditors[a], kind, item, label, start, end) for start, end, kind, item, label in mine]
    return pl.DataFrame(rows, schema=SLOTS, orient="row")
