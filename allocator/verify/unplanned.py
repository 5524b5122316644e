"""What was left out and why: one row for each item not fully planned, computed again from the rules."""

from __future__ import annotations

import json
import re
from collections import Counter

import numpy as np

from allocator.plan import RULED_OUT, Plan
from allocator.verify.day import Day, Slots
from allocator.verify.edges import window
from allocator.verify.exact import Flags, Ints
from allocator.verify.limits import Amounts, Uses
from allocator.verify.reach import longest_under_limits
from allocator.verify.stretches import longest_alone
from allocator.verify.violation import Violation

FIGURE = re.compile(r"(?<![\w.+-])[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w-]|\.\w)")
"""A number that stands alone: not part of a word, a tag such as es-419, or an identifier."""


class RuledOut:
    """Under which reason each auditor counts for an item, in the finished plan."""

    def __init__(self, day: Day, known: Amounts, slots: Slots, used: Uses) -> None:
        """`used`: history, fixed and planned work together."""
        self.day, self.known, self.used = day, known, used
        work = slots.work()
        order = np.argsort(slots.item[work], kind="stable")
        self._item, self._person = slots.item[work][order], slots.person[work][order]
        self._materials: dict[int, tuple[Flags, Flags, Ints, Ints, Ints, int]] = {}

    def _material(self, material: int) -> tuple[Flags, Flags, Ints, Ints, Ints, int]:
        """Not cleared, unwilling, room under limits, earliest start, latest end, longest under stretches."""
        if material not in self._materials:
            day = self.day
            category, severity = day.material_parts(material)
            self._materials[material] = (
                ~day.cleared[:, category],
                day.opted_out[:, category] | (day.max_severity < severity),
                longest_under_limits(day, self.known, self.used, material),
                *window(day, material),
                longest_alone(day, material),
            )
        return self._materials[material]

    def counts(self, item: int) -> dict[str, int]:
        """How many auditors count under each reason; reasons without any are left out."""
        day = self.day
        people = np.arange(len(day.people), dtype=np.int64)
        rows = np.full(len(people), item, dtype=np.int64)
        left, right = np.searchsorted(self._item, [item, item + 1])
        has_it = np.zeros(len(people), dtype=bool)
        has_it[self._person[left:right]] = True
        uncleared, unwilling, room, early, late, alone = self._material(int(day.material[item]))
        seconds, span = int(day.seconds[item]), int(day.span[item])
        holds = {
            "has-it": has_it,
            "language": ~day.speaks[:, day.language[item]],
            "market": ~day.covers[:, day.market[item]],
            "clearance": uncleared,
            "excluded": day.is_excluded(rows, people),
            "only": ~day.is_asked(rows, people),
            "protected": unwilling | (room < seconds),
            "shift": (np.maximum(early, day.release[item]) + span > late) | (seconds > alone),
        }
        count = {}
        undecided = np.ones(len(people), dtype=bool)
        for reason in RULED_OUT:
            chosen = undecided & holds[reason] if reason in holds else undecided
            if chosen.any():
                count[reason] = int(chosen.sum())
            undecided = undecided & ~chosen
        return count


def check_unplanned(day: Day, reviews: Ints, plan: Plan, ruled_out: RuledOut) -> list[Violation]:
    """`reviews`: planned reviews of each item, shape (I,)."""
    missing = np.maximum(day.wanted - reviews, 0)
    place = {day.items[item]: item for item in np.flatnonzero(missing).tolist()}
    known = set(day.items)
    told: Counter[str] = Counter()
    found = []
    for name, claimed, reasons, sentence in plan.unplanned.select(
        "item", "missing", "ruled_out", "sentence"
    ).iter_rows():
        told[name] += 1
        if told[name] == 2:
            found.append(f"Item {name} has more than one row.")
        if name not in known:
            found.append(f"Item {name} is not in the instance.")
        elif name not in place:
            found.append(f"Item {name} is fully planned, but has a row.")
        else:
            item = place[name]
            if claimed != missing[item]:
                found.append(f"Item {name} lacks {missing[item]} reviews, not {claimed}.")
            true, people = ruled_out.counts(item), len(day.people)
            found += _false_reasons(name, reasons, sentence, int(missing[item]), true, people)
    found += [f"Item {name} is not fully planned, but has no row." for name in place if not told[name]]
    return [Violation("unplanned", text) for text in found]


def _false_reasons(
    name: str, claimed: str, sentence: str | None, missing: int, true: dict[str, int], people: int
) -> list[str]:
    found = []
    try:
        counts = json.loads(claimed)
    except (TypeError, ValueError):
        counts = None
    if not isinstance(counts, dict):
        return [f"ruled_out of item {name} is no map from reason to number of auditors."]
    for reason in sorted(counts.keys() - set(RULED_OUT)):
        found.append(f"ruled_out of item {name} gives {reason}, which is no reason.")
    for reason in RULED_OUT:
        told, number = counts.get(reason, 0), true.get(reason, 0)
        if type(told) is not int or told != number:
            found.append(f"ruled_out of item {name} counts {told} auditors under {reason}, not {number}.")
    if not sentence or not sentence.strip():
        found.append(f"The row of item {name} has no sentence.")
        return found
    found += _false_figures(name, Counter(FIGURE.findall(sentence)), missing, true, people)
    return found


def _false_figures(
    name: str, said: Counter[str], missing: int, true: dict[str, int], people: int
) -> list[str]:
    """A sentence may leave figures out, or say them all and beside them 0, the number of auditors again and
    the missing reviews. So no single figure of a full sentence can be changed unnoticed."""
    expected = Counter([str(people), *(str(number) for number in true.values())])
    beside = {"0", str(people), str(missing)}
    odd = said - expected
    if not odd or (not expected - said and odd.keys() <= beside):
        return []
    return [
        f"The sentence of item {name} says {figure}, which (or which so often) is neither the number of "
        "auditors nor one of those under a reason."
        for figure in sorted(odd)
    ]
