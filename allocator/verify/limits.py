"""H4: what limits bind whom, how much of each is used and what is left.

Limits that select and measure the same over the same window share one *use*; of those that bind one person
the smallest amount is the tightest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from allocator.rules.policy import MODALITIES, SEVERITIES, Limit
from allocator.verify.day import Day, Slots, codes, numbers
from allocator.verify.exact import BEYOND, Exact, Flags, Ints, cut, group_sums, product
from allocator.verify.violation import Violation

UseKey = tuple[frozenset[str], int, str, int]
"""categories, min_severity, measure, window_days."""
Uses = dict[UseKey, Exact]
"""For each use, how much each person has of it, shape (P,): seconds, items or dose units."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """`binding[l]`: the people whom limit l binds. `tightest[key]`: the least effective amount that binds
    each person, BEYOND where none does."""

    binding: list[Ints]
    tightest: dict[UseKey, Ints]
    selected: dict[UseKey, Flags]


def use_key(limit: Limit) -> UseKey:
    return limit.categories, limit.min_severity, limit.measure, limit.window_days


def bound_people(day: Day) -> list[Ints]:
    """The people bound by each limit of the policy, by its scope."""
    scopes: defaultdict[str, list[int]] = defaultdict(list)
    auditors = day.instance.auditors.select("id", "team", "home_market").iter_rows()
    for person, (name, team, market) in enumerate(auditors):
        for scope in ("org", f"market:{market}", f"team:{team}", f"auditor:{name}"):
            scopes[scope].append(person)
    arrays = {scope: np.array(people, dtype=np.int64) for scope, people in scopes.items()}
    nobody = np.zeros(0, dtype=np.int64)
    return [arrays.get(limit.scope, nobody) for limit in day.policy.limits]


def effective_amounts(day: Day, limit: Limit, people: Ints) -> Iterator[tuple[int, int]]:
    by_percent = {percent: limit.effective_amount(percent) for percent in set(day.percent[people].tolist())}
    for person in people.tolist():
        yield person, by_percent[int(day.percent[person])]


def amounts(day: Day) -> Amounts:
    binding = bound_people(day)
    tightest: dict[UseKey, Ints] = {}
    selected: dict[UseKey, Flags] = {}
    for limit, people in zip(day.policy.limits, binding, strict=True):
        key = use_key(limit)
        if key not in tightest:
            tightest[key] = np.full(len(day.people), BEYOND, dtype=np.int64)
            selected[key] = day.selected(limit)
        for person, amount in effective_amounts(day, limit, people):
            tightest[key][person] = min(int(tightest[key][person]), cut(amount))
    return Amounts(binding, tightest, selected)


def measured(day: Day, measure: str, seconds: Ints, items: Ints, material: Ints) -> Exact:
    """Rows of exposure in a limit's measure."""
    if measure == "seconds":
        return seconds
    if measure == "items":
        return items
    return product(seconds, day.units[material])


@dataclass(frozen=True, slots=True)
class Exposure:
    """Rows of earlier exposure: person, days before this work date (1 is yesterday), seconds, items."""

    person: Ints
    days_ago: Ints
    material: Ints
    seconds: Ints
    items: Ints


def history(day: Day) -> Exposure:
    """The history of people on shift, earlier work dates only."""
    table = day.instance.history
    person = codes(table["auditor"], day.people)
    days_ago = np.array([(day.instance.work_date - at).days for at in table["work_date"].to_list()], np.int64)
    category, modality = codes(table["category"], day.categories), codes(table["modality"], MODALITIES)
    material = (category * len(SEVERITIES) + numbers(table["severity"])) * len(MODALITIES) + modality
    keep = (person >= 0) & (days_ago >= 1)
    columns = (person, days_ago, material, numbers(table["seconds"]), numbers(table["items"]))
    return Exposure(*(column[keep] for column in columns))


def history_uses(day: Day, known: Amounts) -> Uses:
    """What history alone uses: the `window_days` − 1 dates before this one."""
    past = history(day)
    uses = {}
    for key, chosen in known.selected.items():
        rows = np.flatnonzero(chosen[past.material] & (past.days_ago <= cut(key[3] - 1)))
        values = measured(day, key[2], past.seconds[rows], past.items[rows], past.material[rows])
        uses[key] = group_sums(past.person[rows], values, len(day.people))
    return uses


def work_uses(day: Day, known: Amounts, slots: Slots, rows: Ints) -> Uses:
    """What the reviews in these rows use, with the seconds they take."""
    material = day.material[slots.item[rows]]
    seconds, ones = slots.end[rows] - slots.start[rows], np.ones(len(rows), dtype=np.int64)
    uses = {}
    for key, chosen in known.selected.items():
        some = np.flatnonzero(chosen[material])
        values = measured(day, key[2], seconds[some], ones[some], material[some])
        uses[key] = group_sums(slots.person[rows[some]], values, len(day.people))
    return uses


def added(left: Uses, right: Uses) -> Uses:
    return {key: left[key] + right[key] for key in left}


def check_limits(day: Day, known: Amounts, before: Uses, standing: Uses, planned: Uses) -> list[Violation]:
    """H4: history, fixed work and planned work together never pass a limit that planned work adds to."""
    found = []
    uses = added(added(before, standing), planned)
    for limit, people in zip(day.policy.limits, known.binding, strict=True):
        key = use_key(limit)
        use = uses[key]
        suspects = people[(use[people] > known.tightest[key][people]) & (planned[key][people] > 0)]
        unit = "dose units" if limit.measure == "dose" else limit.measure
        for person, amount in effective_amounts(day, limit, suspects):
            if use[person] > amount:
                text = (
                    f"Auditor {day.people[person]} uses {use[person]} {unit} of limit {limit.key} in "
                    f"{limit.window_days} work date(s) and may use {amount}; history takes "
                    f"{before[key][person]}, fixed work {standing[key][person]}, planned work "
                    f"{planned[key][person]}."
                )
                found.append(Violation("H4", text))
    return found
