"""What a plan is worth: the four goals, in-order coverage and the counts, as the planner sees them.

The verifier works them out again in code of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from allocator.optimise.day import Day, Ints
from allocator.optimise.strata import Stratum
from allocator.rules.policy import coverage_value


@dataclass(frozen=True, slots=True)
class Work:
    """All reviews of a plan, fixed ones included: (n,) arrays of auditor, item, start and end."""

    auditor: Ints
    item: Ints
    start: Ints
    end: Ints


@dataclass(frozen=True, slots=True)
class Score:
    escalations: Fraction
    coverage: Fraction
    in_order: Fraction
    exposure: float
    load: float
    counts: dict[str, int]

    def goals(self) -> dict[str, float]:
        return {
            "escalations": float(self.escalations),
            "coverage": float(self.coverage),
            "exposure": self.exposure,
            "load": self.load,
        }


def score(day: Day, strata: list[Stratum], work: Work) -> Score:
    planned = np.bincount(work.item, minlength=len(day.items))
    g1 = Fraction(0)
    late = 0
    urgent = ~day.is_sample[work.item]
    for i, end in zip(work.item[urgent].tolist(), work.end[urgent].tolist(), strict=True):
        on_time = end <= int(day.due[i])
        late += not on_time
        g1 += day.weight(i) * (1 if on_time else Fraction(1, 10))
    coverage, in_order = Fraction(0), Fraction(0)
    inversions = seen = 0
    bands = day.policy.coverage_bands
    worth: dict[tuple[int, int], Fraction] = {}
    for stratum in strata:
        counts = planned[stratum.items].tolist()
        total = sum(counts)
        behind = lost = 0
        open_gap = False
        for count, reached in zip(counts, stratum.reached, strict=True):
            if count:
                seen += 1
                if open_gap:
                    behind += 1
                    lost += count
            elif reached:
                open_gap = True
        inversions += behind
        for n in (total, total - lost):
            if (stratum.wanted, n) not in worth:
                worth[stratum.wanted, n] = coverage_value(bands, stratum.wanted, n)
        coverage += worth[stratum.wanted, total]
        in_order += worth[stratum.wanted, total - lost]
    return Score(
        escalations=g1,
        coverage=coverage,
        in_order=in_order,
        exposure=exposure(day, dose_today(day, work)),
        load=load(day, work),
        counts={
            "reviews_wanted": int(day.reviews.sum()),
            "reviews_planned": int(work.item.size),
            "escalations_late": late,
            "draw_inversions": inversions,
            "samples_seen": seen,
        },
    )


def dose_today(day: Day, work: Work) -> Ints:
    """(A,) dose units of the plan."""
    units = (work.end - work.start) * day.classes.dose_rate[day.item_class[work.item]]
    total = np.zeros(len(day.auditors), dtype=np.int64)
    np.add.at(total, work.auditor, units)
    return total


def exposure(day: Day, today: Ints) -> float:
    """G3: sum of u^2 / c with u today's and the faded past dose, c shift seconds x percent / 100."""
    u = (7 * today + day.past_dose_sevenths) / 7
    c = (day.shift_end - day.shift_start) * day.percent / 100
    return math.fsum((u * u / c).tolist())


def work_seconds(day: Day, work: Work) -> Ints:
    """(A,) seconds of work in the plan."""
    total = np.zeros(len(day.auditors), dtype=np.int64)
    np.add.at(total, work.auditor, work.end - work.start)
    return total


def load(day: Day, work: Work) -> float:
    """G4: sum of w^2 / s with w work and s shift seconds."""
    w = work_seconds(day, work).astype(np.float64)
    return math.fsum((w**2 / (day.shift_end - day.shift_start)).tolist())
