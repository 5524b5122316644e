"""No hard rule without a temptation, a test to the unit on both sides, and a broken plan that is caught.

The rules and their clauses are listed here by hand, from the rule book, and not from the code: a clause that
everybody forgot is missing from every list but this one.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from allocator.rules.policy import LIMIT_MEASURES, STRETCH_MEASURES
from tests.days.judge import HARD_RULES
from tests.temptations.cases import TEMPTATIONS
from tests.temptations.thresholds import THRESHOLDS
from tests.verify.rule_cases import RULE_CASES


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause of a rule and what tries it: a temptation for the planner, a broken plan for the verifier, and
    where the clause has a number, a test to the unit for the planner and one for the verifier."""

    rule: str
    temptation: str
    broken: str
    planned_to: str | None = None
    verified_to: str | None = None

    @property
    def name(self) -> str:
        return f"{self.rule} {self.temptation}"


ADA = "auditor:ada"
SCOPES = {"org": "org", "market": "market:ID", "team": "team:t1", "auditor": ADA}

CLAUSES = [
    Clause("H1", "language", "language"),
    Clause("H1", "market", "market"),
    Clause("H1", "clearance", "clearance"),
    Clause("H1", "opt-out", "opt-out"),
    Clause("H1", "max_severity", "max_severity", "max_severity", "max_severity"),
    Clause("H1", "excluded", "excluded"),
    Clause("H1", "only", "only"),
    Clause("H2", "reviews", "too many reviews", "reviews", "reviews"),
    Clause("H2", "twice by one auditor", "one person twice"),
    Clause("H2", "once for each in only", "one of `only` twice"),
    Clause("H3", "its seconds", "shorter than the item", "its seconds", "seconds"),
    Clause("H3", "its seconds", "split in two"),
    Clause("H3", "release", "before its release", "release", "release"),
    Clause(
        "H3",
        "rest between shifts",
        "before the rest between shifts ends",
        "rest between shifts",
        "rest between shifts",
    ),
    Clause("H3", "shift start", "before the shift", "shift start", "shift start"),
    Clause("H3", "shift end", "after the shift", "shift end", "shift end"),
    Clause("H3", "work before now", "work before now", "now", "now, work"),
    Clause("H3", "break before now", "break before now", "now", "now, break"),
    Clause("H3", "one thing at a time", "work over work", "beside a fixed slot", "overlap of work"),
    Clause("H3", "across a fixed busy", "work over a long fixed slot with others between"),
    Clause("H3", "across a fixed break", "work over a fixed break", None, "overlap with a fixed slot"),
    *(
        Clause("H4", f"{measure} {name}", f"{measure}, {scope}", f"{measure} {name}", f"{measure}, {scope}")
        for measure in ("seconds", "items", "dose")
        for name, scope in SCOPES.items()
    ),
    *(
        Clause(
            "H4",
            f"history {measure}",
            f"{measure} over seven days",
            "history",
            f"{measure} over seven days",
        )
        for measure in ("seconds", "items", "dose")
    ),
    Clause("H4", "exposure_percent", "a limit of nothing", "exposure_percent", "percent, rounded down"),
    Clause("H4", "fixed work", "fixed work alone passes", None, "fixed work as long as it took"),
    Clause("H4", "history seconds", "history alone passes", "window", "seconds over seven days"),
    Clause("H4", "the tightest", "history alone passes", None, "the tightest wins"),
    *(Clause("H5", measure, measure, measure, measure) for measure in ("span", "seconds", "items")),
    *(
        Clause(
            "H5",
            f"{measure} reset_by too short",
            "everyday work too short",
            f"{measure} reset_by seconds",
            "everyday seconds",
        )
        for measure in ("span", "seconds", "items")
    ),
    *(
        Clause(
            "H5",
            f"{measure} reset_by too severe",
            "everyday work too severe",
            f"{measure} reset_by max_severity",
            "everyday severity",
        )
        for measure in ("span", "seconds", "items")
    ),
    Clause("H5", "items", "adjacent breaks do not add up", "rest", "length of a rest"),
    Clause("H6", "first", "inside the first", "first", "first"),
    Clause("H6", "last", "inside the last", "last", "last"),
    Clause("H7", "a minute at least", "too short", "a minute at least", "length"),
    Clause("H7", "within the shift", "after the shift", None, "shift end"),
]


def _name(clause: Clause) -> str:
    return f"{clause.name}, {clause.broken}"


@pytest.mark.parametrize("clause", CLAUSES, ids=_name)
def test_every_clause_is_tempted_broken_and_tried_to_the_unit(clause: Clause) -> None:
    cases = RULE_CASES[clause.rule]
    assert clause.temptation in {temptation.clause for temptation in TEMPTATIONS[clause.rule]}
    assert clause.broken in cases.broken
    if clause.planned_to is not None:
        assert (clause.rule, clause.planned_to) in {(t.rule, t.clause) for t in THRESHOLDS}
    if clause.verified_to is not None:
        assert clause.verified_to in {edge.name for edge in cases.edges}


def test_the_rules_are_the_seven_of_the_rule_book() -> None:
    seven = ("H1", "H2", "H3", "H4", "H5", "H6", "H7")
    assert tuple(TEMPTATIONS) == seven
    assert tuple(RULE_CASES) == seven
    assert seven == HARD_RULES
    assert {clause.rule for clause in CLAUSES} == set(seven)
    assert {threshold.rule for threshold in THRESHOLDS} == set(seven)
    assert all(t.rule == rule for rule, temptations in TEMPTATIONS.items() for t in temptations)


def test_a_new_measure_needs_clauses_of_its_own() -> None:
    for measure in LIMIT_MEASURES:
        for scope in SCOPES:
            assert f"H4 {measure} {scope}" in {clause.name for clause in CLAUSES}
    for measure in STRETCH_MEASURES:
        for how in ("", " reset_by too short", " reset_by too severe"):
            assert f"H5 {measure}{how}" in {clause.name for clause in CLAUSES}


def test_names_are_unique() -> None:
    for names in ([t.name for ts in TEMPTATIONS.values() for t in ts], [t.name for t in THRESHOLDS]):
        assert len(names) == len(set(names))
