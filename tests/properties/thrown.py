"""Slots thrown onto a day, mostly sensible and often not: food for whatever judges slots."""

from __future__ import annotations

from random import Random

import polars as pl

from allocator.instance import Instance
from tests.brute_force.legality import Row, earliest, may_take
from tests.days.judge import slots_table

Slot = tuple[str, str, str | None, int, int]


def thrown_slots(seed: int, day: Instance) -> pl.DataFrame:
    """The fixed slots, and for most auditors some reviews and breaks in a row. How careless the row is
    differs from seed to seed, so that some sets are legal and others break one rule or many."""
    rng = Random(seed)
    careless = rng.choice((0.0, 0.0, 0.03, 0.2))
    items = day.items.to_dicts()
    rows: list[Slot] = [
        (row["auditor"], row["kind"], row["item"], row["start"], row["end"]) for row in day.fixed.to_dicts()
    ]
    left = {item["id"]: item["reviews"] - sum(row[2] == item["id"] for row in rows) for item in items}
    for auditor in day.auditors.to_dicts():
        if rng.random() < 0.7:
            rows += _row_of_slots(rng, day, auditor, items, rows, left, careless)
    return slots_table(rng.sample(rows, len(rows)))


def _row_of_slots(
    rng: Random,
    day: Instance,
    auditor: Row,
    items: list[Row],
    standing: list[Slot],
    left: dict[str, int],
    careless: float,
) -> list[Slot]:
    clock = max([earliest(day, auditor)] + [row[4] for row in standing if row[0] == auditor["id"]])
    clock = auditor["shift_start"] if rng.random() < careless else clock
    rests = [stretch.rest for stretch in day.policy.stretches] or [60]
    mine: list[Slot] = []
    for item in rng.sample(items, min(len(items), rng.choice((1, 2, 3, 5, 8)))):
        sensible = may_take(day.policy, auditor, item) and left[item["id"]] > 0
        sensible = sensible and (auditor["id"], item["id"]) not in {(row[0], row[2]) for row in standing}
        if not sensible and rng.random() >= careless:
            continue
        if rng.random() < 0.5:
            pause = rng.choice(rests) - (rng.random() < careless)
            mine.append((auditor["id"], "break", None, clock, clock + pause))
            clock += pause
        clock += rng.choice((0, 0, 60, 601))
        if item["release"] is not None and rng.random() >= careless:
            clock = max(clock, item["release"])
        end = clock + item["seconds"] + (rng.choice((-1, 1)) if rng.random() < careless else 0)
        if end > auditor["shift_end"] and rng.random() >= careless:
            break
        if end > clock:
            mine.append((auditor["id"], "work", item["id"], clock, end))
            left[item["id"]] -= 1
            clock = end - (rng.random() < careless)
    return mine
