"""Each temptation is taken where the rule is off, named where it is on, and withstood by the planner."""

from __future__ import annotations

import pytest

from allocator.optimise.planner import make_plan
from allocator.verify import verify
from tests.brute_force.legality import rules_broken
from tests.days.judge import hard_rules_named
from tests.temptations.cases import TEMPTATIONS, Temptation
from tests.temptations.solvers import SOLVERS

ALL = [temptation for temptations in TEMPTATIONS.values() for temptation in temptations]


def _name(temptation: Temptation) -> str:
    return temptation.name


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("temptation", ALL, ids=_name)
def test_it_is_taken_where_the_rule_is_off_and_named_where_it_is_on(
    temptation: Temptation, solver: str
) -> None:
    slots = temptation.retold(SOLVERS[solver](temptation.lax))
    assert hard_rules_named(temptation.strict, slots) == {temptation.rule}
    assert rules_broken(temptation.strict, slots) == {temptation.rule}


@pytest.mark.parametrize("temptation", ALL, ids=_name)
def test_the_planner_withstands_it_where_the_rule_is_on(temptation: Temptation) -> None:
    assert verify(temptation.strict, make_plan(temptation.strict)) == []


@pytest.mark.parametrize("temptation", ALL, ids=_name)
def test_trying_everything_withstands_it_too(temptation: Temptation) -> None:
    slots = SOLVERS["everything"](temptation.strict)
    assert rules_broken(temptation.strict, slots) == set()
    assert hard_rules_named(temptation.strict, slots) == set()
