"""The best that any legal plan of a tiny day reaches: all timelines of all auditors, put together."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import polars as pl

from allocator.instance import Instance
from allocator.plan import SLOTS
from allocator.rules.policy import coverage_value
from tests.brute_force.legality import Row, Slot, could_take
from tests.brute_force.timelines import Done, timelines

Counts = tuple[tuple[int, int], ...]
"""For each item of the day: its reviews in time and its late ones, fixed reviews among them."""


@dataclass(frozen=True, slots=True)
class Value:
    """What a plan is worth: G1 and in-order coverage, exactly. Greater is better, G1 first."""

    escalations: Fraction
    in_order_coverage: Fraction

    @property
    def order(self) -> tuple[Fraction, Fraction]:
        return self.escalations, self.in_order_coverage


@dataclass(frozen=True, slots=True)
class Optimum:
    """`best` is the best plan's value and `slots` one such plan; `values` holds what any legal plan is worth;
    `leaves_out` says whether the best plan lacks a review that was wanted."""

    best: Value
    slots: pl.DataFrame
    values: frozenset[Value]
    leaves_out: bool

    def most_escalations(self) -> Fraction:
        return max(value.escalations for value in self.values)

    def most_coverage(self, escalations: Fraction) -> Fraction:
        """The highest in-order coverage of plans whose G1 is at least `escalations`."""
        return max(v.in_order_coverage for v in self.values if v.escalations >= escalations)


def optimum(instance: Instance, grid: int) -> Optimum:
    """Try everything. `grid` divides every time of the day and of its policy."""
    auditors = instance.auditors.to_dicts()
    items = instance.items.to_dicts()
    place = {item["id"]: n for n, item in enumerate(items)}
    fixed = _fixed_counts(instance, items)
    reached: dict[Counts, tuple[Done, ...]] = {fixed: ()}
    possible = [timelines(instance, auditor, grid) for auditor in auditors]
    for dones in possible:
        following: dict[Counts, tuple[Done, ...]] = {}
        for counts, chosen in reached.items():
            for done in dones:
                after = _added(counts, done, place, items, fixed)
                if after is not None:
                    following.setdefault(after, (*chosen, done))
        reached = following
    in_reach = {item["id"] for item in items if any(could_take(instance, a, item) for a in auditors)}
    in_reach |= {item["id"] for item, (early, late) in zip(items, fixed, strict=True) if early + late > 0}
    worth = {counts: value(instance, items, counts, in_reach) for counts in reached}
    best = max(reached, key=lambda counts: worth[counts].order)
    timeline = [possible[n][done] for n, done in enumerate(reached[best])]
    wanting = any(sum(n) < item["reviews"] for n, item in zip(best, items, strict=True))
    return Optimum(
        worth[best], slots_of(instance, auditors, timeline), frozenset(worth.values()), leaves_out=wanting
    )


def slots_of(instance: Instance, auditors: list[Row], timeline: list[tuple[Slot, ...]]) -> pl.DataFrame:
    """The planned slots and the fixed ones as a plan's table."""
    rows = [
        (auditor["id"], slot.kind, slot.item, "short" if slot.kind == "break" else None, slot.start, slot.end)
        for auditor, slots in zip(auditors, timeline, strict=True)
        for slot in slots
    ]
    standing = instance.fixed.with_columns(label=pl.lit(None, pl.String)).select(list(SLOTS))
    return pl.concat([pl.DataFrame(rows, schema=SLOTS, orient="row"), standing])


def counts_of(instance: Instance, slots: pl.DataFrame) -> Counts:
    """The reviews in a plan's slots, in the order of the items."""
    items = instance.items.to_dicts()
    place = {item["id"]: n for n, item in enumerate(items)}
    counts = [[0, 0] for _ in items]
    for row in slots.filter(pl.col("kind") == "work").to_dicts():
        item = items[place[row["item"]]]
        counts[place[row["item"]]][item["due"] is not None and row["end"] > item["due"]] += 1
    return tuple((early, late) for early, late in counts)


def value_of(instance: Instance, slots: pl.DataFrame) -> Value:
    """What a plan with these slots is worth."""
    auditors, items = instance.auditors.to_dicts(), instance.items.to_dicts()
    held = set(instance.fixed["item"].drop_nulls())
    in_reach = held | {i["id"] for i in items if any(could_take(instance, a, i) for a in auditors)}
    return value(instance, items, counts_of(instance, slots), in_reach)


def value(instance: Instance, items: list[Row], counts: Counts, in_reach: set[str]) -> Value:
    """G1 and in-order coverage of a plan with these counts."""
    weights = instance.policy.escalation_weights
    escalations = sum(
        (
            weights[item["priority"] if item["kind"] == "escalation" else 4] * (early + Fraction(late, 10))
            for item, (early, late) in zip(items, counts, strict=True)
            if item["kind"] != "sample"
        ),
        Fraction(0),
    )
    strata: dict[str, list[tuple[Row, int]]] = {}
    for item, (early, late) in zip(items, counts, strict=True):
        if item["kind"] == "sample":
            strata.setdefault(item["stratum"], []).append((item, early + late))
    coverage = Fraction(0)
    for members in strata.values():
        members.sort(key=lambda pair: pair[0]["draw"])
        planned, gap = 0, False
        for item, n in members:
            planned += 0 if gap else n
            gap = gap or (n == 0 and item["id"] in in_reach)
        wanted = sum(item["reviews"] for item, _ in members)
        coverage += coverage_value(instance.policy.coverage_bands, wanted, planned)
    return Value(escalations, coverage)


def _fixed_counts(instance: Instance, items: list[Row]) -> Counts:
    work = instance.fixed.filter(pl.col("kind") == "work")
    return counts_of(instance, work) if work.height else tuple((0, 0) for _ in items)


def _added(
    counts: Counts, done: Done, place: dict[str, int], items: list[Row], fixed: Counts
) -> Counts | None:
    """The counts with one auditor's reviews on top; None where an item would be reviewed too often (H2)."""
    after = [list(pair) for pair in counts]
    for late, names in enumerate(done):
        for name in names:
            after[place[name]][late] += 1
    for n, item in enumerate(items):
        if sum(after[n]) > max(item["reviews"], sum(fixed[n])):
            return None
    return tuple((early, late) for early, late in after)
