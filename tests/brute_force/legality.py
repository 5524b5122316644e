"""The hard rules, straight from the rule book and as slow as they like: which does a set of slots break?

Written apart from the verifier and from the planner; where two of the three disagree, a test fails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import polars as pl

from allocator.instance import Instance
from allocator.rules.policy import SHORTEST_BREAK, Limit, Policy, Stretch

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot of one auditor. `item` is the item's row (None for a break or busy)."""

    kind: str
    item: str | None
    start: int
    end: int
    fixed: bool


def rules_broken(instance: Instance, slots: pl.DataFrame) -> set[str]:
    """The names of the hard rules that the slots break, H1 to H7."""
    items = {row["id"]: row for row in instance.items.to_dicts()}
    by_auditor = _slots_by_auditor(instance, slots)
    broken = set()
    for auditor in instance.auditors.to_dicts():
        mine = by_auditor.get(auditor["id"], [])
        broken |= broken_by_one(instance, auditor, items, mine)
    held = Counter(s.item for mine in by_auditor.values() for s in mine if s.kind == "work")
    planned = {s.item for mine in by_auditor.values() for s in mine if s.kind == "work" and not s.fixed}
    if any(item and held[item] > items[item]["reviews"] for item in planned):
        broken.add("H2")
    return broken


def broken_by_one(instance: Instance, auditor: Row, items: dict[str, Row], mine: Sequence[Slot]) -> set[str]:
    """What one auditor's slots break, all but the number of reviews of an item (the rest of H2)."""
    policy = instance.policy
    ordered = sorted(mine, key=lambda slot: (slot.start, slot.end))
    planned = [slot for slot in ordered if not slot.fixed]
    broken = set()
    work = [(slot, items[slot.item]) for slot in planned if slot.kind == "work" and slot.item]
    if not all(may_take(policy, auditor, item) for _, item in work):
        broken.add("H1")
    held = Counter(slot.item for slot in ordered if slot.kind == "work")
    if any(held[slot.item] > 1 for slot, _ in work):
        broken.add("H2")
    if not all(_in_time(instance, auditor, slot, item) for slot, item in work):
        broken.add("H3")
    if any(instance.now is not None and slot.start < instance.now for slot in planned):
        broken.add("H3")
    if any(_overlap(a.start, a.end, b.start, b.end) for a in planned for b in ordered if a is not b):
        broken.add("H3")
    if any(_passes(instance, limit, auditor, ordered, items) for limit in policy.limits):
        broken.add("H4")
    if any(_too_long(stretch, ordered, items) for stretch in policy.stretches):
        broken.add("H5")
    if any(not clear_of_edges(policy, auditor, item, slot.start, slot.end) for slot, item in work):
        broken.add("H6")
    breaks = [slot for slot in planned if slot.kind == "break"]
    if any(not _in_shift(auditor, slot) or slot.end - slot.start < SHORTEST_BREAK for slot in breaks):
        broken.add("H7")
    return broken


def may_take(policy: Policy, auditor: Row, item: Row) -> bool:
    """H1: is this person one who may review this item at all?"""
    clearance = policy.clearances.get(item["category"])
    return (
        item["language"] in auditor["languages"]
        and (item["market"] in auditor["markets"] or "*" in auditor["markets"])
        and (clearance is None or clearance in auditor["clearances"])
        and item["category"] not in auditor["opt_outs"]
        and item["severity"] <= auditor["max_severity"]
        and auditor["id"] not in item["excluded"]
        and (not item["only"] or auditor["id"] in item["only"])
    )


def earliest(instance: Instance, auditor: Row) -> int:
    """The first second at which this person may begin anything new."""
    first: int = auditor["shift_start"]
    if auditor["last_end"] is not None:
        first = max(first, auditor["last_end"] + instance.policy.rest_between_shifts)
    if instance.now is not None:
        first = max(first, instance.now)
    return first


def clear_of_edges(policy: Policy, auditor: Row, item: Row, start: int, end: int) -> bool:
    """H6: the review touches no edge that selects it."""
    first, last = auditor["shift_start"], auditor["shift_end"]
    return not any(
        _overlap(start, end, first, min(last, first + edge.first))
        or _overlap(start, end, max(first, last - edge.last), last)
        for edge in policy.edges
        if edge.selects(item["category"], item["severity"])
    )


def _overlap(start: int, end: int, other_start: int, other_end: int) -> bool:
    """Do two half-open intervals, neither of them reversed, share a second?"""
    return max(start, other_start) < min(end, other_end)


def amount_of(policy: Policy, measure: str, row: Row, *, seconds: int, items: int) -> int:
    """What so many seconds and items of this category, severity and modality add to a limit's use."""
    if measure == "dose":
        return seconds * policy.dose.units_per_second(row["severity"], row["modality"])
    return seconds if measure == "seconds" else items


def binds(limit: Limit, auditor: Row) -> bool:
    return limit.scope in (
        "org",
        f"market:{auditor['home_market']}",
        f"team:{auditor['team']}",
        f"auditor:{auditor['id']}",
    )


def most(limit: Limit, auditor: Row) -> int:
    """The limit's amount for this person, in its own units."""
    units = 600 if limit.measure == "dose" else 1
    return int(limit.amount * units * auditor["exposure_percent"]) // 100


def past_use(instance: Instance, limit: Limit, auditor: Row) -> int:
    """What the history already put under the limit, in the window that ends on the work date."""
    first = instance.work_date - timedelta(days=limit.window_days - 1)
    return sum(
        amount_of(instance.policy, limit.measure, row, seconds=row["seconds"], items=row["items"])
        for row in instance.history.to_dicts()
        if row["auditor"] == auditor["id"]
        and first <= row["work_date"] < instance.work_date
        and limit.selects(row["category"], row["severity"])
    )


def use_of(policy: Policy, limit: Limit, work: Iterable[tuple[Slot, Row]]) -> int:
    return sum(
        amount_of(policy, limit.measure, item, seconds=slot.end - slot.start, items=1)
        for slot, item in work
        if limit.selects(item["category"], item["severity"])
    )


def _passes(
    instance: Instance, limit: Limit, auditor: Row, mine: Sequence[Slot], items: dict[str, Row]
) -> bool:
    """H4: the plan adds to the limit's use, and the use passes the limit."""
    if not binds(limit, auditor):
        return False
    work = [(slot, items[slot.item]) for slot in mine if slot.kind == "work" and slot.item]
    added = use_of(instance.policy, limit, [pair for pair in work if not pair[0].fixed])
    use = past_use(instance, limit, auditor) + use_of(instance.policy, limit, work)
    return added > 0 and use > most(limit, auditor)


def _in_shift(auditor: Row, slot: Slot) -> bool:
    return bool(auditor["shift_start"] <= slot.start and slot.end <= auditor["shift_end"])


def _in_time(instance: Instance, auditor: Row, slot: Slot, item: Row) -> bool:
    """H3 for one planned review, other slots aside."""
    return (
        slot.end - slot.start == item["seconds"]
        and (item["release"] is None or slot.start >= item["release"])
        and slot.start >= earliest(instance, auditor)
        and _in_shift(auditor, slot)
    )


def _too_long(stretch: Stretch, ordered: Sequence[Slot], items: dict[str, Row]) -> bool:
    """H5: some piece between cuts passes the amount, and its last selected review is a planned one."""
    return any(
        not piece[-1].fixed and _measure(stretch, piece) > stretch.amount
        for piece in _pieces(stretch, ordered, items)
        if piece
    )


def _measure(stretch: Stretch, piece: Sequence[Slot]) -> int:
    """`piece` holds the selected reviews of one piece, in order of time."""
    if stretch.measure == "items":
        return len(piece)
    if stretch.measure == "seconds":
        return sum(slot.end - slot.start for slot in piece)
    return max(slot.end for slot in piece) - piece[0].start


def _pieces(stretch: Stretch, ordered: Sequence[Slot], items: dict[str, Row]) -> list[list[Slot]]:
    """The selected reviews, cut at each rest and after each long enough run of everyday work."""
    pieces: list[list[Slot]] = [[]]
    run = 0
    for slot in sorted(ordered, key=in_order_of_time):
        if slot.kind == "break" and slot.end - slot.start >= stretch.rest:
            pieces.append([])
            run = 0
        if slot.kind != "work" or slot.item is None:
            continue
        item = items[slot.item]
        if stretch.selects(item["category"], item["severity"]):
            pieces[-1].append(slot)
            run = 0
        elif stretch.reset_by is not None and item["severity"] <= stretch.reset_by.max_severity:
            run += slot.end - slot.start
            if run >= stretch.reset_by.seconds:
                pieces.append([])
        else:
            run = 0
    return pieces


def in_order_of_time(slot: Slot) -> tuple[int, int]:
    """A break comes where it ends, before what starts there; all else where it starts. That matters where
    fixed slots overlap: a review that starts before a rest is over lies before that rest."""
    return (slot.end, 0) if slot.kind == "break" else (slot.start, 1)


def fixed_slots(instance: Instance, auditor: str) -> list[Slot]:
    """What stands on one person's timeline, in order of time."""
    mine = instance.fixed.filter(pl.col("auditor") == auditor).to_dicts()
    slots = [Slot(row["kind"], row["item"], row["start"], row["end"], True) for row in mine]
    return sorted(slots, key=in_order_of_time)


def _slots_by_auditor(instance: Instance, slots: pl.DataFrame) -> dict[str, list[Slot]]:
    """Each auditor's slots; as many of a kind as the instance fixes are fixed, the others planned."""
    columns = ("auditor", "kind", "item", "start", "end")
    standing = Counter(instance.fixed.select(columns).iter_rows())
    result: dict[str, list[Slot]] = {}
    for auditor, kind, item, start, end in slots.select(columns).iter_rows():
        key = (auditor, kind, item, start, end)
        standing[key] -= 1
        result.setdefault(auditor, []).append(Slot(kind, item, start, end, standing[key] >= 0))
    return result


def could_take(instance: Instance, auditor: Row, item: Row) -> bool:
    """On an otherwise empty day, by H1 to H6 and `now`, with the history and without what is fixed: is there
    a place for one review of the item on this person's timeline?"""
    policy = instance.policy
    edges = [edge for edge in policy.edges if edge.selects(item["category"], item["severity"])]
    first = max([auditor["shift_start"] + edge.first for edge in edges], default=auditor["shift_start"])
    last = min([auditor["shift_end"] - edge.last for edge in edges], default=auditor["shift_end"])
    start = max(first, earliest(instance, auditor), item["release"] or first)
    end = start + item["seconds"]
    alone = Slot("work", item["id"], start, end, False)
    work = {item["id"]: item}
    return (
        end <= last
        and may_take(policy, auditor, item)
        and not any(_passes(instance, limit, auditor, [alone], work) for limit in policy.limits)
        and not any(_too_long(stretch, [alone], work) for stretch in policy.stretches)
    )
