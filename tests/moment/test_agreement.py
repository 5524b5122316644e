"""The planner, the verifier and the moment of start read the rules alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from allocator.optimise.planner import make_plan
from tests.moment.agreement import (
    Counts,
    check_moments_of_plan,
    check_moments_of_real_day,
    check_room,
    check_walk,
    check_way_out,
    planned_day,
)
from tests.optimise.generated import demo, generated, planned

PLANNED = range(5000, 5030)


def _over(seeds: range, check: Callable[[int], Counts]) -> Counts:
    counted: Counts = Counter()
    for seed in seeds:
        counted.update(check(seed))
    return counted


def test_what_is_planned_may_start_when_it_is_planned() -> None:
    assert sum(check_walk(*planned_day(seed)) for seed in PLANNED) > 300


def test_the_demo_day_may_go_as_planned() -> None:
    assert check_walk(demo(), make_plan(demo())) > 100


def test_a_generated_day_may_go_as_planned() -> None:
    assert check_walk(generated("S", 3), planned("S", 3)) > 500


def test_the_verifier_agrees_at_any_moment_of_a_planned_day() -> None:
    counted = _over(PLANNED, check_moments_of_plan)
    assert counted["yes"] > 200
    assert min(counted[name] for name in ("H3", "H5", "H6")) > 30, counted


def test_the_verifier_agrees_whatever_has_really_happened() -> None:
    counted = _over(range(150), check_moments_of_real_day)
    assert counted["yes"] > 800
    assert min(counted[name] for name in ("H3", "H5", "H6")) > 150, counted


def test_what_it_says_to_do_makes_it_legal_and_nothing_does_so_sooner() -> None:
    counted = _over(range(60), check_way_out)
    assert min(counted[name] for name in ("rest", "wait", "never")) > 100, counted


def test_a_running_review_may_go_on_until_the_verifier_objects() -> None:
    counted = _over(range(120), check_room)
    assert min(counted[name] for name in ("H5", "H6", "none")) > 50, counted
