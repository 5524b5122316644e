"""Why something was left out: for each item not fully planned, what rules out each auditor, in a sentence.

Everything here follows from the rules and the finished plan, never from what the solver thought.
"""

from __future__ import annotations

import json

import numpy as np
import polars as pl

from allocator.figures import reasons_sentence
from allocator.optimise.day import Bools, Day, Ints
from allocator.optimise.score import Work
from allocator.plan import RULED_OUT, UNPLANNED


def unplanned(day: Day, work: Work) -> pl.DataFrame:
    """One row (UNPLANNED) for each item not fully planned, in the order of the items."""
    planned = np.bincount(work.item, minlength=len(day.items))
    missing = day.reviews - planned
    left_out = np.flatnonzero(missing > 0)
    has_it: dict[int, list[int]] = {}
    for a, i in zip(work.auditor.tolist(), work.item.tolist(), strict=True):
        if missing[i] > 0:
            has_it.setdefault(i, []).append(a)
    ask = _Asker(day, work)
    rows = []
    for i in left_out.tolist():
        counts = ask.ruled_out(i, has_it.get(i, []))
        rows.append(
            (
                day.items[i],
                int(missing[i]),
                json.dumps(counts, separators=(",", ":")),
                reasons_sentence(counts, ask.language(i), ask.market(i)),
            )
        )
    return pl.DataFrame(rows, schema=UNPLANNED, orient="row")


class _Asker:
    def __init__(self, day: Day, work: Work) -> None:
        self.day = day
        people = day.instance.auditors
        size = len(day.auditors)
        self.speaks = _holders(people["languages"].to_list(), size)
        self.covers = _holders(people["markets"].to_list(), size)
        self.cleared = _holders(people["clearances"].to_list(), size)
        self.declined = _holders(people["opt_outs"].to_list(), size)
        self.top = people["max_severity"].to_numpy()
        self.nobody: Bools = np.zeros(size, dtype=np.bool_)
        used = day.history_use.copy()
        k = day.item_class[work.item]
        added = day.classes.rate[k] * (work.end - work.start)[:, None] + day.classes.count[k]
        np.add.at(used, work.auditor, added)
        self.left: Ints = day.allowed - used

    def language(self, i: int) -> str:
        return self.day.classes.language[int(self.day.item_class[i])]

    def market(self, i: int) -> str:
        return self.day.classes.market[int(self.day.item_class[i])]

    def ruled_out(self, i: int, has_it: list[int]) -> dict[str, int]:
        day, nobody = self.day, self.nobody
        k = int(day.item_class[i])
        classes = day.classes
        everyone = ~nobody
        reasons: list[Bools] = []
        has = nobody.copy()
        has[has_it] = True
        reasons.append(has)
        reasons.append(~self.speaks.get(classes.language[k], nobody))
        reasons.append(~(self.covers.get(classes.market[k], nobody) | self.covers.get("*", nobody)))
        needed = day.policy.clearances.get(classes.category[k])
        reasons.append(~self.cleared.get(needed, nobody) if needed is not None else nobody)
        kept = nobody.copy()
        kept[list(day.excluded.get(i, ()))] = True
        reasons.append(kept)
        asked = everyone
        if i in day.only:
            asked = nobody.copy()
            asked[list(day.only[i])] = True
        reasons.append(~asked)
        reasons.append(self._protected(i, k))
        reasons.append(self._off_shift(i, k))
        reasons.append(everyone)
        counts = {}
        remaining = everyone
        for name, reason in zip(RULED_OUT, reasons, strict=True):
            number = int((remaining & reason).sum())
            if number:
                counts[name] = number
            remaining = remaining & ~reason
        return counts

    def _protected(self, i: int, k: int) -> Bools:
        day = self.day
        severity = day.classes.severity[k]
        protected: Bools = self.declined.get(day.classes.category[k], self.nobody) | (self.top < severity)
        added = day.classes.rate[k] * day.seconds[i] + day.classes.count[k]
        for limit in np.flatnonzero(added).tolist():
            protected = protected | (day.binds[:, limit] & (self.left[:, limit] < added[limit]))
        return protected

    def _off_shift(self, i: int, k: int) -> Bools:
        day = self.day
        if day.classes.longest_alone[k] < day.seconds[i]:
            return ~self.nobody
        start = np.maximum(day.work_from, day.release[i])
        if day.classes.first[k]:
            start = np.maximum(start, day.shift_start + day.classes.first[k])
        off: Bools = start + day.seconds[i] > day.shift_end - day.classes.last[k]
        return off


def _holders(lists: list[list[str]], size: int) -> dict[str, Bools]:
    """For each name in the lists, (A,) who has it."""
    holders: dict[str, Bools] = {}
    for a, names in enumerate(lists):
        for name in names:
            if name not in holders:
                holders[name] = np.zeros(size, dtype=np.bool_)
            holders[name][a] = True
    return holders
