"""The verifier and the rule book's slow reading of these tests name the same hard rules."""

from __future__ import annotations

from collections import Counter

from tests.brute_force.legality import rules_broken
from tests.brute_force.optimum import optimum
from tests.brute_force.tiny_day import GRID, tiny_day
from tests.days.judge import HARD_RULES, hard_rules_named
from tests.days.random_day import random_day
from tests.properties.thrown import thrown_slots


def test_both_name_the_same_rules_on_random_slots_of_random_days() -> None:
    named: Counter[str] = Counter()
    for seed in range(500):
        day = random_day(seed, auditors=(1, 5), items=(1, 25))
        for throw in range(3):
            slots = thrown_slots(seed * 10 + throw, day)
            expected = rules_broken(day, slots)
            assert hard_rules_named(day, slots) == expected, (seed, throw)
            named.update(expected or {"legal"})
    assert min(named[rule] for rule in (*HARD_RULES, "legal")) >= 20, named


def test_the_best_plans_of_tiny_days_are_legal_for_the_verifier_too() -> None:
    for seed in range(150):
        day = tiny_day(seed)
        assert hard_rules_named(day, optimum(day, GRID).slots) == set(), seed
