"""The default policy: every number explains itself, and the whole is a policy without a fault."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from allocator.files.policy import parse_policy
from config.policy import NUMBER_FIELDS, POLICY_FILE, default_policy_document, policy_file, ramp_percents


def numbers(node: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Every table that holds a `value`, and every number that stands outside of one, with its path."""
    if isinstance(node, dict) and "value" not in node:
        for key, child in node.items():
            yield from numbers(child, f"{path}.{key}")
    elif isinstance(node, list):
        for place, child in enumerate(node):
            yield from numbers(child, f"{path}[{place}]")
    elif isinstance(node, dict | int | float):
        yield path, node


def faults_of(number: object) -> list[str]:
    """What a number of the policy file fails to say."""
    if not isinstance(number, dict):
        return ["stands alone"]
    if missing := NUMBER_FIELDS ^ number.keys():
        return [f"lacks or has too much: {sorted(missing)}"]
    texts = [name for name in ("unit", "reason", "source") if not str(number[name]).strip()]
    dated = isinstance(number["since"], date)
    return [f"{name} is empty" for name in texts] + ([] if dated else ["since is no date"])


def test_every_number_has_unit_reason_source_and_date() -> None:
    found = dict(numbers(policy_file()))
    assert len(found) > 60
    assert {path: faults_of(number) for path, number in found.items() if faults_of(number)} == {}


@pytest.mark.parametrize("field", sorted(NUMBER_FIELDS - {"value"}))
def test_a_number_that_lacks_a_field_is_noticed(field: str) -> None:
    file = policy_file()
    del file["limits"][0]["amount"][field]
    assert [path for path, number in numbers(file) if faults_of(number)] == [".limits[0].amount"]


def test_a_bare_number_is_noticed() -> None:
    file = policy_file()
    file["stretches"][0]["rest"] = 600
    assert [path for path, number in numbers(file) if faults_of(number)] == [".stretches[0].rest"]


def test_what_has_no_evidence_says_so() -> None:
    """The reason and the source of a number agree on whether it is a proposal."""
    for path, number in numbers(policy_file()):
        assert isinstance(number, dict)
        proposed = number["reason"].startswith("Our proposal")
        assert proposed == number["source"].startswith("our proposal"), path


def test_the_file_is_dated_by_its_name() -> None:
    newest = max(number["since"] for _, number in numbers(policy_file()) if isinstance(number, dict))
    assert POLICY_FILE.name == f"policy_{newest:%Y_%m_%d}.toml"


def test_the_document_is_a_policy_without_a_fault() -> None:
    policy, faults = parse_policy(default_policy_document())
    assert faults == []
    assert policy is not None
    assert sum(share for share, _ in policy.coverage_bands) == 1
    assert policy.coverage_bands[0] == (Fraction(1, 10), Fraction(16))
    rules = (*policy.limits, *policy.stretches, *policy.edges)
    assert all(rule.reason and rule.source and rule.since for rule in rules)


def test_the_rules_are_those_promised() -> None:
    document = default_policy_document()
    amounts = {limit["key"]: limit["amount"] for limit in document["limits"]}
    assert amounts == {
        "severe-day": 120 * 60,
        "severe-ceiling": 240 * 60,
        "severe-week": 480 * 60,
        "child-safety-day": 60 * 60,
        "self-harm-day": 90 * 60,
        "dose-day": 760,
        "dose-week": 3_600,
    }
    rests = {rule["key"]: (rule["amount"], rule["rest"]) for rule in document["stretches"]}
    assert rests == {
        "screen-break": (50 * 60, 10 * 60),
        "meal": (240 * 60, 30 * 60),
        "recovery": (30 * 60, 15 * 60),
        "medium": (90 * 60, 15 * 60),
        "in-a-row": (3, 10 * 60),
    }
    assert [(edge["key"], edge["last"]) for edge in document["edges"]] == [("wind-down", 45 * 60)]
    assert document["rest_between_shifts"] == 11 * 3600


def test_no_limit_passes_its_ceiling_and_no_severe_day_the_hotlines_four_hours() -> None:
    limits: list[dict[str, Any]] = default_policy_document()["limits"]
    assert all(limit["amount"] <= limit["ceiling"] for limit in limits)
    daily = [limit for limit in limits if limit["measure"] == "seconds" and limit["window_days"] == 1]
    assert max(limit["ceiling"] for limit in daily) == 4 * 3600


def test_the_ramp_rises_to_the_whole_limit() -> None:
    ramp = ramp_percents()
    assert list(ramp) == sorted(set(ramp))
    assert ramp[0] == 25
    assert ramp[-1] == 100


def test_each_call_gives_a_document_of_its_own() -> None:
    changed = default_policy_document()
    changed["limits"][0]["amount"] = 1
    assert default_policy_document()["limits"][0]["amount"] == 7200
