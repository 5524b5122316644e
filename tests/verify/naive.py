"""The rule book's formulas, word by word and as slow as they like, to hold the verifier's against.

Nothing here comes from the verifier; only the declarations are shared.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import polars as pl

from allocator.instance import Instance
from allocator.plan import Certificate, Prices
from allocator.rules.policy import Limit, Stretch, coverage_value

Row = dict[str, Any]


def binding(instance: Instance, person: Row) -> list[Limit]:
    return [
        limit
        for limit in instance.policy.limits
        if limit.scope
        in (
            "org",
            "market:" + person["home_market"],
            "team:" + person["team"],
            "auditor:" + person["id"],
        )
    ]


def adds(instance: Instance, limit: Limit, row: Row, seconds: int, items: int) -> int:
    """What exposure of this category, severity and modality adds to the limit's use."""
    if limit.categories and row["category"] not in limit.categories:
        return 0
    if row["severity"] < limit.min_severity:
        return 0
    if limit.measure == "seconds":
        return seconds
    if limit.measure == "items":
        return items
    dose = instance.policy.dose
    return seconds * dose.severity[row["severity"]] * dose.modality_tenths[row["modality"]]


def allowed(limit: Limit, person: Row) -> int:
    units = 600 if limit.measure == "dose" else 1
    return limit.amount * units * int(person["exposure_percent"]) // 100


def history_use(instance: Instance, limit: Limit, person: Row) -> int:
    use = 0
    for row in instance.history.to_dicts():
        days_ago = (instance.work_date - row["work_date"]).days
        if row["auditor"] == person["id"] and 1 <= days_ago <= limit.window_days - 1:
            use += adds(instance, limit, row, row["seconds"], row["items"])
    return use


def work_use(instance: Instance, limit: Limit, person: Row, slots: pl.DataFrame) -> int:
    items = {row["id"]: row for row in instance.items.to_dicts()}
    return sum(
        adds(instance, limit, items[slot["item"]], slot["end"] - slot["start"], 1)
        for slot in slots.to_dicts()
        if slot["kind"] == "work" and slot["auditor"] == person["id"]
    )


def earliest(instance: Instance, person: Row, item: Row) -> int:
    """The first second at which a review of the item may start, other slots aside."""
    starts = [person["shift_start"]]
    if instance.now is not None:
        starts.append(instance.now)
    if item["release"] is not None:
        starts.append(item["release"])
    if person["last_end"] is not None:
        starts.append(person["last_end"] + instance.policy.rest_between_shifts)
    for edge in instance.policy.edges:
        if edge.selects(item["category"], item["severity"]):
            starts.append(person["shift_start"] + edge.first)
    return int(max(starts))


def latest(instance: Instance, person: Row, item: Row) -> int:
    ends = [person["shift_end"]]
    for edge in instance.policy.edges:
        if edge.selects(item["category"], item["severity"]):
            ends.append(person["shift_end"] - edge.last)
    return int(min(ends))


def alone_passes_a_stretch(instance: Instance, item: Row) -> bool:
    return any(
        stretch.selects(item["category"], item["severity"])
        and (1 if stretch.measure == "items" else item["seconds"]) > stretch.amount
        for stretch in instance.policy.stretches
    )


def fits(instance: Instance, person: Row, item: Row) -> bool:
    """There is a place for one review in the shift, other slots aside, and it alone passes no stretch."""
    at = earliest(instance, person, item)
    return at + item["seconds"] <= latest(instance, person, item) and not alone_passes_a_stretch(
        instance, item
    )


def first_reason(
    instance: Instance, person: Row, item: Row, uses: dict[str, int], has_it: bool
) -> str | None:
    """The first reason that rules the person out, all but `capacity`."""
    clearance = instance.policy.clearances.get(item["category"])
    over = [
        limit
        for limit in binding(instance, person)
        if adds(instance, limit, item, item["seconds"], 1) > 0
        and uses[limit.key] + adds(instance, limit, item, item["seconds"], 1) > allowed(limit, person)
    ]
    holds = {
        "has-it": has_it,
        "language": item["language"] not in person["languages"],
        "market": item["market"] not in person["markets"] and "*" not in person["markets"],
        "clearance": clearance is not None and clearance not in person["clearances"],
        "excluded": person["id"] in item["excluded"],
        "only": bool(item["only"]) and person["id"] not in item["only"],
        "protected": item["category"] in person["opt_outs"]
        or item["severity"] > person["max_severity"]
        or bool(over),
        "shift": not fits(instance, person, item),
    }
    return next((reason for reason, held in holds.items() if held), None)


def could_take(instance: Instance, person: Row, item: Row) -> bool:
    uses = {limit.key: history_use(instance, limit, person) for limit in binding(instance, person)}
    return first_reason(instance, person, item, uses, has_it=False) is None


def ruled_out(instance: Instance, slots: pl.DataFrame) -> list[tuple[str, int, str, str]]:
    """The rows of `unplanned` for these slots."""
    reviews = Counter(slot["item"] for slot in slots.to_dicts() if slot["kind"] == "work")
    holders = {(slot["auditor"], slot["item"]) for slot in slots.to_dicts() if slot["kind"] == "work"}
    people = instance.auditors.to_dicts()
    uses = {
        person["id"]: {
            limit.key: history_use(instance, limit, person) + work_use(instance, limit, person, slots)
            for limit in binding(instance, person)
        }
        for person in people
    }
    rows = []
    for item in instance.items.to_dicts():
        missing = item["reviews"] - reviews[item["id"]]
        if missing > 0:
            count = Counter(
                first_reason(
                    instance, person, item, uses[person["id"]], (person["id"], item["id"]) in holders
                )
                or "capacity"
                for person in people
            )
            told = ", ".join(f"{number} {reason}" for reason, number in count.items())
            rows.append((item["id"], missing, json.dumps(count), f"{len(people)} auditors: {told}."))
    return rows


def in_order_reviews(instance: Instance, slots: pl.DataFrame) -> tuple[dict[str, int], set[str]]:
    """Planned reviews of each item, and the inversions."""
    reviews = Counter(slot["item"] for slot in slots.to_dicts() if slot["kind"] == "work")
    samples = [item for item in instance.items.to_dicts() if item["kind"] == "sample"]
    inverted = {
        seen["id"]
        for seen in samples
        if reviews[seen["id"]]
        and any(
            unseen["stratum"] == seen["stratum"]
            and unseen["draw"] < seen["draw"]
            and not reviews[unseen["id"]]
            and in_reach(instance, unseen)
            for unseen in samples
        )
    }
    return dict(reviews), inverted


def fixed_reviews(instance: Instance, item: Row) -> int:
    return sum(slot["item"] == item["id"] for slot in instance.fixed.to_dicts() if slot["kind"] == "work")


def in_reach(instance: Instance, item: Row) -> bool:
    return fixed_reviews(instance, item) > 0 or any(
        could_take(instance, person, item) for person in instance.auditors.to_dicts()
    )


def coverage(instance: Instance, reviews: dict[str, int]) -> Fraction:
    wanted: Counter[str] = Counter()
    planned: Counter[str] = Counter()
    for item in instance.items.to_dicts():
        if item["kind"] == "sample":
            wanted[item["stratum"]] += item["reviews"]
            planned[item["stratum"]] += reviews.get(item["id"], 0)
    bands = instance.policy.coverage_bands
    return sum((coverage_value(bands, wanted[s], planned[s]) for s in wanted), Fraction(0))


def escalations(instance: Instance, slots: pl.DataFrame) -> tuple[Fraction, int]:
    """G1, and the number of late reviews."""
    items = {row["id"]: row for row in instance.items.to_dicts()}
    value, late = Fraction(0), 0
    for slot in slots.to_dicts():
        item = items[slot["item"]] if slot["kind"] == "work" else None
        if item is not None and item["kind"] != "sample":
            weight = weight_of(instance, item)
            on_time = item["due"] is None or slot["end"] <= item["due"]
            value += weight if on_time else weight / 10
            late += not on_time
    return value, late


def weight_of(instance: Instance, item: Row) -> Fraction:
    return instance.policy.escalation_weights[item["priority"] if item["kind"] == "escalation" else 4]


def exposure(instance: Instance, slots: pl.DataFrame) -> Fraction:
    items = {row["id"]: row for row in instance.items.to_dicts()}
    dose = instance.policy.dose
    value = Fraction(0)
    for person in instance.auditors.to_dicts():
        u = Fraction(0)
        for slot in slots.to_dicts():
            if slot["kind"] == "work" and slot["auditor"] == person["id"]:
                item = items[slot["item"]]
                weight = dose.severity[item["severity"]] * dose.modality_tenths[item["modality"]]
                u += (slot["end"] - slot["start"]) * weight
        for row in instance.history.to_dicts():
            days_ago = (instance.work_date - row["work_date"]).days
            if row["auditor"] == person["id"] and 1 <= days_ago <= 6:
                weight = dose.severity[row["severity"]] * dose.modality_tenths[row["modality"]]
                u += row["seconds"] * weight * Fraction(7 - days_ago, 7)
        c = (person["shift_end"] - person["shift_start"]) * Fraction(person["exposure_percent"], 100)
        value += u * u / c
    return value


def load(instance: Instance, slots: pl.DataFrame) -> Fraction:
    value = Fraction(0)
    for person in instance.auditors.to_dicts():
        w = sum(
            slot["end"] - slot["start"]
            for slot in slots.to_dicts()
            if slot["kind"] == "work" and slot["auditor"] == person["id"]
        )
        value += Fraction(w * w, person["shift_end"] - person["shift_start"])
    return value


def time_left(instance: Instance, person: Row) -> int:
    start, end = int(person["shift_start"]), int(person["shift_end"])
    if instance.now is not None:
        start = max(start, instance.now)
    if person["last_end"] is not None:
        start = max(start, person["last_end"] + instance.policy.rest_between_shifts)
    covered: set[int] = set()
    for slot in instance.fixed.to_dicts():
        if slot["auditor"] == person["id"] and slot["kind"] != "break":
            covered |= set(range(max(start, slot["start"]), min(end, slot["end"])))
    return max(0, end - start) - len(covered)


def capacity(time: int, stretches: Sequence[Stretch]) -> int:
    """The most work in `time` seconds under stretches over all work: the formula, pair by pair."""
    best_of_all = time
    whole = [
        s for s in stretches if not s.categories and s.min_severity == 0 and s.measure in ("span", "seconds")
    ]
    for one in whole:
        for two in whole:
            if one.rest > two.rest:
                continue
            greatest = None
            for n in range(time // one.rest + 2):
                for m in range(n + 1):
                    lost = 0 if two.measure == "seconds" else (n - m) * one.rest
                    value = min(
                        (n + 1) * one.amount,
                        (m + 1) * two.amount - lost,
                        time - m * two.rest - (n - m) * one.rest,
                    )
                    greatest = value if greatest is None else max(greatest, value)
            assert greatest is not None
            best_of_all = min(best_of_all, greatest)
    return max(0, best_of_all)


def cost(instance: Instance, item: Row, prices: Prices) -> int | None:
    """None where nobody could take the item."""
    found = []
    for person in instance.auditors.to_dicts():
        if could_take(instance, person, item):
            price = item["seconds"] * prices.time.get(person["id"], 0)
            for limit in binding(instance, person):
                unit = prices.limits.get(person["id"], {}).get(limit.key, 0)
                price += adds(instance, limit, item, item["seconds"], 1) * unit
            found.append(price)
    return min(found, default=None)


def _supply(instance: Instance, prices: Prices) -> int:
    worth = 0
    for person in instance.auditors.to_dicts():
        could = capacity(time_left(instance, person), instance.policy.stretches)
        worth += could * prices.time.get(person["id"], 0)
        for limit in binding(instance, person):
            used = history_use(instance, limit, person) + work_use(instance, limit, person, instance.fixed)
            room = max(0, allowed(limit, person) - used)
            worth += room * prices.limits.get(person["id"], {}).get(limit.key, 0)
    return worth


def _g1_part(instance: Instance, prices: Prices, rate: int) -> Fraction:
    earned = Fraction(0)
    for item in instance.items.to_dicts():
        if item["kind"] == "sample":
            continue
        weight = weight_of(instance, item)
        fixed = fixed_reviews(instance, item)
        takers = [p for p in instance.auditors.to_dicts() if could_take(instance, p, item)]
        in_time = item["due"] is None or any(
            earliest(instance, person, item) + item["seconds"] <= item["due"] for person in takers
        )
        if not in_time and fixed == 0:
            weight /= 10
        costs = [0] * fixed
        price = cost(instance, item, prices)
        if price is not None:
            costs += [price] * (item["reviews"] - fixed)
        earned += sum((max(Fraction(0), weight * rate - each) for each in costs), Fraction(0))
    return earned


def _strata_part(instance: Instance, prices: Prices, scale: int) -> Fraction:
    strata: dict[str, list[Row]] = {}
    for item in instance.items.to_dicts():
        if item["kind"] == "sample":
            strata.setdefault(item["stratum"], []).append(item)
    earned = Fraction(0)
    for samples in strata.values():
        wanted = sum(item["reviews"] for item in samples)
        firsts, further = [], []
        for item in sorted(samples, key=lambda item: item["draw"]):
            fixed, price = fixed_reviews(instance, item), cost(instance, item, prices)
            costs = [0] * fixed + ([price] * (item["reviews"] - fixed) if price is not None else [])
            firsts += costs[:1]
            further += costs[1:]
        further.sort()
        earned += max(
            coverage_value(instance.policy.coverage_bands, wanted, k + j) * scale
            - sum(firsts[:k])
            - sum(further[:j])
            for k in range(len(firsts) + 1)
            for j in range(len(further) + 1)
        )
    return earned


def bounds(instance: Instance, slots: pl.DataFrame, certificate: Certificate) -> tuple[Fraction, Fraction]:
    """bounds.escalations and bounds.coverage."""
    scale, g1 = certificate.scale, certificate.g1
    first = _supply(instance, certificate.escalations)
    second = _supply(instance, certificate.coverage) + _strata_part(instance, certificate.coverage, scale)
    return (
        (first + _g1_part(instance, certificate.escalations, scale)) / scale,
        (second + _g1_part(instance, certificate.coverage, g1) - g1 * escalations(instance, slots)[0])
        / scale,
    )
