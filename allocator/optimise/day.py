"""The day as arrays: what the planner asks again and again, worked out once.

Letters for shapes: A auditors, I items, K classes, L limits, R stretches. Auditors, items and limits are
numbered in the order of the instance. A *class* is the set of items that no rule tells apart but by their
seconds: equal market, language, category, severity and modality.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from allocator.instance import Instance
from allocator.optimise.capacity import work_capacity
from allocator.rules.policy import Policy, Rule

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

NEVER = 1 << 60
"""An instant after every other, and a room that nothing fills."""
LONGER_THAN_ANY_DAY = 1 << 40
"""Seconds: an item this long is in nobody's reach, and sums with it stay within 64 bits."""


@dataclass(frozen=True, slots=True)
class FixedSlot:
    """A slot that stands: `item` is -1 for breaks and busy time."""

    kind: str
    item: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Classes:
    """The K classes. `rate[k, l]` is what a second, `count[k, l]` what a review of class k adds to limit l;
    `first[k]` and `last[k]` are the widest edges that select it."""

    market: list[str]
    language: list[str]
    category: list[str]
    severity: list[int]
    modality: list[str]
    dose_rate: Ints  # (K,) dose units a second
    rate: Ints  # (K, L)
    count: Ints  # (K, L)
    stretch: Bools  # (K, R) is it selected?
    first: Ints  # (K,)
    last: Ints  # (K,)
    longest_alone: Ints  # (K,) the longest single review that every stretch lets pass, -1: none

    def __len__(self) -> int:
        return len(self.market)


class Day:
    """An instance made ready for planning."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.policy: Policy = instance.policy
        self.now = instance.now
        people, items = instance.auditors, instance.items
        self.auditors: list[str] = people["id"].to_list()
        self.items: list[str] = items["id"].to_list()
        self.auditor_at = {name: a for a, name in enumerate(self.auditors)}
        self.item_at = {name: i for i, name in enumerate(self.items)}

        self.shift_start = people["shift_start"].to_numpy().astype(np.int64)
        self.shift_end = people["shift_end"].to_numpy().astype(np.int64)
        self.percent = people["exposure_percent"].to_numpy().astype(np.int64)
        rest = min(self.policy.rest_between_shifts, LONGER_THAN_ANY_DAY)
        rested = (people["last_end"] + rest).fill_null(-NEVER).to_numpy()
        self.open_from = np.maximum(self.shift_start, -NEVER if self.now is None else self.now)
        """(A,) when a new slot may start at the earliest."""
        self.work_from = np.maximum(self.open_from, rested)
        """(A,) when a new review may start at the earliest."""

        self.kind: list[str] = items["kind"].to_list()
        self.seconds = np.minimum(items["seconds"].to_numpy().astype(np.int64), LONGER_THAN_ANY_DAY)
        self.reviews = items["reviews"].to_numpy().astype(np.int64)
        self.release = items["release"].fill_null(-NEVER).to_numpy().astype(np.int64)
        self.due = items["due"].fill_null(NEVER).to_numpy().astype(np.int64)
        self.is_sample = (items["kind"] == "sample").to_numpy()
        self._number_classes()
        self._number_people()
        self._note_exclusions()
        self._note_fixed()
        self._measure_rooms()

    # -- classes -----------------------------------------------------------------------------------------

    def _number_classes(self) -> None:
        keys = ["market", "language", "category", "severity", "modality"]
        numbered = self.instance.items.select(
            pl.struct(keys).rank("dense").cast(pl.Int64).sub(1).alias("class"), *keys
        )
        self.item_class = numbered["class"].to_numpy().astype(np.int64)
        """(I,) the class of each item."""
        table = numbered.unique("class").sort("class")
        categories, severities = table["category"].to_list(), table["severity"].to_list()
        modalities = table["modality"].to_list()
        size, policy = table.height, self.policy
        dose_rate = np.array(
            [policy.dose.units_per_second(s, m) for s, m in zip(severities, modalities, strict=True)],
            dtype=np.int64,
        )
        rate = np.zeros((size, len(policy.limits)), dtype=np.int64)
        count = np.zeros_like(rate)
        for number, limit in enumerate(policy.limits):
            chosen = self._selected(limit, categories, severities)
            if limit.measure == "seconds":
                rate[:, number] = chosen
            elif limit.measure == "dose":
                rate[:, number] = chosen * dose_rate
            else:
                count[:, number] = chosen
        stretch = np.zeros((size, len(policy.stretches)), dtype=np.bool_)
        longest = np.full(size, NEVER, dtype=np.int64)
        for number, rule in enumerate(policy.stretches):
            chosen = self._selected(rule, categories, severities)
            stretch[:, number] = chosen
            alone = rule.amount if rule.measure != "items" else (NEVER if rule.amount >= 1 else -1)
            longest[chosen] = np.minimum(longest[chosen], alone)
        first = np.zeros(size, dtype=np.int64)
        last = np.zeros(size, dtype=np.int64)
        for edge in policy.edges:
            chosen = self._selected(edge, categories, severities)
            first[chosen] = np.maximum(first[chosen], edge.first)
            last[chosen] = np.maximum(last[chosen], edge.last)
        self.classes = Classes(
            market=table["market"].to_list(),
            language=table["language"].to_list(),
            category=categories,
            severity=severities,
            modality=modalities,
            dose_rate=dose_rate,
            rate=rate,
            count=count,
            stretch=stretch,
            first=first,
            last=last,
            longest_alone=longest,
        )

    @staticmethod
    def _selected(rule: Rule, categories: Iterable[str], severities: Iterable[int]) -> Bools:
        return np.array(
            [rule.selects(c, s) for c, s in zip(categories, severities, strict=True)], dtype=np.bool_
        )

    # -- people ------------------------------------------------------------------------------------------

    def _number_people(self) -> None:
        """People with equal languages, markets, clearances, opt-outs and top severity are of one type."""
        numbers: dict[tuple[object, ...], int] = {}
        kinds: list[tuple[frozenset[str], frozenset[str], frozenset[str], frozenset[str], int]] = []
        types = []
        columns = ("languages", "markets", "clearances", "opt_outs")
        for row in self.instance.auditors.select(*columns, "max_severity").iter_rows():
            key = (frozenset(row[0]), frozenset(row[1]), frozenset(row[2]), frozenset(row[3]), row[4])
            if key not in numbers:
                numbers[key] = len(kinds)
                kinds.append(key)
            types.append(numbers[key])
        self.type_of = np.array(types, dtype=np.int64)
        """(A,) the type of each auditor."""
        self.qualified = np.zeros((len(kinds), len(self.classes)), dtype=np.bool_)
        """(types, K) H1 but for `excluded` and `only`."""
        for number, (languages, markets, clearances, opt_outs, top) in enumerate(kinds):
            everywhere = "*" in markets
            self.qualified[number] = [
                language in languages
                and (everywhere or market in markets)
                and (category not in self.policy.clearances or self.policy.clearances[category] in clearances)
                and category not in opt_outs
                and severity <= top
                for market, language, category, severity in zip(
                    self.classes.market,
                    self.classes.language,
                    self.classes.category,
                    self.classes.severity,
                    strict=True,
                )
            ]

    def _note_exclusions(self) -> None:
        self.excluded: dict[int, frozenset[int]] = {}
        self.only: dict[int, frozenset[int]] = {}
        for name, target in (("excluded", self.excluded), ("only", self.only)):
            named = self.instance.items[name]
            for i in np.flatnonzero(named.list.len().to_numpy()).tolist():
                target[i] = frozenset(self.auditor_at[who] for who in named[i] if who in self.auditor_at)

    # -- what stands -------------------------------------------------------------------------------------

    def _note_fixed(self) -> None:
        self.fixed: list[list[FixedSlot]] = [[] for _ in self.auditors]
        """For each auditor what stands, by start."""
        self.fixed_reviews: dict[int, list[int]] = {}
        """For each item with fixed work, who did or does it."""
        for name, kind, item, start, end in self.instance.fixed.sort("start", "end", "kind").iter_rows():
            a, i = self.auditor_at[name], -1 if item is None else self.item_at[item]
            self.fixed[a].append(FixedSlot(kind, i, start, end))
            if kind == "work":
                self.fixed_reviews.setdefault(i, []).append(a)

    def _measure_rooms(self) -> None:
        """`allowed`, `history_use`, `fixed_use` and `room`, each (A, L); a limit that does not bind allows
        NEVER."""
        policy, people = self.policy, self.instance.auditors
        shape = (len(self.auditors), len(policy.limits))
        self.allowed = np.full(shape, NEVER, dtype=np.int64)
        self.binds = np.zeros(shape, dtype=np.bool_)
        who = list(people.select("id", "team", "home_market").iter_rows())
        for number, limit in enumerate(policy.limits):
            for a, (name, team, home) in enumerate(who):
                if limit.binds(auditor=name, team=team, home_market=home):
                    self.binds[a, number] = True
                    self.allowed[a, number] = min(limit.effective_amount(int(self.percent[a])), NEVER)
        self.history_use = np.zeros(shape, dtype=np.int64)
        past = self._past()
        for number, limit in enumerate(policy.limits):
            recent = past.filter(pl.col("days_ago") < limit.window_days)
            chosen = recent.filter(
                (pl.col("severity") >= limit.min_severity)
                & (pl.col("category").is_in(list(limit.categories)) if limit.categories else pl.lit(True))
            )
            np.add.at(
                self.history_use[:, number],
                chosen["row"].to_numpy(),
                chosen[{"seconds": "seconds", "items": "items", "dose": "units"}[limit.measure]].to_numpy(),
            )
        self.fixed_use = np.zeros(shape, dtype=np.int64)
        for a, slots in enumerate(self.fixed):
            for slot in slots:
                if slot.kind == "work":
                    self.fixed_use[a] += self.measure(slot.item, slot.end - slot.start)
        self.room = np.where(
            self.binds, np.maximum(0, self.allowed - self.history_use - self.fixed_use), NEVER
        )
        weights = past.filter(pl.col("days_ago") <= 6)
        self.past_dose_sevenths = np.zeros(len(self.auditors), dtype=np.int64)
        """(A,) seven times the fading dose of the six work dates before, in units (G3)."""
        np.add.at(
            self.past_dose_sevenths,
            weights["row"].to_numpy(),
            (weights["units"] * (7 - weights["days_ago"])).to_numpy(),
        )

    def _past(self) -> pl.DataFrame:
        """History of the people on shift, with `row` (auditor), `days_ago` and dose `units`."""
        dose = self.policy.dose
        units = pl.DataFrame(
            [
                (severity, modality, dose.units_per_second(severity, modality))
                for severity in range(5)
                for modality in dose.modality_tenths
            ],
            schema={"severity": pl.Int64, "modality": pl.String, "unit": pl.Int64},
            orient="row",
        )
        rows = pl.DataFrame(
            {"auditor": self.auditors, "row": range(len(self.auditors))},
            schema={"auditor": pl.String, "row": pl.Int64},
        )
        return (
            self.instance.history.join(rows, on="auditor")
            .join(units, on=["severity", "modality"])
            .with_columns(
                days_ago=(pl.lit(self.instance.work_date) - pl.col("work_date")).dt.total_days(),
                units=pl.col("seconds") * pl.col("unit"),
            )
        )

    # -- questions ---------------------------------------------------------------------------------------

    def measure(self, item: int, seconds: int | None = None) -> Ints:
        """(L,) what a review of `item` adds to each limit."""
        k = self.item_class[item]
        length = int(self.seconds[item]) if seconds is None else seconds
        added: Ints = self.classes.rate[k] * length + self.classes.count[k]
        return added

    def is_asked(self, a: int, i: int) -> bool:
        """Neither kept away from the item by name, nor left out of its `only`."""
        if i in self.excluded and a in self.excluded[i]:
            return False
        return i not in self.only or a in self.only[i]

    def earliest_start(self, a: int, i: int) -> int:
        """The first second at which the auditor could start the item on an empty day."""
        k = self.item_class[i]
        opening = int(self.shift_start[a]) + int(self.classes.first[k]) if self.classes.first[k] else -NEVER
        return max(int(self.work_from[a]), int(self.release[i]), opening)

    def could_take(self, i: int) -> Bools:
        """(A,) who could take the item on an otherwise empty day (H1 to H6, history counted)."""
        k, seconds = self.item_class[i], self.seconds[i]
        able: Bools = self.qualified[self.type_of, k]
        if self.classes.longest_alone[k] < seconds:
            able[:] = False
            return able
        start = np.maximum(self.work_from, self.release[i])
        if self.classes.first[k]:
            start = np.maximum(start, self.shift_start + self.classes.first[k])
        able &= start + seconds <= self.shift_end - self.classes.last[k]
        added = self.classes.rate[k] * seconds + self.classes.count[k]
        touched = np.flatnonzero(added)
        if touched.size:
            used = self.history_use[:, touched] + added[touched]
            able &= ((used <= self.allowed[:, touched]) | ~self.binds[:, touched]).all(axis=1)
        for a in self.excluded.get(i, ()):
            able[a] = False
        if i in self.only:
            asked = np.zeros_like(able)
            asked[list(self.only[i])] = True
            able &= asked
        return able

    @cached_property
    def open_seconds(self) -> Ints:
        """(A,) seconds from the earliest new review to the end of the shift that no fixed work or busy
        slot covers."""
        free: Ints = np.maximum(0, self.shift_end - self.work_from)
        for a, slots in enumerate(self.fixed):
            reached = int(self.work_from[a])
            for slot in slots:
                if slot.kind != "break":
                    start, end = max(slot.start, reached), min(slot.end, int(self.shift_end[a]))
                    if end > start:
                        free[a] -= end - start
                    reached = max(reached, end)
        return free

    @cached_property
    def capacity(self) -> Ints:
        """(A,) the most work seconds each auditor could still do under the stretches."""
        return work_capacity(self.policy.stretches, self.open_seconds)

    def weight(self, i: int) -> Fraction:
        """What an on-time review of a G1 item is worth."""
        priority = self.instance.items["priority"][i] if self.kind[i] == "escalation" else 4
        return self.policy.escalation_weights[priority]
