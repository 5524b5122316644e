"""The worked example: every figure is as the verifier computes it, and no figure can be changed unnoticed."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from allocator.files.instance import read_instance
from allocator.files.plan import read_plan
from allocator.instance import Instance
from allocator.plan import COUNTS, RULED_OUT, Certificate, Plan, Prices
from allocator.verify import bound_coverage, bound_escalations, recompute, verify
from allocator.verify.report import Known, know, violations
from tests.verify import naive

EXAMPLE = Path(__file__).parent / "example"
LARGE = 10**12
"""A price so high that the bound that pays it rises past what is stated."""


@cache
def example() -> tuple[Instance, Plan]:
    return read_instance(EXAMPLE), read_plan(EXAMPLE / "plan")


@cache
def known() -> Known:
    return know(example()[0])


def rules_named(plan: Plan) -> set[str]:
    return {violation.rule for violation in violations(known(), plan)}


def test_the_example_is_legal_and_every_claim_true() -> None:
    assert verify(*example()) == []


def test_every_figure_is_the_one_in_the_file() -> None:
    instance, plan = example()
    figures = recompute(instance, plan.slots)
    assert {name: float(value) for name, value in figures.goals.items()} == pytest.approx(
        plan.goals, rel=1e-14
    )
    assert figures.counts == plan.counts
    assert figures.in_order_coverage == figures.coverage
    assert float(bound_escalations(instance, plan.slots, plan.certificate)) == plan.bounds["escalations"]
    assert float(bound_coverage(instance, plan.slots, plan.certificate)) == plan.bounds["coverage"]


def test_the_slow_formulas_say_the_same_of_the_example() -> None:
    instance, plan = example()
    figures = recompute(instance, plan.slots)
    assert naive.escalations(instance, plan.slots) == (
        figures.escalations,
        figures.counts["escalations_late"],
    )
    assert naive.exposure(instance, plan.slots) == figures.exposure
    assert naive.load(instance, plan.slots) == figures.load
    reviews, inverted = naive.in_order_reviews(instance, plan.slots)
    assert naive.coverage(instance, reviews) == figures.coverage
    assert len(inverted) == figures.counts["draw_inversions"]
    bounds = naive.bounds(instance, plan.slots, plan.certificate)
    assert tuple(true_bounds(plan.certificate).values()) == bounds
    rows = {
        item: (missing, json.loads(why)) for item, missing, why, _ in naive.ruled_out(instance, plan.slots)
    }
    told = plan.unplanned.select("item", "missing", "ruled_out").iter_rows()
    assert rows == {item: (missing, json.loads(why)) for item, missing, why in told}


@pytest.mark.parametrize("goal", ["escalations", "coverage", "exposure", "load"])
def test_a_changed_goal_is_caught(goal: str) -> None:
    plan = example()[1]
    true = plan.goals[goal]
    tolerated = max(0.001, abs(true) * 1e-6)
    for change in (-2 * tolerated, 2 * tolerated, -true, true, LARGE, float("nan"), float("inf")):
        assert rules_named(replace(plan, goals={**plan.goals, goal: true + change})) == {"goals"}, change
    for change in (-tolerated / 2, tolerated / 2):
        assert rules_named(replace(plan, goals={**plan.goals, goal: true + change})) == set(), change


@pytest.mark.parametrize("name", ["escalations", "coverage"])
def test_a_bound_that_is_too_low_is_caught_and_a_higher_one_is_true(name: str) -> None:
    plan = example()[1]
    true = plan.bounds[name]
    for change, expected in ((-0.002, {"bounds"}), (-true, {"bounds"}), (-0.0005, set()), (50.0, set())):
        assert rules_named(replace(plan, bounds={**plan.bounds, name: true + change})) == expected, change


@pytest.mark.parametrize("name", COUNTS)
def test_a_changed_count_is_caught(name: str) -> None:
    plan = example()[1]
    for change in (-1, 1):
        counts = {**plan.counts, name: plan.counts[name] + change}
        assert rules_named(replace(plan, counts=counts)) == {"counts"}


def dearer(prices: Certificate) -> Iterator[tuple[str, Certificate]]:
    """The certificate with each single price raised, one after another."""
    for side in ("escalations", "coverage"):
        given = getattr(prices, side)
        for auditor in given.time:
            changed = replace(given, time={**given.time, auditor: LARGE})
            yield f"{side} time {auditor}", replace(prices, **{side: changed})
        for auditor, by_key in given.limits.items():
            for key in by_key:
                limits = {**given.limits, auditor: {**by_key, key: LARGE}}
                yield f"{side} {key} {auditor}", replace(prices, **{side: replace(given, limits=limits)})


def true_bounds(certificate: Certificate) -> dict[str, Fraction]:
    instance, plan = example()
    return {
        "escalations": bound_escalations(instance, plan.slots, certificate),
        "coverage": bound_coverage(instance, plan.slots, certificate),
    }


def test_a_raised_price_that_raises_a_bound_is_caught() -> None:
    plan = example()[1]
    caught = 0
    for name, certificate in dearer(plan.certificate):
        rises = any(value > plan.bounds[side] + 1 for side, value in true_bounds(certificate).items())
        expected = {"bounds"} if rises else set()
        assert rules_named(replace(plan, certificate=certificate)) == expected, name
        caught += rises
    assert caught >= 30


def test_a_changed_scale_or_price_of_g1_is_caught() -> None:
    plan = example()[1]
    given = plan.certificate
    changes = [replace(given, scale=scale) for scale in (1, 999_000)]
    changes += [replace(given, g1=g1) for g1 in (0, 1900, LARGE)]
    for certificate in changes:
        rises = any(value > plan.bounds[side] + 0.01 for side, value in true_bounds(certificate).items())
        assert rises, certificate
        assert rules_named(replace(plan, certificate=certificate)) == {"bounds"}, certificate


def unsound_prices(certificate: Certificate) -> Iterator[Certificate]:
    for scale in (0, -1):
        yield replace(certificate, scale=scale)
    yield replace(certificate, g1=-1)
    for side in ("escalations", "coverage"):
        given = getattr(certificate, side)
        someone = next(iter(given.limits))
        for changed in (
            replace(given, time={**given.time, "aud-99999": 1}),
            replace(given, time={**given.time, "aud-00000": -1}),
            replace(given, limits={**given.limits, "aud-99999": {"dose-day": 1}}),
            replace(given, limits={**given.limits, someone: {"no-limit": 1}}),
            replace(given, limits={**given.limits, someone: {"screen-break": 1}}),
            replace(given, limits={**given.limits, someone: {"dose-day": -1}}),
        ):
            yield replace(certificate, **{side: changed})


def test_a_price_of_0_may_stand_anywhere() -> None:
    plan = example()[1]
    given = plan.certificate.coverage
    idle = replace(
        given,
        time={**given.time, "aud-99999": 0},
        limits={**given.limits, "aud-99999": {}, "aud-00001": {**given.limits["aud-00001"], "no-limit": 0}},
    )
    assert rules_named(replace(plan, certificate=replace(plan.certificate, coverage=idle))) == set()


def test_prices_beyond_64_bits_are_summed_exactly() -> None:
    """Scale and prices a trillion times as large, twice over, prove the same bounds."""
    plan = example()[1]
    by = 10**24

    def larger(prices: Prices) -> Prices:
        return Prices(
            {who: price * by for who, price in prices.time.items()},
            {who: {key: price * by for key, price in keys.items()} for who, keys in prices.limits.items()},
        )

    given = plan.certificate
    huge = Certificate(given.scale * by, larger(given.escalations), larger(given.coverage), given.g1 * by)
    assert rules_named(replace(plan, certificate=huge)) == set()


def test_prices_of_nobody_of_nothing_or_below_0_are_caught() -> None:
    plan = example()[1]
    for certificate in unsound_prices(plan.certificate):
        assert rules_named(replace(plan, certificate=certificate)) == {"certificate"}


def test_another_name_or_work_date_is_caught() -> None:
    plan = example()[1]
    assert rules_named(replace(plan, instance="example2")) == {"plan"}
    assert rules_named(replace(plan, work_date=plan.work_date.replace(day=24))) == {"plan"}


def unplanned_with(row: int, **changes: Any) -> Plan:
    plan = example()[1]
    rows = plan.unplanned.to_dicts()
    rows[row] = {**rows[row], **changes}
    return replace(plan, unplanned=pl.DataFrame(rows, schema=plan.unplanned.schema))


ROWS = range(len(read_plan(EXAMPLE / "plan").unplanned))


@pytest.mark.parametrize("row", ROWS)
def test_any_change_of_an_unplanned_row_is_caught(row: int) -> None:
    given = example()[1].unplanned.row(row, named=True)
    changes: list[dict[str, Any]] = [
        {"missing": given["missing"] + 1},
        {"missing": given["missing"] - 1},
        {"item": "it-9999999"},
        {"item": "it-0000057"},
        {"sentence": ""},
        {"sentence": " "},
        {"ruled_out": "[]"},
        {"ruled_out": "null"},
        {"ruled_out": "{"},
        {"ruled_out": json.dumps({**json.loads(given["ruled_out"]), "mood": 0})},
    ]
    counts = json.loads(given["ruled_out"])
    for reason in RULED_OUT:
        for change in (-1, 1, 0.5):
            other = copy.copy(counts)
            other[reason] = counts.get(reason, 0) + change
            changes.append({"ruled_out": json.dumps(other)})
    for reason in counts:
        changes.append({"ruled_out": json.dumps({key: n for key, n in counts.items() if key != reason})})
    for figure in re.finditer(r"(?<!\S)\d+(?=\s)", given["sentence"]):
        for number in ("0", "1", "2", "3", "4", "5", "6", "7", "14", "-1", "4.5", "1e1"):
            if number != figure.group():
                start, end = figure.span()
                changes.append({"sentence": given["sentence"][:start] + number + given["sentence"][end:]})
    for changed in changes:
        assert rules_named(unplanned_with(row, **changed)) == {"unplanned"}, changed


def test_a_row_too_many_or_too_few_is_caught() -> None:
    plan = example()[1]
    for row in ROWS:
        without = plan.unplanned.with_row_index().filter(pl.col("index") != row).drop("index")
        assert rules_named(replace(plan, unplanned=without)) == {"unplanned"}
        twice = pl.concat([plan.unplanned, plan.unplanned[row]])
        assert rules_named(replace(plan, unplanned=twice)) == {"unplanned"}


def test_figures_inside_words_are_no_figures() -> None:
    given = example()[1].unplanned["sentence"][0]
    assert rules_named(unplanned_with(0, sentence=given + " See it-0000065, es-419 or v2.")) == set()


SLOT_CHANGES: dict[str, Callable[[dict[str, Any]], list[Any]]] = {
    "auditor": lambda slot: [
        "aud-99999",
        *(f"aud-{n:05}" for n in range(5) if slot["auditor"][-1] != str(n)),
    ],
    "kind": lambda slot: [kind for kind in ("work", "break", "busy", "play") if kind != slot["kind"]],
    "item": lambda slot: ["it-9999999", "it-0000057", *([None] if slot["item"] else [])],
    "label": lambda slot: ["nap", "short"] if slot["label"] is None else ["nap", None],
    "start": lambda slot: [slot["start"] + change for change in (-1, 1, -86_400)],
    "end": lambda slot: [slot["end"] + change for change in (-1, 1, 86_400)],
}


@pytest.mark.parametrize("field", list(SLOT_CHANGES))
def test_a_changed_field_of_a_slot_is_caught(field: str) -> None:
    """Work of the wrong length and so on. A break may be a second longer, if there is room: the changes of
    a break's times that leave the plan legal are those that the verifier must let pass."""
    plan = example()[1]
    rows = plan.slots.to_dicts()
    assert rows
    for number, slot in enumerate(rows):
        for value in SLOT_CHANGES[field](slot):
            if value == slot[field]:
                continue
            changed = [*rows[:number], {**slot, field: value}, *rows[number + 1 :]]
            found = rules_named(replace(plan, slots=pl.DataFrame(changed, schema=plan.slots.schema)))
            is_nudge = slot["kind"] == "break" and field in ("start", "end") and abs(value - slot[field]) == 1
            if is_nudge:
                assert found <= {"H3", "H5", "H7"}, (number, value)
            else:
                assert found, (number, value)


def test_a_slot_too_many_or_too_few_is_caught() -> None:
    plan = example()[1]
    for row in range(len(plan.slots)):
        without = plan.slots.with_row_index().filter(pl.col("index") != row).drop("index")
        if plan.slots["kind"][row] == "work":
            assert rules_named(replace(plan, slots=without)) & {"counts", "goals"}
        assert "H3" in rules_named(replace(plan, slots=pl.concat([plan.slots, plan.slots[row]])))


def test_a_full_sentence_may_say_more_than_its_figures() -> None:
    row = example()[1].unplanned.row(0, named=True)
    for words in (" 0 do not speak en.", f" {row['missing']} reviews missing.", " That is all 5 of 5."):
        assert rules_named(unplanned_with(0, sentence=row["sentence"] + words)) == set()
    assert rules_named(unplanned_with(0, sentence=row["sentence"] + " 7 left.")) == {"unplanned"}
