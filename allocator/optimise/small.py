"""Small days, exactly: choose who takes what, prove it by timelines, else cut and choose again.

CP-SAT chooses the reviews under everything that adds up (limits, capacity, draw order, one review an item
and person); `Sequencer` looks for a timeline of each person's choice. Where there is none, the choice is cut
off and CP-SAT chooses again (logic-based Benders decomposition; Hooker and Ottosson, 2003). G1 first, then
in-order coverage with G1 held.

A cut says: not these reviews together for this person. It is narrowed to reviews none of which can be
spared. That is exact up to a handful of reviews a person; where somebody has more, the person is asked to
take a little less altogether, which is quick and may forbid a day that is possible after all.

Everyday work that resets a stretch can make a day possible that is not possible without it, so such work may
lift a cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from ortools.sat.python import cp_model

from allocator.optimise.day import Day
from allocator.optimise.reach import Reach, takers_of
from allocator.optimise.relaxation import overhead_of
from allocator.optimise.sequence import MANY, Sequencer
from allocator.optimise.strata import Stratum
from allocator.optimise.timeline import Slot, Timeline, Workshop
from allocator.rules.policy import coverage_value

ROUNDS = 80
"""Choices tried for each goal."""
EMPTIER = 0.985
"""How full a day of more reviews may be next time."""
EFFORT = 2.0
"""Deterministic time (about seconds) for all choices of a day."""


@dataclass(frozen=True, slots=True)
class Choice:
    """For each auditor the items and which of them must be on time."""

    items: list[frozenset[int]]
    on_time: list[frozenset[int]]


class SmallDay:
    def __init__(self, day: Day, reach: Reach, strata: list[Stratum], shop: Workshop) -> None:
        self.day, self.reach, self.strata, self.shop = day, reach, strata, shop
        self.sequencer = Sequencer(shop)
        self.effort = EFFORT
        self.known: dict[tuple[int, frozenset[int], frozenset[int]], list[Slot] | None] = {}
        self.model = cp_model.CpModel()
        self.takes: dict[tuple[int, int], cp_model.IntVar] = {}
        self.timely: dict[tuple[int, int], cp_model.IntVar] = {}
        self._choose_reviews()
        self._respect_limits()
        self._state_goals()

    def _choose_reviews(self) -> None:
        day, model = self.day, self.model
        fixed = [{slot.item for slot in slots if slot.kind == "work"} for slots in day.fixed]
        for i in range(len(day.items)):
            left = int(day.reviews[i]) - len(day.fixed_reviews.get(i, ()))
            if left <= 0:
                continue
            mine = []
            for a in takers_of(day, self.reach, i).tolist():
                if i in fixed[a] or not self.shop.has_room(day.room[a].tolist(), i):
                    continue
                taken = model.new_bool_var("")
                self.takes[a, i] = taken
                mine.append(taken)
                if not day.is_sample[i]:
                    timely = model.new_bool_var("")
                    self.timely[a, i] = timely
                    model.add_implication(timely, taken)
                    if day.earliest_start(a, i) + int(day.seconds[i]) > int(day.due[i]):
                        model.add(timely == 0)
            if mine:
                model.add(sum(mine) <= left)

    def _respect_limits(self) -> None:
        day, model = self.day, self.model
        for a in range(len(day.auditors)):
            mine = [(i, taken) for (who, i), taken in self.takes.items() if who == a]
            if not mine:
                continue
            model.add(sum(int(day.seconds[i]) * taken for i, taken in mine) <= int(day.capacity[a]))
            added = {i: day.measure(i) for i, _ in mine}
            for limit in range(len(day.policy.limits)):
                if day.binds[a, limit]:
                    room = int(day.room[a, limit])
                    model.add(sum(int(added[i][limit]) * taken for i, taken in mine) <= room)

    def _state_goals(self) -> None:
        """G1 and in-order coverage as whole numbers."""
        day, model = self.day, self.model
        weights = {i: day.weight(i) for _, i in self.timely}
        unit = lcm(1, *(w.denominator for w in weights.values()))
        self.urgent = sum(
            int(weights[key[1]] * unit) * (9 * timely + self.takes[key])
            for key, timely in self.timely.items()
        )
        worths: list[tuple[cp_model.IntVar, Fraction]] = []
        for stratum in self.strata:
            ahead: cp_model.IntVar | None = None
            reviews = []
            for i, reached in zip(stratum.items, stratum.reached, strict=True):
                mine = [taken for (_, item), taken in self.takes.items() if item == i]
                reviews += mine
                if not reached or i in day.fixed_reviews:
                    continue
                seen = model.new_bool_var("")
                if mine:
                    model.add_max_equality(seen, mine)
                else:
                    model.add(seen == 0)
                if ahead is not None:
                    model.add_implication(seen, ahead)
                ahead = seen
            steps = []
            for n in range(stratum.standing, min(stratum.standing + len(reviews), stratum.wanted)):
                step = model.new_bool_var("")
                steps.append(step)
                bands = day.policy.coverage_bands
                gain = coverage_value(bands, stratum.wanted, n + 1) - coverage_value(bands, stratum.wanted, n)
                worths.append((step, gain))
            if steps:
                model.add(sum(steps) <= sum(reviews))
        unit = lcm(1, *(gain.denominator for _, gain in worths))
        if unit > 10**6:
            unit = 10**6  # odd band shares: rounded to a millionth of a review
        self.covered = sum(round(gain * unit) * step for step, gain in worths)
        # Nobody sees anything for nothing: what is worth nothing is left out, the heaviest first.
        dose_rate = day.classes.dose_rate[day.item_class]
        self.spared = sum(
            -int(1 + day.seconds[i] * (1 + dose_rate[i])) * taken for (_, i), taken in self.takes.items()
        )

    # -- solving -----------------------------------------------------------------------------------------

    def solve(self) -> list[Timeline] | None:
        """Timelines of the best choice that could be proved possible; None where the search gave up."""
        best: Choice | None = None
        for goal in (self.urgent, self.covered, self.spared):
            if isinstance(goal, int):
                continue  # nothing of that kind today
            found = self._best_possible(goal, best)
            if found is None:
                break
            best, value = found
            self.model.add(goal >= value)
        return None if best is None else self._timelines(best)

    def _best_possible(self, goal: cp_model.LinearExprT, hint: Choice | None) -> tuple[Choice, int] | None:
        self.model.maximize(goal)
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = 1
        for _ in range(ROUNDS):
            self.model.clear_hints()  # type: ignore[no-untyped-call]
            if hint is not None:
                for (a, i), taken in self.takes.items():
                    self.model.add_hint(taken, i in hint.items[a])
            if self.effort <= 0 or self.sequencer.left <= 0:
                return None
            solver.parameters.max_deterministic_time = self.effort
            status = solver.solve(self.model)
            self.effort -= solver.response_proto.deterministic_time
            if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
                return None
            people = range(len(self.day.auditors))
            choice = Choice(
                [
                    frozenset(i for (who, i), v in self.takes.items() if who == a and solver.value(v))
                    for a in people
                ],
                [
                    frozenset(i for (who, i), v in self.timely.items() if who == a and solver.value(v))
                    for a in people
                ],
            )
            impossible = [a for a in people if self._sequence(a, choice.items[a], choice.on_time[a]) is None]
            if not impossible:
                return choice, round(solver.objective_value)
            for a in impossible:
                self._cut(a, choice.items[a], choice.on_time[a])
        return None

    def _sequence(self, a: int, items: frozenset[int], on_time: frozenset[int]) -> list[Slot] | None:
        key = (a, items, on_time)
        if key not in self.known:
            self.known[key] = self.sequencer.sequence(a, items, on_time)
        return self.known[key]

    def _cut(self, a: int, items: frozenset[int], on_time: frozenset[int]) -> None:
        """Forbid these reviews together, as few of them as make the day impossible.

        A day of many reviews that cannot be laid out is simply too full: it is asked to be a little emptier,
        counting what the rests after severe work cost. That may forbid a day that is possible after all."""
        if len(items) > MANY:
            self.model.add(
                sum(self._load(i) * taken for (who, i), taken in self.takes.items() if who == a)
                <= int(EMPTIER * sum(self._load(i) for i in items))
            )
            return
        for i in sorted(items):
            fewer = items - {i}
            if self._sequence(a, fewer, on_time & fewer) is None:
                items, on_time = fewer, on_time & fewer
        for i in sorted(on_time):
            if self._sequence(a, items, on_time - {i}) is None:
                on_time = on_time - {i}
        together = [self.timely[a, i] if i in on_time else self.takes[a, i] for i in sorted(items)]
        helpers = [
            taken for (who, i), taken in self.takes.items() if who == a and i not in items and self._resets(i)
        ]
        self.model.add(sum(together) - sum(helpers) <= len(together) - 1)

    def _load(self, i: int) -> int:
        k = self.shop.class_of[i]
        classes = self.day.classes
        rests = overhead_of(self.day.policy.stretches, classes.category[k], classes.severity[k])
        return int(self.shop.seconds[i] * (1 + rests))

    def _resets(self, i: int) -> bool:
        return bool(self.shop.demands[self.shop.class_of[i]].resets)

    def _timelines(self, choice: Choice) -> list[Timeline]:
        shop = self.shop
        ticket_of: dict[int, list[tuple[int, int]]] = {}
        for number, stratum in enumerate(self.strata):
            stratum.reset()
            for ticket, i in enumerate(stratum.tickets):
                ticket_of.setdefault(i, []).append((number, ticket))
        timelines = []
        for a, items in enumerate(choice.items):
            timeline = shop.new_timeline(a)
            for slot in self._sequence(a, items, choice.on_time[a]) or []:
                if slot.item >= 0:
                    shop.spend(timeline.room, slot.item)
                    timeline.mine.add(slot.item)
                    if ticket_of.get(slot.item):
                        slot.stratum, slot.ticket = ticket_of[slot.item].pop(0)
                        self.strata[slot.stratum].take(slot.ticket)
                timeline.slots.append(slot)
            timelines.append(timeline)
        return timelines
