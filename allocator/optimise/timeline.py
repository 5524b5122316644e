"""Timelines: one person's day, built forward from its first free second.

At every step the most urgent G1 review that is released and legal goes first; else the sample whose turn it
is; else a break as long as the stretches ask; else the clock moves to whatever comes next. Turns are given so
that every kind of work is spread over the time in which it may be done: a share of (n + 1/2) / quota of a
stratum is due when that share of its window has passed. So severe work lies apart by itself.

Whatever is written down is legal when it is written: reviews are checked against the stretches, the edges,
the limits and the fixed slots at the moment of placing, and nothing is moved afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from allocator.optimise.course import Course, Demands, demands_by_class, stretch_label
from allocator.optimise.day import NEVER, Day
from allocator.optimise.strata import Stratum
from allocator.rules.policy import SHORTEST_BREAK

OK, LATER, NEVER_TODAY = -1, -2, -3
"""Answers to "may this start now?"; a number >= 0 names the stretch that asks for a rest first."""


@dataclass(slots=True)
class Slot:
    """A slot that is not fixed. `item` is -1 for a break. `stratum` and `ticket` say where a sample came
    from; -1 for everything else."""

    start: int
    end: int
    item: int
    label: str | None = None
    stratum: int = -1
    ticket: int = -1


@dataclass(slots=True)
class Timeline:
    """What one auditor does today beside the fixed slots. `room` is what each limit still allows after
    everything in `slots` and every promised G1 review."""

    auditor: int
    course: Course
    room: list[int]
    slots: list[Slot] = field(default_factory=list)
    mine: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Turn:
    """A stratum from which this person may still take `quota` samples."""

    stratum: int
    quota: float
    opens: int
    closes: int
    taken: int = 0
    dead: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """G1 reviews done with nothing else between them: what they are worth, when, and where the day stands
    behind them."""

    worth: float
    slots: list[Slot]
    course: Course


@dataclass(frozen=True, slots=True)
class Kept:
    """A sample that is kept for one person, and its ticket."""

    item: int
    stratum: int
    ticket: int


def _telling(answer: int) -> tuple[bool, bool]:
    """Orders answers by what they tell: OK, then a stretch in the way, then the rest."""
    return answer == OK, answer >= 0


class Workshop:
    """What all timelines of a day share: the day's numbers as plain lists, the strata and their tickets."""

    def __init__(self, day: Day, strata: list[Stratum]) -> None:
        self.day = day
        self.strata = strata
        self.demands: list[Demands] = demands_by_class(day)
        self.class_of: list[int] = day.item_class.tolist()
        self.seconds: list[int] = day.seconds.tolist()
        self.release: list[int] = day.release.tolist()
        self.due: list[int] = day.due.tolist()
        self.work_from: list[int] = day.work_from.tolist()
        self.shift_start: list[int] = day.shift_start.tolist()
        self.shift_end: list[int] = day.shift_end.tolist()
        self.first: list[int] = day.classes.first.tolist()
        self.last: list[int] = day.classes.last.tolist()
        self.uses: list[list[tuple[int, int, int]]] = [
            [
                (limit, int(day.classes.rate[k, limit]), int(day.classes.count[k, limit]))
                for limit in range(len(day.policy.limits))
                if day.classes.rate[k, limit] or day.classes.count[k, limit]
            ]
            for k in range(len(day.classes))
        ]
        self.kept_for: dict[int, int] = {}
        """Samples that few can take, and for whom each is kept (see reserve.py)."""
        self.named: frozenset[int] = frozenset(day.excluded) | frozenset(day.only)
        self.class_of_stratum = [self.class_of[s.items[0]] for s in strata]
        self.g1_weight = {i: float(day.weight(i)) for i in range(len(day.items)) if not day.is_sample[i]}
        stretches = day.policy.stretches
        self.piece = min(
            (s.amount for s in stretches if s.selects_everything and s.measure != "items" and s.amount > 0),
            default=3600,
        )
        """Seconds of the stretch after which any work asks for a rest: how far breaks look ahead."""
        self.general = [s.selects_everything for s in stretches]
        self.shortest_rest = min((s.rest for s in stretches), default=0)
        self.longest_rest = max((s.rest for s in stretches), default=0)

    # -- questions ---------------------------------------------------------------------------------------

    def window(self, a: int, k: int) -> tuple[int, int]:
        """When work of class k may start at the earliest and must end at the latest."""
        opens = self.work_from[a]
        if self.first[k]:
            opens = max(opens, self.shift_start[a] + self.first[k])
        return opens, self.shift_end[a] - self.last[k]

    def answer(self, course: Course, a: int, i: int) -> int:
        """May item i start now? OK, LATER, NEVER_TODAY, or the stretch that is in the way."""
        k = self.class_of[i]
        opens, closes = self.window(a, k)
        clock, seconds = course.clock, self.seconds[i]
        earliest = max(opens, self.release[i])
        if max(clock, earliest) + seconds > closes:
            return NEVER_TODAY
        if clock < earliest or clock + seconds > course.free_until():
            return LATER
        blocked = course.blocked_by(self.demands[k], seconds)
        return OK if blocked < 0 else blocked

    def has_room(self, room: list[int], i: int) -> bool:
        seconds, uses = self.seconds[i], self.uses[self.class_of[i]]
        return all(rate * seconds + count <= room[limit] for limit, rate, count in uses)

    def lacking(self, room: list[int], i: int) -> dict[int, int]:
        """By limit, how much room for a review of item i is missing."""
        seconds = self.seconds[i]
        missing = {}
        for limit, rate, count in self.uses[self.class_of[i]]:
            short = rate * seconds + count - room[limit]
            if short > 0:
                missing[limit] = short
        return missing

    def frees(self, i: int, lacking: dict[int, int]) -> bool:
        """Would giving item i back make room for what is lacking?"""
        seconds = self.seconds[i]
        freed = 0
        for limit, rate, count in self.uses[self.class_of[i]]:
            if limit in lacking:
                if rate * seconds + count < lacking[limit]:
                    return False
                freed += 1
        return freed == len(lacking)

    def spend(self, room: list[int], i: int, sign: int = 1) -> None:
        seconds = self.seconds[i]
        for limit, rate, count in self.uses[self.class_of[i]]:
            room[limit] -= sign * (rate * seconds + count)

    def head(self, stratum: Stratum, a: int, mine: set[int], clock: int) -> tuple[int, int]:
        """The first ticket that this person may start by name and release, -1: none, and else the next
        release that changes this (NEVER: none does). Whoever skips a sample that is not released yet leaves
        it to be taken later, by themselves or by others: it keeps its place in front."""
        tickets, taken, release = stratum.tickets, stratum.taken, self.release
        later = NEVER
        for position in range(stratum.front, len(tickets)):
            if taken[position]:
                continue
            i = tickets[position]
            if i in mine or i in self.kept_for or (i in self.named and not self.day.is_asked(a, i)):
                continue
            if release[i] > clock:
                later = min(later, release[i])
                continue
            return position, NEVER
        return -1, later

    def worth(self, i: int, end: int) -> float:
        return self.g1_weight[i] * (1.0 if end <= self.due[i] else 0.1)

    def new_timeline(self, a: int) -> Timeline:
        mine = {slot.item for slot in self.day.fixed[a] if slot.kind == "work"}
        return Timeline(a, Course(self.day, a, self.demands), self.day.room[a].tolist(), mine=mine)

    # -- G1 alone ----------------------------------------------------------------------------------------

    def serve_urgent(self, course: Course, a: int, pending: Iterable[int]) -> Service:
        """What the G1 reviews in `pending` are worth if nothing else is done from here on, and when."""
        course = course.copy()
        waiting = self.by_urgency(pending)
        slots: list[Slot] = []
        worth = 0.0
        while waiting:
            course.reach(self.work_from[a])
            if course.clock >= self.shift_end[a]:
                break
            started, hopeful = -1, []
            for i in waiting:
                said = self.answer(course, a, i)
                if said == OK:
                    started = i
                    break
                if said != NEVER_TODAY:
                    hopeful.append((i, said))
            if started >= 0:
                waiting.remove(started)
                start, seconds = course.clock, self.seconds[started]
                course.review(self.demands[self.class_of[started]], seconds)
                slots.append(Slot(start, start + seconds, started))
                worth += self.worth(started, start + seconds)
                continue
            waiting = [i for i, _ in hopeful]
            blocked = [said for _, said in hopeful if said >= 0]
            if blocked:
                rest = course.rests[blocked[0]]
                until = course.clock + rest
                if until <= min(course.free_until(), self.shift_end[a]):
                    label = stretch_label(self.day.policy.stretches, blocked[0])
                    slots.append(Slot(course.clock, until, -1, label))
                    course.rest(rest)
                    continue
                if course.free_until() >= NEVER:
                    waiting = [i for i, said in hopeful if said < 0]  # no room for that rest any more
            rests = self.wait(course, a, waiting)
            if rests is None:
                break
            slots.extend(rests)
        return Service(worth, slots, course)

    def by_urgency(self, pending: Iterable[int]) -> list[int]:
        return sorted(pending, key=lambda i: (-self.g1_weight[i], self.due[i], self.release[i], i))

    def wait(
        self, course: Course, a: int, waiting: Iterable[int], others: Iterable[int] = ()
    ) -> list[Slot] | None:
        """Move the clock to the next instant at which an answer may change: a release or an opening of what
        is `waiting`, one of the `others`, the next fixed slot. None: there is none today. A wait that is long
        enough is made a break, which is returned, since only a break is a rest."""
        instants = [course.free_until(), *others]
        for i in waiting:
            instants.append(max(self.window(a, self.class_of[i])[0], self.release[i]))
        ahead = [instant for instant in instants if course.clock < instant < self.shift_end[a]]
        if not ahead:
            return None
        until, began = min(ahead), course.clock
        rest = min(until - began, self.longest_rest)
        resting = rest >= max(self.shortest_rest, SHORTEST_BREAK) and any(s >= 0 for s in course.since)
        if resting:
            course.rest(rest)
        course.reach(until)
        return [Slot(began, began + rest, -1, "short")] if resting else []


class Builder:
    """Builds one timeline. `turns` are the strata to take from, `pending` the promised G1 reviews; `order`
    says whose turn it is (the least first)."""

    def __init__(
        self,
        shop: Workshop,
        timeline: Timeline,
        turns: list[Turn],
        pending: Iterable[int],
        order: Callable[[Turn], float],
        careful: bool = False,
        kept: Iterable[Kept] = (),
    ) -> None:
        self.shop = shop
        self.timeline = timeline
        self.turns = turns
        self.pending = shop.by_urgency(pending)
        self.order = order
        self.careful = careful
        self.kept = sorted(kept, key=lambda one: shop.release[one.item])
        self.a = timeline.auditor

    def build(self) -> Timeline:
        shop, timeline = self.shop, self.timeline
        after_work: Course | None = None
        while True:
            course = timeline.course
            course.reach(shop.work_from[self.a])
            if course.clock >= shop.shift_end[self.a]:
                break
            blocked = self._urgent()
            if blocked == OK:
                after_work = None
                continue
            if blocked < 0 or not self._is_pressing(blocked):
                found = self._kept_sample()
                if found != OK:
                    found = max(found, self._sample(), key=_telling)
                if found == OK:
                    after_work = None
                    continue
                blocked = found if found >= 0 else blocked
            after_work = after_work or course.copy()
            if not ((blocked >= 0 and self._break(blocked)) or self._move_on()):
                break
        if after_work is not None:
            # Breaks and waits with nothing behind them are only the end of the day; whoever fills up this
            # timeline later starts before them.
            while timeline.slots and timeline.slots[-1].item < 0:
                timeline.slots.pop()
            timeline.course = after_work
        return timeline

    # -- one step ----------------------------------------------------------------------------------------

    def _urgent(self) -> int:
        """Start the most urgent G1 review that may start; else the stretch that is in the way, else LATER."""
        shop, course = self.shop, self.timeline.course
        first_block = LATER
        for position, i in enumerate(self.pending):
            said = shop.answer(course, self.a, i)
            if said == OK:
                del self.pending[position]
                self._place(i)
                return OK
            if said >= 0 and first_block < 0:
                first_block = said
        return first_block

    def _kept_sample(self) -> int:
        """Start a sample that is kept for this person, like `_urgent`."""
        shop, course = self.shop, self.timeline.course
        first_block = LATER
        for position, one in enumerate(self.kept):
            said = shop.answer(course, self.a, one.item)
            if said == OK and self._keeps_promises(one.item):
                del self.kept[position]
                shop.strata[one.stratum].take(one.ticket)
                self._place(one.item, one.stratum, one.ticket)
                return OK
            if said >= 0 and first_block < 0:
                first_block = said
        return first_block

    def _is_pressing(self, blocked: int) -> bool:
        """Would the pending review be late if the rest that it waits for were put off by another review?"""
        shop, course = self.shop, self.timeline.course
        rest = course.rests[blocked] + shop.longest_rest
        return any(
            shop.release[i] <= course.clock and shop.due[i] < course.clock + 2 * (rest + shop.seconds[i])
            for i in self.pending
        )

    def _sample(self) -> int:
        """Take the sample whose turn it is; where that does not fit, the longest that does."""
        shop, timeline, course = self.shop, self.timeline, self.timeline.course
        alive = [turn for turn in self.turns if not turn.dead and turn.taken < turn.quota]
        if not alive:
            return LATER
        first_block = LATER
        fitting: tuple[int, Turn, int] | None = None
        for turn in sorted(alive, key=self.order):
            stratum = shop.strata[turn.stratum]
            if stratum.worth_of_next() <= 0:
                turn.dead = True  # nobody sees anything for nothing
                continue
            position, later = shop.head(stratum, self.a, timeline.mine, course.clock)
            if position < 0:
                turn.dead = later >= turn.closes
                continue
            i = stratum.tickets[position]
            said = shop.answer(course, self.a, i)
            if said == NEVER_TODAY or (said == OK and not self._has_place_for_any(turn, stratum, i)):
                turn.dead = True
                continue
            if said == OK and self._keeps_promises(i):
                if not (first_block >= 0 and shop.general[first_block]):
                    fitting = (shop.seconds[i], turn, position)
                    break
                if fitting is None or shop.seconds[i] > fitting[0]:
                    fitting = (shop.seconds[i], turn, position)
            elif said >= 0 and first_block < 0:
                first_block = said
        if fitting is None:
            return first_block
        _, turn, position = fitting
        stratum = shop.strata[turn.stratum]
        i = stratum.tickets[position]
        stratum.take(position)
        turn.taken += 1
        shop.spend(timeline.room, i)
        self._place(i, turn.stratum, position)
        return OK

    def _has_place_for_any(self, turn: Turn, stratum: Stratum, i: int) -> bool:
        """Are there time and room for a sample as long as most of the stratum's, and for this one?

        Asked of this one alone, short samples would slip in where long ones had to stay out, and what is left
        out would no longer be left out at random."""
        shop, timeline = self.shop, self.timeline
        seconds = max(shop.seconds[i], stratum.usual_seconds)
        if timeline.course.clock + seconds > turn.closes:
            return False
        return all(
            rate * seconds + count <= timeline.room[limit]
            for limit, rate, count in shop.uses[shop.class_of[i]]
        )

    def _place(self, i: int, stratum: int = -1, ticket: int = -1) -> None:
        course, seconds = self.timeline.course, self.shop.seconds[i]
        self.timeline.slots.append(Slot(course.clock, course.clock + seconds, i, None, stratum, ticket))
        self.timeline.mine.add(i)
        course.review(self.shop.demands[self.shop.class_of[i]], seconds)

    def _keeps_promises(self, i: int) -> bool:
        """With `careful`: could all promised G1 reviews still be done as well after this sample?"""
        if not self.careful or not self.pending:
            return True
        course = self.timeline.course
        after = course.copy()
        after.review(self.shop.demands[self.shop.class_of[i]], self.shop.seconds[i])
        return self._promise(after) >= self._promise(course) - 1e-9

    def _promise(self, course: Course) -> float:
        return self.shop.serve_urgent(course, self.a, self.pending).worth

    def _break(self, blocked: int) -> bool:
        """Take the break that stretch `blocked` asks for, or the longer one that will be needed soon."""
        shop, course = self.shop, self.timeline.course
        free = min(course.free_until(), shop.shift_end[self.a])
        for rule in dict.fromkeys((self._longest_needed(blocked), blocked)):
            rest = max(course.rests[rule], SHORTEST_BREAK)
            if course.clock + rest > free:
                continue
            if self.careful and self.pending:
                after = course.copy()
                after.rest(rest)
                if self._promise(after) < self._promise(course) - 1e-9:
                    continue
            self._rest(rest, rule)
            return True
        return False

    def _rest(self, seconds: int, rule: int) -> None:
        course = self.timeline.course
        label = stretch_label(self.shop.day.policy.stretches, rule)
        self.timeline.slots.append(Slot(course.clock, course.clock + seconds, -1, label))
        course.rest(seconds)

    def _longest_needed(self, blocked: int) -> int:
        """The stretch with the longest rest that would ask for it before the next break is due anyway: one
        longer break now costs less than a second one soon. A meal is taken near the middle of what it
        divides."""
        shop, course = self.shop, self.timeline.course
        stretches, end = shop.day.policy.stretches, shop.shift_end[self.a]
        chosen = blocked
        for r, rule in enumerate(stretches):
            if rule.rest <= stretches[chosen].rest or course.since[r] < 0:
                continue
            if rule.selects_everything and rule.measure == "span":
                left = end - course.since[r]
                pieces = -(-(left + rule.rest) // (rule.amount + rule.rest)) if rule.amount else 1
                ideal = course.since[r] + left / max(pieces, 1)
                if pieces > 1 and course.clock + shop.piece / 2 >= ideal:
                    chosen = r
            elif rule.reset_by is None and rule.measure != "items":
                used = course.total[r]
                if used + self._expected(r) > rule.amount:
                    chosen = r
        return chosen

    def _expected(self, r: int) -> float:
        """Seconds selected by stretch r that the next piece of work will hold, if turns go on as they do."""
        shop, course = self.shop, self.timeline.course
        selected = rest = 0.0
        for turn in self.turns:
            if not turn.dead and turn.taken < turn.quota:
                seconds = (turn.quota - turn.taken) * shop.strata[turn.stratum].mean_seconds
                if shop.day.classes.stretch[shop.class_of_stratum[turn.stratum], r]:
                    selected += seconds
                rest += seconds
        left = max(shop.shift_end[self.a] - course.clock, 1)
        return min(selected, max(selected / left, selected / max(rest, 1.0)) * shop.piece)

    def _move_on(self) -> bool:
        """Nothing may start now: wait for a release, an edge or the end of a fixed slot."""
        shop, course = self.shop, self.timeline.course
        instants = []
        for turn in self.turns:
            if not turn.dead and turn.taken < turn.quota:
                stratum = shop.strata[turn.stratum]
                position, later = shop.head(stratum, self.a, self.timeline.mine, course.clock)
                instants.append(turn.opens if position >= 0 else later)
        rests = shop.wait(course, self.a, [*self.pending, *(one.item for one in self.kept)], instants)
        if rests is None:
            return False
        self.timeline.slots.extend(rests)
        return True
