"""Each hard rule at its edge, broken, and left in peace."""

from __future__ import annotations

from pathlib import Path

import pytest

from allocator.files.instance import read_instance, write_instance
from allocator.files.plan import read_plan, write_plan
from allocator.verify import verify
from allocator.verify.violation import HARD_RULES
from tests.verify.build import Scene, honest_plan
from tests.verify.rule_cases import RULE_CASES, Edge, legal_scenes, not_a_slot

EDGES = [(rule, edge) for rule, cases in RULE_CASES.items() for edge in cases.edges]
BROKEN = [(rule, name) for rule, cases in RULE_CASES.items() for name in cases.broken]


def rules_named(of: Scene) -> set[str]:
    return {violation.rule for violation in verify(of.instance, honest_plan(of))}


def test_every_hard_rule_has_edges_and_broken_plans() -> None:
    assert tuple(RULE_CASES) == HARD_RULES
    for rule, cases in RULE_CASES.items():
        assert cases.edges, rule
        assert cases.broken, rule
        assert all(0 in edge.legal and len(edge.legal) < 3 for edge in cases.edges), rule


@pytest.mark.parametrize("change", [-1, 0, 1])
@pytest.mark.parametrize(("rule", "edge"), EDGES, ids=[f"{rule} {edge.name}" for rule, edge in EDGES])
def test_a_rule_holds_to_the_last_second_and_item(rule: str, edge: Edge, change: int) -> None:
    assert rules_named(edge.at(change)) == (set() if change in edge.legal else {rule})


@pytest.mark.parametrize(("rule", "name"), BROKEN, ids=[f"{rule} {name}" for rule, name in BROKEN])
def test_a_broken_plan_in_files_is_caught_under_its_rule(rule: str, name: str, tmp_path: Path) -> None:
    scene = RULE_CASES[rule].broken[name]
    write_instance(scene.instance, tmp_path / "day", "ndjson")
    write_plan(honest_plan(scene), tmp_path / "plan", "ndjson")
    found = verify(read_instance(tmp_path / "day"), read_plan(tmp_path / "plan"))
    assert {violation.rule for violation in found} == {rule}
    assert all(violation.message.endswith(".") for violation in found)


@pytest.mark.parametrize("name", list(legal_scenes()))
def test_what_only_looks_like_a_violation_is_legal(name: str) -> None:
    scene = legal_scenes()[name]
    assert verify(scene.instance, honest_plan(scene)) == []


@pytest.mark.parametrize("name", list(not_a_slot()))
def test_a_slot_that_is_not_of_this_day_is_caught(name: str) -> None:
    rule, scene = not_a_slot()[name]
    assert rules_named(scene) == {rule}


def test_a_violation_names_who_what_and_when() -> None:
    found = [
        violation.message
        for name in ("language", "max_severity")
        for violation in verify(
            RULE_CASES["H1"].broken[name].instance, honest_plan(RULE_CASES["H1"].broken[name])
        )
    ]
    for message in found:
        assert "ada" in message
        assert "s1" in message
        assert "2026-11-23T09:00:00Z to 2026-11-23T09:05:00Z" in message
    assert len(found) == 2
