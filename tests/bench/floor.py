"""What both peers stand on: the people, the items, and the question "may this person start this now?".

Written apart from the planner, so that a slip in one does not flatter the other. Nothing here plans ahead:
a person knows the clock, the limits' remaining room and how far each stretch has run, no more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from allocator.instance import Instance
from allocator.plan import SLOTS
from allocator.rules.policy import Dose, Limit, Policy, Stretch

FAR = 1 << 60
"""An instant after every other, and a room that nothing fills."""
Skill = tuple[frozenset[str], frozenset[str], frozenset[str], frozenset[str], int]
"""Languages, markets, clearances, opt-outs, greatest severity: people with equal ones are alike under H1."""


@dataclass(frozen=True, slots=True)
class Group:
    """Reviews of one category and severity: every rule selects all of them or none.

    Limits and stretches are named by their position in the policy. `weight` is the dose units of a second
    at one tenth of modality. `calms` are the stretches that such a review helps to reset, `stirs` those
    whose row of everyday work it breaks.
    """

    number: int
    seconds_limits: tuple[int, ...]
    items_limits: tuple[int, ...]
    dose_limits: tuple[int, ...]
    weight: int
    stretches: tuple[int, ...]
    calms: tuple[int, ...]
    stirs: tuple[int, ...]
    first: int
    last: int


def group_of(policy: Policy, number: int, category: str, severity: int) -> Group:
    def limits(measure: str) -> tuple[int, ...]:
        chosen = (x for x in enumerate(policy.limits) if x[1].selects(category, severity))
        return tuple(at for at, limit in chosen if limit.measure == measure)

    weight = policy.dose.severity[severity]
    selected = [stretch.selects(category, severity) for stretch in policy.stretches]
    others = [
        (at, stretch.reset_by)
        for at, stretch in enumerate(policy.stretches)
        if not selected[at] and stretch.reset_by is not None
    ]
    edges = [edge for edge in policy.edges if edge.selects(category, severity)]
    return Group(
        number=number,
        seconds_limits=limits("seconds"),
        items_limits=limits("items"),
        dose_limits=limits("dose") if weight else (),
        weight=weight,
        stretches=tuple(at for at, chosen in enumerate(selected) if chosen),
        calms=tuple(at for at, reset in others if severity <= reset.max_severity),
        stirs=tuple(at for at, reset in others if severity > reset.max_severity),
        first=max((edge.first for edge in edges), default=0),
        last=max((edge.last for edge in edges), default=0),
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """A fixed slot. `item` is -1 for breaks and busy time; `is_rest` says whether it can end a stretch."""

    start: int
    end: int
    kind: str
    item: int
    is_rest: bool


class Person:
    """One auditor on one day: asked what may start now, told what did. Moves only forward in time."""

    __slots__ = (
        "at_hand", "calm", "clock", "earliest", "fixed", "floor", "history_room", "id", "next_fixed",
        "number", "pointer", "room", "shift_end", "shift_start", "since", "slots", "used",
    )  # fmt: skip

    def __init__(
        self, floor: Floor, number: int, row: dict[str, object], room: list[int], fixed: list[Standing]
    ) -> None:
        instance = floor.instance
        self.floor = floor
        self.number = number
        self.id = str(row["id"])
        self.shift_start = _whole(row["shift_start"])
        self.shift_end = _whole(row["shift_end"])
        last_end = -FAR if row["last_end"] is None else _whole(row["last_end"])
        rested = last_end + floor.policy.rest_between_shifts
        now = -FAR if instance.now is None else instance.now
        self.earliest = max(self.shift_start, rested, now)
        self.clock = self.earliest
        self.history_room = room
        self.room = room[:]
        size = len(floor.stretches)
        self.since = [-1] * size  # start of the first selected review since the last rest, -1: none
        self.used = [0] * size  # seconds or number of the selected ones, as the stretch measures
        self.calm = [0] * size  # seconds of everyday work in a row
        self.slots: list[tuple[str, int, str | None, int, int]] = []  # kind, item, label, start, end
        self.fixed = fixed
        self.at_hand = 0  # position in `fixed` of what the clock has not passed
        self.next_fixed = FAR
        self.pointer = 0  # FIFO: how far into the queue this person has looked for good
        for slot in fixed:
            self.slots.append((slot.kind, slot.item, None, slot.start, slot.end))
            if slot.kind == "work":
                self._use(slot.item, slot.end - slot.start)
        self.reach(self.clock)

    def reach(self, instant: int) -> None:
        """Move to `instant` at the least, and past every fixed slot that has begun by then."""
        if instant > self.clock:
            self.clock = instant
        while self.at_hand < len(self.fixed) and self.fixed[self.at_hand].start <= self.clock:
            slot = self.fixed[self.at_hand]
            self.at_hand += 1
            if slot.kind == "work":
                self._saw(self.floor.group[slot.item], slot.start, slot.end - slot.start)
            elif slot.is_rest:
                self._rested(slot.end - slot.start)
            self.clock = max(self.clock, slot.end)
        self.next_fixed = self.fixed[self.at_hand].start if self.at_hand < len(self.fixed) else FAR

    def within_limits(self, group: Group) -> tuple[int, int]:
        """(seconds, seconds × tenths): the greatest review of this group that no limit refuses (H4)."""
        return _greatest(group, self.room)

    def within_stretches(self, group: Group, rested: int = 0) -> int:
        """The longest review of this group that no stretch refuses, started now, or after a break of
        `rested` seconds (H5)."""
        most = FAR
        start = self.clock + rested
        stretches = self.floor.stretches
        for at in group.stretches:
            stretch = stretches[at]
            left = stretch.amount
            if rested < stretch.rest and self.since[at] >= 0:
                left -= start - self.since[at] if stretch.measure == "span" else self.used[at]
            if stretch.measure == "items":
                left = FAR if left > 0 else 0
            if left < most:
                most = left
        return most

    def allowed(self, group: Group, rested: int = 0) -> tuple[int, int]:
        """(seconds, seconds × tenths): the greatest review of this group that may start now, or after a
        break of `rested` seconds, by H3 to H6. (0, 0) where none may."""
        start = self.clock + rested
        if start < self.shift_start + group.first:
            return 0, 0
        most = min(self.shift_end - group.last, self.next_fixed) - start
        if most <= 0:
            return 0, 0
        most = min(most, self.within_stretches(group, rested))
        if most <= 0:
            return 0, 0
        seconds, weighted = _greatest(group, self.room)
        return min(most, seconds), weighted

    def could_take(self, group: Group, seconds: int, tenths: int, release: int) -> bool:
        """Would it be legal on an otherwise empty day, history counted (H3 to H6)?"""
        start = max(self.earliest, release, self.shift_start + group.first)
        if start + seconds > self.shift_end - group.last:
            return False
        most, weighted = _greatest(group, self.history_room)
        if seconds > most or seconds * tenths > weighted:
            return False
        stretches = self.floor.stretches
        return all(
            stretches[at].amount >= (1 if stretches[at].measure == "items" else seconds)
            for at in group.stretches
        )

    def is_fresh(self) -> bool:
        """Nothing seen since the last rest, whatever the rule."""
        return max(self.since, default=-1) < 0

    def run_after(self, rested: int) -> int:
        """Seconds of work of any kind before the next forced break, after a break of `rested` seconds."""
        start = self.clock + rested
        run = min(self.shift_end, self.next_fixed) - start
        for at in self.floor.for_all_work:
            stretch = self.floor.stretches[at]
            left = stretch.amount
            if rested < stretch.rest and self.since[at] >= 0:
                left -= start - self.since[at] if stretch.measure == "span" else self.used[at]
            run = min(run, left)
        return max(0, run)

    def work(self, item: int) -> None:
        start, seconds = self.clock, self.floor.seconds[item]
        self.slots.append(("work", item, None, start, start + seconds))
        self._use(item, seconds)
        self._saw(self.floor.group[item], start, seconds)
        self.reach(start + seconds)

    def rest(self, seconds: int) -> None:
        self.slots.append(("break", -1, self.floor.label(seconds), self.clock, self.clock + seconds))
        self._rested(seconds)
        self.reach(self.clock + seconds)

    def _use(self, item: int, seconds: int) -> None:
        group = self.floor.group[item]
        for at in group.seconds_limits:
            self.room[at] -= seconds
        for at in group.items_limits:
            self.room[at] -= 1
        for at in group.dose_limits:
            self.room[at] -= seconds * self.floor.tenths[item] * group.weight

    def _saw(self, group: Group, start: int, seconds: int) -> None:
        for at in group.stretches:
            if self.since[at] < 0:
                self.since[at] = start
                self.used[at] = 0
            self.used[at] += 1 if self.floor.stretches[at].measure == "items" else seconds
            self.calm[at] = 0
        for at in group.calms:
            self.calm[at] += seconds
            if self.calm[at] >= self.floor.reset_seconds[at]:
                self.since[at] = -1
        for at in group.stirs:
            self.calm[at] = 0

    def _rested(self, seconds: int) -> None:
        for at, stretch in enumerate(self.floor.stretches):
            if seconds >= stretch.rest:
                self.since[at] = -1


def _greatest(group: Group, room: list[int]) -> tuple[int, int]:
    """(seconds, seconds × tenths) that still fit in what the limits leave. Nothing adds to a limit that is
    already passed, but what adds nothing passes none."""
    for at in group.items_limits:
        if room[at] < 1:
            return 0, 0
    seconds = weighted = FAR
    for at in group.seconds_limits:
        seconds = min(seconds, room[at])
    for at in group.dose_limits:
        weighted = min(weighted, room[at] // group.weight)
    return max(0, seconds), max(0, weighted)


@dataclass(slots=True)
class Skilled:
    """People alike under H1, and the item kinds (language, market, category, severity) they may take."""

    skill: Skill
    people: list[Person] = field(default_factory=list)


class Floor:
    """An instance, ready for a day without a plan. Items and people are named by their row."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        policy = self.policy = instance.policy
        self.stretches: tuple[Stretch, ...] = policy.stretches
        self.for_all_work = [
            at for at, s in enumerate(policy.stretches) if s.selects_everything and s.measure != "items"
        ]
        self.reset_seconds = [s.reset_by.seconds if s.reset_by else FAR for s in policy.stretches]
        self.rests = sorted({s.rest for s in policy.stretches})
        self.general_rests = sorted({s.rest for s in policy.stretches if s.selects_everything})

        items = instance.items
        self.items: list[str] = items["id"].to_list()
        self.kind: list[str] = items["kind"].to_list()
        self.seconds: list[int] = items["seconds"].to_list()
        self.release: list[int] = items["release"].fill_null(-FAR).to_list()
        self.due: list[int] = items["due"].fill_null(FAR).to_list()
        self.priority: list[int] = items["priority"].to_list()
        self.tenths: list[int] = [policy.dose.modality_tenths[m] for m in items["modality"].to_list()]
        self.wanted: list[int] = items["reviews"].to_list()
        self.left: list[int] = self.wanted[:]
        self.category: list[str] = items["category"].to_list()
        self.severity: list[int] = items["severity"].to_list()
        self.needs: list[tuple[str, str, str, int]] = list(
            items.select("language", "market", "category", "severity").iter_rows()
        )
        groups: dict[tuple[str, int], Group] = {}
        for key in zip(self.category, self.severity, strict=True):
            if key not in groups:
                groups[key] = group_of(policy, len(groups), *key)
        self.group: list[Group] = [groups[key] for key in zip(self.category, self.severity, strict=True)]
        self.excluded = _people_by_item(items["excluded"])
        self.only = _people_by_item(items["only"])
        self.has: dict[int, set[str]] = {}
        self._seat(instance)

    def _seat(self, instance: Instance) -> None:
        item_at = {name: i for i, name in enumerate(self.items)}
        fixed: dict[str, list[Standing]] = {}
        for row in instance.fixed.iter_rows(named=True):
            item = -1 if row["item"] is None else item_at[row["item"]]
            slot = Standing(row["start"], row["end"], row["kind"], item, False)
            fixed.setdefault(row["auditor"], []).append(slot)
            if item >= 0:
                self.left[item] -= 1
                self.has.setdefault(item, set()).add(row["auditor"])
        history = _history_by_person(instance)
        self.people: list[Person] = []
        skilled: dict[Skill, Skilled] = {}
        for number, row in enumerate(instance.auditors.iter_rows(named=True)):
            room = [
                limit.effective_amount(row["exposure_percent"])
                - _used_before(limit, instance.work_date, self.policy.dose, history.get(row["id"], []))
                if limit.binds(auditor=row["id"], team=row["team"], home_market=row["home_market"])
                else FAR
                for limit in self.policy.limits
            ]
            person = Person(self, number, row, room, _told_apart(fixed.get(row["id"], [])))
            self.people.append(person)
            skill = (
                frozenset(row["languages"]), frozenset(row["markets"]), frozenset(row["clearances"]),
                frozenset(row["opt_outs"]), row["max_severity"],
            )  # fmt: skip
            skilled.setdefault(skill, Skilled(skill)).people.append(person)
        self.skilled = list(skilled.values())

    def takers(self) -> dict[tuple[str, str, str, int], list[int]]:
        """Which of `skilled`, by position, may take what needs this language, market, category, severity."""
        speakers: dict[str, list[int]] = {}
        for at, those in enumerate(self.skilled):
            for language in those.skill[0]:
                speakers.setdefault(language, []).append(at)
        found = {}
        for needs in dict.fromkeys(self.needs):
            language, market, category, severity = needs
            clearance = self.policy.clearances.get(category)
            found[needs] = [
                at
                for at in speakers.get(language, [])
                for _, markets, clearances, opt_outs, greatest in [self.skilled[at].skill]
                if (market in markets or "*" in markets)
                and (clearance is None or clearance in clearances)
                and category not in opt_outs
                and severity <= greatest
            ]
        return found

    def barred(self, item: int, person: str) -> bool:
        """Is it not for this person, whatever the skills (excluded, only, has it already)?"""
        return (
            (item in self.excluded and person in self.excluded[item])
            or (item in self.only and person not in self.only[item])
            or (item in self.has and person in self.has[item])
        )

    def take(self, person: Person, item: int) -> None:
        """The person does this review now; the caller has made sure that it is legal."""
        self.left[item] -= 1
        if self.wanted[item] > 1:
            self.has.setdefault(item, set()).add(person.id)
        person.work(item)

    def label(self, rest: int) -> str:
        """What a break of `rest` seconds is called."""
        if rest not in self.general_rests:
            return "recovery"
        return "short" if rest == self.general_rests[0] else "meal"

    def slots(self) -> pl.DataFrame:
        """Everyone's day, person by person, in order of time."""
        rows = [
            (person.id, kind, self.items[item] if item >= 0 else None, label, start, end)
            for person in self.people
            for kind, item, label, start, end in sorted(person.slots, key=lambda slot: slot[3:])
        ]
        return pl.DataFrame(rows, schema=SLOTS, orient="row")


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"an instant is whole seconds, not {value!r}")
    return value


def _people_by_item(column: pl.Series) -> dict[int, frozenset[str]]:
    """Only the items that name anybody: most do not."""
    return {i: frozenset(people) for i, people in enumerate(column.to_list()) if people}


def _told_apart(slots: list[Standing]) -> list[Standing]:
    """Fixed slots in order of time. Where a fixed break overlaps fixed work it is not taken for a rest: no
    reading of the rules is stricter."""
    work = [slot for slot in slots if slot.kind == "work"]
    return sorted(
        (
            Standing(
                slot.start, slot.end, slot.kind, slot.item,
                slot.kind == "break" and not any(w.start < slot.end and slot.start < w.end for w in work),
            )
            for slot in slots
        ),
        key=lambda slot: (slot.start, slot.end),
    )  # fmt: skip


Past = tuple[date, str, int, str, int, int]
"""Work date, category, severity, modality, seconds, items."""


def _history_by_person(instance: Instance) -> dict[str, list[Past]]:
    found: dict[str, list[Past]] = {}
    for auditor, *past in instance.history.iter_rows():
        found.setdefault(auditor, []).append((past[0], past[1], past[2], past[3], past[4], past[5]))
    return found


def _used_before(limit: Limit, work_date: date, dose: Dose, history: Iterable[Past]) -> int:
    """What the `window_days - 1` dates before the work date add to the limit's use."""
    used = 0
    for on, category, severity, modality, seconds, items in history:
        if 1 <= (work_date - on).days < limit.window_days and limit.selects(category, severity):
            if limit.measure == "items":
                used += items
            elif limit.measure == "seconds":
                used += seconds
            else:
                used += seconds * dose.units_per_second(severity, modality)
    return used
