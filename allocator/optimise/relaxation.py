"""The relaxation: how much of each stratum each person should take, if reviews were divisible.

One linear programme, solved by GLOP. Its answer says two things: targets, which the timelines then pull
towards, and duals, which are the first guess at the certificate's prices.

    maximise   sum of (worth of the n-th review of s) y[s, n-segment]
               + URGENT x (G1 reviews served) - evenness
    subject to sum over a of x[a, s] = sum over segments of y[s, .]                   every stratum s
               sum over s of seconds(s) (1 + overhead(s)) x[a, s] <= capacity(a)      every auditor a
               sum over s of use(s, L) x[a, s] <= room(a, L)                       every limit L that binds a

The G1 items are pooled by who can take them and enter as strata of their own with a flat, dominating worth.
`overhead` is what the longer rests after severe work cost beyond the breaks that any work needs.
Evenness (G3, G4) enters as small convex charges on each person's dose and work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from ortools.linear_solver import pywraplp

from allocator.optimise.day import Day
from allocator.optimise.reach import Reach, takers_of
from allocator.optimise.strata import Stratum
from allocator.rules.policy import Stretch

Floats = npt.NDArray[np.float64]

URGENT = 400.0
"""Worth of a pooled G1 review in the relaxation: far above any sample's, low enough for sound arithmetic."""
ACHIEVABLE = 0.992
"""The part of the certified capacity that timelines fill in practice under the default policy; measured."""
UNEVEN_DOSE = 0.002
"""The charge for one person's whole fair share of dose, as a part of the mean worth of a person's day: large
enough to lower G3 by 5 % on S, small enough to cost less than 0.1 % of G2."""
UNEVEN_LOAD = 0.0003
"""The same for work seconds; less, since G3 comes before G4."""
SEGMENTS = (0.3, 0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4, 2.0)
"""Where a person's charge steepens, in fair shares."""
MOST_FLOWS = 60_000
"""Pairs of a person and a stratum up to which everybody stands for themselves in the programme."""
MINUTES_POINTS_ITEMS = {"seconds": 60.0, "dose": 600.0, "items": 1.0}
"""Units of a row of the programme: numbers near one keep the arithmetic sound."""


@dataclass(frozen=True, slots=True)
class Targets:
    """`samples[a]` maps stratum number to reviews (fractional), `urgent[a]` pool number to reviews."""

    samples: list[dict[int, float]]
    urgent: list[dict[int, float]]


@dataclass(frozen=True, slots=True)
class Duals:
    """Worth of a second of each auditor's time, and of a unit of each limit that binds them."""

    time: list[float]
    limits: list[dict[int, float]]


@dataclass(frozen=True, slots=True)
class Pool:
    """G1 items of equal market, language, category and severity: their mean use, and who can take them."""

    seconds: float
    use: dict[int, float]
    reviews: int
    people: list[int]
    overhead: float


def overhead_of(stretches: Sequence[Stretch], category: str, severity: int) -> float:
    """Break seconds that a second of such work costs beyond the breaks that all work needs."""
    general = [s.rest for s in stretches if s.selects_everything and s.measure != "items"]
    base = min(general, default=0)
    extra = 0.0
    for s in stretches:
        if s.selects_everything or not s.selects(category, severity) or s.reset_by or s.measure == "items":
            continue
        extra = max(extra, max(0, s.rest - base) / max(s.amount, 1))
    return min(extra, 1.0)


def _pool(day: Day, reach: Reach, items: list[int], wanted: int) -> Pool:
    people: set[int] = set()
    for i in items:
        people.update(takers_of(day, reach, i).tolist())
    k = int(day.item_class[items[0]])
    use: dict[int, float] = {}
    for i in items:
        for number, added in enumerate(day.measure(i).tolist()):
            if added:
                use[number] = use.get(number, 0.0) + added / len(items)
    return Pool(
        seconds=float(day.seconds[items].mean()),
        use=use,
        reviews=wanted,
        people=sorted(people),
        overhead=overhead_of(day.policy.stretches, day.classes.category[k], day.classes.severity[k]),
    )


def pools_of_strata(day: Day, reach: Reach, strata: list[Stratum]) -> list[Pool]:
    pools = []
    for stratum in strata:
        if not stratum.tickets:
            pools.append(Pool(0.0, {}, 0, [], 0.0))
            continue
        items = np.array(stratum.tickets, dtype=np.int64)
        k = day.item_class[items]
        use = (day.classes.rate[k] * day.seconds[items][:, None] + day.classes.count[k]).mean(axis=0)
        people: set[int] = set()
        for one in np.unique(k).tolist():
            fits = reach.longest[one] >= day.seconds[items[k == one]].min()
            people.update(reach.people[one][fits].tolist())
        pools.append(
            Pool(
                seconds=stratum.mean_seconds,
                use={number: float(u) for number, u in enumerate(use.tolist()) if u},
                reviews=len(stratum.tickets),
                people=sorted(people),
                overhead=overhead_of(day.policy.stretches, stratum.category, stratum.severity),
            )
        )
    return pools


def pools_of_urgent(day: Day, reach: Reach, wanted: dict[int, int]) -> tuple[list[Pool], dict[int, int]]:
    """Pools of the G1 items (`wanted` maps item to reviews still to be had), and each item's pool number."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for i in wanted:
        k = int(day.item_class[i])
        c = day.classes
        key = (c.market[k], c.language[k], c.category[k], c.severity[k], day.only.get(i))
        groups.setdefault(key, []).append(i)
    pools: list[Pool] = []
    number_of: dict[int, int] = {}
    for items in groups.values():
        for i in items:
            number_of[i] = len(pools)
        pools.append(_pool(day, reach, items, sum(wanted[i] for i in items)))
    return pools, number_of


def crews_of(day: Day, pools: list[Pool]) -> list[list[int]]:
    """The people who stand as one in the programme: each alone while that is small enough, else all of one
    type together, their capacities and rooms added up."""
    people = range(len(day.auditors))
    if sum(len(pool.people) for pool in pools) <= MOST_FLOWS:
        return [[a] for a in people]
    crews: dict[int, list[int]] = {}
    for a in people:
        crews.setdefault(int(day.type_of[a]), []).append(a)
    return list(crews.values())


class Relaxation:
    """The programme, solved twice from one model: as the bound sees the day, for prices (full capacity, no
    overhead, no evenness); then as timelines can fill it, for targets."""

    def __init__(self, day: Day, strata: list[Stratum], samples: list[Pool], urgent: list[Pool]) -> None:
        self.day = day
        self.crews = crews_of(day, samples)
        self.crew_of = {a: crew for crew, members in enumerate(self.crews) for a in members}
        self.solver = pywraplp.Solver.CreateSolver("GLOP")
        self.scale = [MINUTES_POINTS_ITEMS[limit.measure] for limit in day.policy.limits]
        self.time_row = [
            self.solver.Constraint(0.0, float(day.capacity[members].sum()) / 60) for members in self.crews
        ]
        self.limit_row: list[dict[int, pywraplp.Constraint]] = [
            {
                limit: self.solver.Constraint(0.0, float(day.room[members, limit].sum()) / self.scale[limit])
                for limit in np.flatnonzero(day.binds[members].all(axis=0)).tolist()
            }
            for members in self.crews
        ]
        self.flows: list[tuple[int, int, Pool, pywraplp.Variable]] = []
        """(crew, number of the pool, pool, reviews)"""
        self.solver.Objective().SetMaximization()
        self.strata, self.samples, self.sample_ids = strata, samples, {id(pool) for pool in samples}
        for number, pool in enumerate(samples):
            self._add(number, pool, _segments(strata[number], pool.reviews))
        for number, pool in enumerate(urgent):
            self._add(number, pool, [(float(pool.reviews), URGENT)])

    def _add(self, number: int, pool: Pool, segments: list[tuple[float, float]]) -> None:
        if not pool.people:
            return
        solver, objective = self.solver, self.solver.Objective()
        balance = solver.Constraint(0.0, 0.0)
        for length, worth in segments:
            part = solver.NumVar(0.0, length, "")
            objective.SetCoefficient(part, worth)
            balance.SetCoefficient(part, -1.0)
        use = [(limit, added / self.scale[limit]) for limit, added in pool.use.items()]
        minutes = pool.seconds / 60
        for crew in sorted({self.crew_of[a] for a in pool.people}):
            flow = solver.NumVar(0.0, solver.infinity(), "")
            balance.SetCoefficient(flow, 1.0)
            self.time_row[crew].SetCoefficient(flow, minutes)
            rows = self.limit_row[crew]
            for limit, added in use:
                if limit in rows:
                    rows[limit].SetCoefficient(flow, added)
            self.flows.append((crew, number, pool, flow))

    def _solve(self) -> bool:
        return self.solver.Solve() in (pywraplp.Solver.OPTIMAL, pywraplp.Solver.FEASIBLE)

    def prices(self) -> Duals:
        """Duals of the day as the bound sees it; all zero where the solver fails (a bound still, a loose
        one)."""
        duals = Duals([0.0] * len(self.crew_of), [{} for _ in self.crew_of])
        if not self._solve():
            return duals
        for crew, members in enumerate(self.crews):
            time = max(0.0, self.time_row[crew].dual_value()) / 60
            found = {
                limit: row.dual_value() / self.scale[limit] for limit, row in self.limit_row[crew].items()
            }
            for a in members:
                duals.time[a] = time
                duals.limits[a] = {limit: price for limit, price in found.items() if price > 0}
        return duals

    def targets(self, uneven_dose: float = UNEVEN_DOSE, uneven_load: float = UNEVEN_LOAD) -> Targets:
        """What each person should take; nothing where the solver fails (timelines then fill by worth). What a
        crew should take is shared out by capacity."""
        for crew, members in enumerate(self.crews):
            self.time_row[crew].SetUb(float(self.day.capacity[members].sum()) * ACHIEVABLE / 60)
        for crew, _, pool, flow in self.flows:
            if pool.overhead:
                self.time_row[crew].SetCoefficient(flow, pool.seconds * (1 + pool.overhead) / 60)
        day = self.day
        shift = (day.shift_end - day.shift_start).astype(np.float64)
        doses = [_dose(day, s) if s.tickets else 0.0 for s in self.strata]
        self._charge(uneven_dose, doses, day.past_dose_sevenths / 7, shift * day.percent / 100)
        lengths = [s.mean_seconds for s in self.strata]
        self._charge(uneven_load, lengths, np.zeros(len(shift)), shift)
        found = Targets([{} for _ in self.crew_of], [{} for _ in self.crew_of])
        if not self._solve():
            return found
        for crew, number, pool, flow in self.flows:
            amount = flow.solution_value()
            if amount > 1e-7:
                able = sorted(set(self.crews[crew]).intersection(pool.people))
                whole = float(self.day.capacity[able].sum())
                for a in able:
                    share = amount * float(self.day.capacity[a]) / whole if whole > 0 else amount / len(able)
                    (found.samples if id(pool) in self.sample_ids else found.urgent)[a][number] = share
        return found

    def _charge(self, charge: float, each: list[float], past: Floats, weight: Floats) -> None:
        """Charge each crew for its share of what the samples of pool n bring with them (`each[n]` a review,
        G3: dose, G4: seconds; `past` (A,) counts as well): the more of its fair share by `weight` (A,) is
        used, the dearer. The unit is a fair share's part of the mean worth of a person's day."""
        solver, objective = self.solver, self.solver.Objective()
        wanted = sum(e * pool.reviews for e, pool in zip(each, self.samples, strict=True) if pool.people)
        if charge <= 0 or wanted <= 0 or not self.crews:
            return
        fair = (wanted + past.sum()) * weight / weight.sum()
        worth = sum(s.values[-1] for s in self.strata) / len(self.crew_of)
        rows = []
        for members in self.crews:
            share = float(fair[members].sum())
            row = solver.Constraint(-solver.infinity(), -float(past[members].sum()) / share)
            edge = 0.0
            for step, upper in enumerate([*SEGMENTS, None]):
                part = solver.NumVar(0.0, solver.infinity() if upper is None else upper - edge, "")
                objective.SetCoefficient(part, -charge * worth * len(members) * step)
                row.SetCoefficient(part, -1.0)
                edge = upper or edge
            rows.append((row, share))
        for crew, number, pool, flow in self.flows:
            if id(pool) in self.sample_ids and each[number]:
                row, share = rows[crew]
                row.SetCoefficient(flow, each[number] / share)


def _segments(stratum: Stratum, reviews: int) -> list[tuple[float, float]]:
    """(length, worth of one review) for runs of equal worth, from the next review on."""
    runs: list[tuple[float, float]] = []
    values = stratum.values
    for n in range(stratum.standing, min(stratum.standing + reviews, stratum.wanted)):
        worth = values[n + 1] - values[n]
        if runs and abs(runs[-1][1] - worth) < 1e-9:
            runs[-1] = (runs[-1][0] + 1.0, worth)
        else:
            runs.append((1.0, worth))
    return runs


def _dose(day: Day, stratum: Stratum) -> float:
    k = day.item_class[stratum.tickets]
    return float((day.classes.dose_rate[k] * day.seconds[stratum.tickets]).mean())
