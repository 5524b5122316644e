"""The plan: from a folder to memory and back.

Reading asks only whether a plan can be understood: every key, every column, every type. Whether what it says
is legal and true is for the verifier.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from allocator.files.columns import Bad, Column, tallies
from allocator.files.faults import Fault, Refused, key_path
from allocator.files.folders import Format, write_folder
from allocator.files.json_text import dump
from allocator.files.shapes import NAME, exactly, one_of
from allocator.files.tables import in_order, read_document, read_table
from allocator.files.values import Values
from allocator.plan import BREAK_LABELS, COUNTS, GOALS, SLOTS, UNPLANNED, Certificate, Plan, Prices

FORMAT = "breakwater-plan/1"
HEAD = "plan.json"
BOUNDS = ("escalations", "coverage")

SLOT_COLUMNS = {
    "auditor": Column("text", required=True),
    "kind": Column("text", required=True, shape=one_of(("work", "break", "busy"))),
    "item": Column("text"),
    "label": Column("text", shape=one_of(BREAK_LABELS)),
    "start": Column("instant", required=True),
    "end": Column("instant", required=True),
}
UNPLANNED_COLUMNS = {
    "item": Column("text", required=True),
    "missing": Column("whole", required=True),
    "ruled_out": Column("tally", required=True),
    "sentence": Column("text", required=True),
}
INSTANTS = ("start", "end")


def read_plan(folder: Path) -> Plan:
    """The plan in a folder. Raises Refused with every fault at once."""
    if not folder.is_dir():
        raise Refused((Fault(str(folder), None, None, "is not a folder"),))
    head, faults = _read_head(folder)
    slots, slot_faults = read_table(folder, "slots", SLOT_COLUMNS)
    unplanned, unplanned_faults = read_table(folder, "unplanned", UNPLANNED_COLUMNS)
    faults += in_order(slots, slot_faults) + in_order(unplanned, unplanned_faults)
    if faults:
        raise Refused(tuple(faults))
    assert head is not None
    assert slots is not None
    assert unplanned is not None
    return Plan(slots=slots.frame, unplanned=unplanned.frame, **head)


def write_plan(plan: Plan, folder: Path, format: Format) -> None:
    """Write a plan to a folder, whole or not at all; the same plan gives the same bytes."""
    document = {
        "format": FORMAT,
        "instance": plan.instance,
        "work_date": plan.work_date.isoformat(),
        "goals": {goal: float(plan.goals[goal]) for goal in GOALS},
        "bounds": {bound: float(plan.bounds[bound]) for bound in BOUNDS},
        "certificate": {
            "scale": int(plan.certificate.scale),
            "escalations": _prices_document(plan.certificate.escalations),
            "coverage": _prices_document(plan.certificate.coverage) | {"g1": int(plan.certificate.g1)},
        },
        "counts": {count: int(plan.counts[count]) for count in COUNTS},
        "seconds": {stage: float(seconds) for stage, seconds in plan.seconds.items()},
    }
    bad: Bad = []
    ruled_out = tallies(plan.unplanned["ruled_out"].to_list(), bad)
    if bad:
        raise ValueError(f"ruled_out {bad[0][1]}")
    unplanned = plan.unplanned.with_columns(ruled_out=ruled_out).select(list(UNPLANNED))
    tables = {"slots": plan.slots.select(list(SLOTS)), "unplanned": unplanned}
    write_folder(folder, (HEAD, dump(document) + "\n"), tables, INSTANTS, format)


def _prices_document(prices: Prices) -> dict[str, Any]:
    return {
        "time": {auditor: int(price) for auditor, price in prices.time.items()},
        "limits": {
            auditor: {key: int(price) for key, price in by_key.items()}
            for auditor, by_key in prices.limits.items()
        },
    }


def _read_head(folder: Path) -> tuple[dict[str, Any] | None, list[Fault]]:
    """`plan.json` as keyword arguments of a Plan."""
    document, fault = read_document(folder / HEAD)
    if fault is not None:
        return None, [fault]
    values = Values(HEAD)
    required = ("format", "instance", "work_date", "goals", "bounds", "certificate", "counts")
    given = values.members(document, "", required, ("seconds",)) or {}
    values.text(given.get("format"), "format", exactly(FORMAT))
    reader = _Reader(values)
    head = {
        "instance": values.text(given.get("instance"), "instance", NAME),
        "work_date": values.day(given.get("work_date"), "work_date"),
        "goals": reader.numbers(given.get("goals"), "goals", GOALS),
        "bounds": reader.numbers(given.get("bounds"), "bounds", BOUNDS),
        "certificate": reader.certificate(given.get("certificate"), "certificate"),
        "counts": reader.counts(given.get("counts"), "counts"),
        "seconds": reader.seconds(given.get("seconds"), "seconds"),
    }
    return (None if values.faults else head), values.faults


@dataclass(frozen=True, slots=True)
class _Reader:
    """The parts of `plan.json`. Where something is wrong the answer does not matter: it is noted."""

    values: Values

    def numbers(self, document: object, path: str, names: tuple[str, ...]) -> dict[str, float]:
        given = self.values.members(document, path, names) or {}
        return {name: self.values.finite(given.get(name), f"{path}.{name}") or 0.0 for name in names}

    def counts(self, document: object, path: str) -> dict[str, int]:
        given = self.values.members(document, path, COUNTS) or {}
        return {name: self.values.whole(given.get(name), f"{path}.{name}") or 0 for name in COUNTS}

    def seconds(self, document: object, path: str) -> dict[str, float]:
        given = self.values.mapping(document, path) or {}
        found = {}
        for stage, seconds in given.items():
            if seconds is not None:
                found[stage] = self.values.finite(seconds, key_path(path, stage)) or 0.0
        return found

    def certificate(self, document: object, path: str) -> Certificate:
        """What is not listed costs 0, be it a price or a whole part."""
        given = self.values.members(document, path, ("scale",), ("escalations", "coverage")) or {}
        escalations = self.values.members(
            given.get("escalations"), f"{path}.escalations", (), ("time", "limits")
        )
        coverage = self.values.members(
            given.get("coverage"), f"{path}.coverage", (), ("time", "limits", "g1")
        )
        return Certificate(
            scale=self.price(given.get("scale"), f"{path}.scale"),
            escalations=self.prices(escalations or {}, f"{path}.escalations"),
            coverage=self.prices(coverage or {}, f"{path}.coverage"),
            g1=self.price((coverage or {}).get("g1"), f"{path}.coverage.g1"),
        )

    def prices(self, given: dict[str, object], path: str) -> Prices:
        limits = self.values.mapping(given.get("limits"), f"{path}.limits") or {}
        return Prices(
            time=self.price_map(given.get("time"), f"{path}.time"),
            limits={
                auditor: self.price_map(prices, key_path(f"{path}.limits", auditor))
                for auditor, prices in limits.items()
            },
        )

    def price(self, document: object, path: str) -> int:
        """Prices are of any size: the verifier's sums leave 64 bits where they must."""
        return self.values.integer(document, path) or 0

    def price_map(self, document: object, path: str) -> dict[str, int]:
        found = {}
        for name, price in (self.values.mapping(document, path) or {}).items():
            found[name] = self.price(price, key_path(path, name))
        return found
