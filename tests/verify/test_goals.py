"""The goals and draw order on days small enough to reckon in one's head."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from allocator.rules.policy import MODALITIES, Dose, coverage_value
from allocator.verify import Figures, recompute, verify
from allocator.verify.day import make_day
from allocator.verify.goals import values_of
from tests.days.build import NINE, Day, auditor, calibration, escalation, instance, policy, sample
from tests.verify.build import BEN, Scene, honest_plan, scene, table, work
from tests.verify.rule_cases import past, several

BANDS = (
    (Fraction(1, 10), Fraction(16)),
    (Fraction(4, 10), Fraction(4)),
    (Fraction(3, 10), Fraction(2)),
    (Fraction(2, 10), Fraction(1)),
)


def figures(of: Scene) -> Figures:
    return recompute(of.instance, of.slots)


@pytest.mark.parametrize(("end", "value", "late"), [(600, 1000, 0), (601, 100, 1)])
def test_a_review_that_ends_after_its_due_is_worth_a_tenth(end: int, value: int, late: int) -> None:
    day = scene([escalation(due=NINE + 600)], [work("e1", end - 600, 600)])
    assert figures(day).escalations == value
    assert figures(day).counts["escalations_late"] == late


def test_a_calibration_counts_as_priority_4_for_each_person_asked() -> None:
    day = scene([calibration(only=["ada", "ben", "zoe"], due=NINE)], [work("c1", 0, 300)])
    assert figures(day).escalations == Fraction(1, 10)
    assert figures(day).counts["reviews_wanted"] == 3
    assert figures(day).counts["escalations_late"] == 1


def test_ten_wanted_and_three_planned_are_worth_24() -> None:
    items, slots = several([60] * 10)
    assert figures(scene(items, slots[:3], rules={"coverage_bands": BANDS})).coverage == 24


def test_more_than_wanted_is_worth_no_more() -> None:
    people = [auditor(), auditor(BEN)]
    day = scene([sample()], [], people=people, fixed=[work("s1", 0, 300), work("s1", 0, 300, BEN)], now=300)
    assert figures(day).coverage == 1
    assert figures(day).counts["reviews_planned"] == 2


def test_the_worth_of_a_stratum_is_that_of_the_declaration() -> None:
    odd = ((Fraction("0.333"), Fraction("3.01")), (Fraction("0.667"), Fraction("0.01")))
    for bands in (BANDS, odd):
        day = make_day(instance(Day(policy=policy(coverage_bands=bands), items=(sample(),))))
        for wanted in (1, 3, 10, 97):
            planned = list(range(wanted + 3))
            values, unit = values_of(day, wanted, np.array(planned, dtype=np.int64))
            expected = [coverage_value(bands, wanted, number) for number in planned]
            assert [Fraction(int(value), unit) for value in values] == expected


def test_exposure_fades_over_a_week_and_weighs_by_what_a_person_can_bear() -> None:
    """Severity 1 image: 10 units a second. Today 60 s; 70 s six days ago fade to 10 s; seven days ago to
    none. A shift of 3 600 s at 50 % bears 1 800."""
    day = scene(
        [sample(severity=1, seconds=60)],
        [work("s1", 0, 60)],
        people=[auditor(exposure_percent=50), auditor(BEN)],
        history=[past(6, 70), past(7, 5000)],
    )
    assert figures(day).exposure == Fraction(700**2, 1800)


def test_load_is_the_square_of_the_work_over_the_shift() -> None:
    items, slots = several([60, 120])
    day = scene(items, slots, people=[auditor(), auditor(BEN, shift_end=NINE + 7200)])
    assert figures(day).load == Fraction(180**2, 3600)


def test_what_the_instance_does_not_know_adds_nothing() -> None:
    day = scene([sample()], [work("s1", 0, 300), work("s9", 300, 300), work("s1", 0, 300, "zoe")])
    assert figures(day) == figures(scene([sample()], [work("s1", 0, 300)]))


def drawn(numbers: list[int], seen: list[int], **first: object) -> Scene:
    """Samples with these draws, of which those in `seen` are reviewed; the first has more to say."""
    items = [sample(f"s{draw}", draw=draw, seconds=60, stratum="s") for draw in numbers]
    items[0] = {**items[0], **first}
    slots = [work(f"s{draw}", 60 * n, 60) for n, draw in enumerate(seen)]
    return scene(items, slots, people=[auditor(max_severity=3)])


@pytest.mark.parametrize(
    ("seen", "inversions", "in_order"),
    [([3, 5], 0, 2), ([3, 9], 1, 1), ([5], 1, 0), ([5, 9], 2, 0), ([3, 5, 9], 0, 3), ([], 0, 0)],
)
def test_a_sample_behind_an_unseen_one_is_an_inversion(
    seen: list[int], inversions: int, in_order: int
) -> None:
    found = figures(drawn([3, 5, 9], seen))
    assert found.counts["draw_inversions"] == inversions
    assert found.counts["samples_seen"] == len(seen)
    assert found.in_order_coverage == in_order
    assert found.coverage == len(seen)


@pytest.mark.parametrize(
    "unreachable",
    [
        {"excluded": ["ada"]},
        {"release": NINE + 3541},
        {"language": "pt"},
        {"seconds": 3601},
        {"severity": 4},
    ],
)
def test_a_sample_out_of_reach_is_passed_over(unreachable: dict[str, object]) -> None:
    day = drawn([3, 5, 9], [5], **unreachable)
    assert figures(day).counts["draw_inversions"] == 0


def test_other_strata_have_their_own_order() -> None:
    items = [sample("s1", draw=1, stratum="a"), sample("s2", draw=2, stratum="b")]
    assert figures(scene(items, [work("s2", 0, 300)])).counts["draw_inversions"] == 0


def test_fixed_work_elsewhere_does_not_put_a_sample_out_of_reach() -> None:
    """A meeting fills the rest of the day; the empty day had room."""
    items = [sample("s1", draw=1, stratum="s"), sample("s2", draw=2, stratum="s")]
    busy_day = {"auditor": "ada", "kind": "busy", "start": NINE, "end": NINE + 3600}
    day = scene(items, [], fixed=[work("s2", 0, 300), busy_day], now=300)
    assert figures(day).counts["draw_inversions"] == 1


def test_weights_in_decimals_are_exact() -> None:
    weights = {1: Fraction("0.1"), 2: Fraction("0.1"), 3: Fraction("0.1"), 4: Fraction("0.1")}
    items = [escalation(f"e{n}", seconds=60) for n in range(3)]
    slots = [work(f"e{n}", 60 * n, 60) for n in range(3)]
    assert figures(scene(items, slots, rules={"escalation_weights": weights})).escalations == Fraction("0.3")


def test_sums_beyond_a_machine_word_stay_exact() -> None:
    heavy = Dose((0, 10**17, 10**18, 10**18, 10**18), dict.fromkeys(MODALITIES, 10))
    day = scene([sample(severity=1, seconds=600)], [work("s1", 0, 600)], rules={"dose": heavy})
    assert figures(day).exposure == Fraction((600 * 10**18) ** 2, 3600)
    assert verify(day.instance, honest_plan(day)) == []


def test_an_empty_day_and_a_day_of_nobody_verify() -> None:
    nobody = scene([sample(), escalation()], [], people=[])
    idle = scene([], [])
    empty = scene([], [], people=[])
    for day in (nobody, idle, empty):
        assert verify(day.instance, honest_plan(day)) == []
    assert figures(nobody).counts["reviews_wanted"] == 2
    assert table([]).is_empty()
