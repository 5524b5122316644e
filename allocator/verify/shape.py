"""Slots that make sense for this instance, and the slots that stand.

Every fixed slot appears in the plan exactly as it is, as often as it is fixed. A `busy` slot that is not
fixed is a violation. Work names an item and bears no label; a break that is not fixed bears one of the three
labels; nothing else has an item or a label.
"""

from __future__ import annotations

import polars as pl

from allocator.plan import BREAK_LABELS, Plan
from allocator.verify.day import SLOT_KEY, Day, Slots, keyed
from allocator.verify.violation import Violation, interval


def check_heading(day: Day, plan: Plan) -> list[Violation]:
    instance = day.instance
    found = []
    if plan.instance != instance.name:
        found.append(Violation("plan", f"The plan is for instance {plan.instance}, not {instance.name}."))
    if plan.work_date != instance.work_date:
        found.append(Violation("plan", f"The plan is for {plan.work_date}, not {instance.work_date}."))
    return found


def check_shape(slots: Slots) -> list[Violation]:
    found = []
    columns = slots.frame.select("auditor", "kind", "item", "label", "start", "end").iter_rows()
    for row, (auditor, kind, item, label, start, end) in enumerate(columns):
        faults = []
        if slots.person[row] < 0:
            faults.append(f"auditor {auditor} is not in the instance")
        if kind == "work" and item is None:
            faults.append("work names no item")
        elif kind == "work" and slots.item[row] < 0:
            faults.append(f"item {item} is not in the instance")
        if kind != "work" and item is not None:
            faults.append(f"a {kind} slot has no item, but this one names {item}")
        if kind not in ("work", "break", "busy"):
            faults.append(f"{kind} is no kind of slot")
        needs_label = kind == "break" and not slots.fixed[row]
        if needs_label and label not in BREAK_LABELS:
            faults.append(f"a break is short, recovery or meal, not {label}")
        if not needs_label and label is not None:
            faults.append(f"only a break that is not fixed has a label, but this one says {label}")
        if end <= start:
            faults.append("it does not end after it starts")
        found += [
            Violation("plan", f"Slot of {auditor}, {interval(start, end)}: {fault}.") for fault in faults
        ]
    return found


def check_fixed(day: Day, slots: Slots) -> list[Violation]:
    missing = keyed(day.instance.fixed).join(keyed(slots.frame), on=[*SLOT_KEY, "copy"], how="anti")
    found = [
        Violation(
            "fixed",
            f"The fixed {kind} slot of {auditor}{' on ' + item if item else ''}, {interval(start, end)}, "
            "is not in the plan.",
        )
        for auditor, kind, item, start, end in missing.sort(SLOT_KEY).select(SLOT_KEY).iter_rows()
    ]
    loose = slots.frame.filter(pl.Series(slots.is_busy & ~slots.fixed))
    found += [
        Violation("fixed", f"A busy slot of {auditor}, {interval(start, end)}, is not among the fixed ones.")
        for auditor, start, end in loose.select("auditor", "start", "end").iter_rows()
    ]
    return found
