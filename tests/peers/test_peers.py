"""The peers are legal on every day, and as strong as they claim: else beating them would mean nothing."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import polars as pl
import pytest

from allocator.instance import Instance
from allocator.rules.policy import Edge, Limit, ResetBy, Stretch
from allocator.scenarios.demo import demo_day
from allocator.scenarios.generate import generate
from allocator.verify import recompute, verify
from config.policy import default_policy_document
from tests.bench.as_plan import as_plan
from tests.bench.fifo import fifo
from tests.bench.pull_router import pull_router
from tests.days.build import (
    NINE,
    WORK_DATE,
    Day,
    Row,
    auditor,
    calibration,
    escalation,
    instance,
    policy,
    sample,
)
from tests.days.random_day import random_day

Peer = Callable[[Instance], pl.DataFrame]
PEERS = pytest.mark.parametrize("peer", [fifo, pull_router])

BANDS = ((Fraction(1, 10), Fraction(16)), (Fraction(2, 5), Fraction(4)), (Fraction(1, 2), Fraction(1)))
SCREEN = Stretch("screen", measure="span", amount=3000, rest=600)
RESET = ResetBy(max_severity=1, seconds=120)
IN_A_ROW = Stretch("in-a-row", frozenset(), 3, measure="items", amount=2, rest=900, reset_by=RESET)


def work(slots: pl.DataFrame) -> list[tuple[str, str, int]]:
    """(auditor, item, minutes after nine), in order of time."""
    chosen = slots.filter(pl.col("kind") == "work").sort("start", "auditor")
    rows = chosen.select("auditor", "item", "start").iter_rows()
    return [(who, item, (start - NINE) // 60) for who, item, start in rows]


def breaks(slots: pl.DataFrame) -> list[tuple[str, int]]:
    """(label, seconds) in order of time."""
    chosen = slots.filter(pl.col("kind") == "break").sort("start")
    return [(label, end - start) for label, start, end in chosen.select("label", "start", "end").iter_rows()]


def samples(count: int, **changes: object) -> tuple[Row, ...]:
    """s1, s2, ... in draw order."""
    return tuple(sample(f"s{n}", draw=n, **changes) for n in range(1, count + 1))


@PEERS
@pytest.mark.parametrize("seed", range(3))
def test_legal_and_true_on_a_generated_day(peer: Peer, seed: int) -> None:
    day = generate("S", seed, default_policy_document(), WORK_DATE)
    assert verify(day, as_plan(day, peer(day))) == []


@PEERS
def test_legal_and_true_on_the_demo_day(peer: Peer) -> None:
    day = demo_day(default_policy_document())
    assert verify(day, as_plan(day, peer(day))) == []


@PEERS
@pytest.mark.parametrize("seed", range(40))
def test_legal_and_true_on_a_random_day_under_a_random_policy(peer: Peer, seed: int) -> None:
    day = random_day(seed)
    assert verify(day, as_plan(day, peer(day))) == []


@PEERS
def test_the_same_day_gives_the_same_slots(peer: Peer) -> None:
    day = generate("S", 0, default_policy_document(), WORK_DATE)
    assert peer(day).equals(peer(day))


@PEERS
def test_a_replan_keeps_what_is_fixed_and_works_around_it(peer: Peer) -> None:
    now = NINE + 1800
    fixed = (
        {"auditor": "ada", "kind": "work", "item": "s1", "start": NINE + 1500, "end": now + 300},
        {"auditor": "ada", "kind": "busy", "item": None, "start": now + 900, "end": now + 1500},
        {"auditor": "ada", "kind": "break", "item": None, "start": now + 2100, "end": now + 2700},
    )
    rules = policy(stretches=(SCREEN,))
    day = instance(Day(rules, (auditor(shift_end=NINE + 2 * 3600),), samples(20), fixed=fixed, now=now))
    slots = peer(day)
    assert verify(day, as_plan(day, slots)) == []
    # The span of fifty minutes began with s1 at 25 minutes; the fixed break from 65 to 75 ends it.
    minutes = [minute for _, _, minute in work(slots)]
    assert minutes == [25, 35, 40, 55, 60, 75, 80, 85, 90, 95, 100, 105, 110, 115]


@PEERS
def test_a_night_shift_belongs_to_the_date_on_which_it_starts(peer: Peer) -> None:
    evening = NINE + 13 * 3600
    rules = policy(
        stretches=(SCREEN,),
        edges=(Edge("wind-down", frozenset(), 3, last=3600),),
        limits=(Limit("day", scope="org", measure="items", window_days=1, amount=70),),
    )
    owl = auditor(shift_start=evening, shift_end=evening + 8 * 3600)
    severe = tuple(sample(f"x{n}", severity=4, draw=n) for n in range(1, 100))
    day = instance(Day(rules, (owl,), (*samples(30), *severe)))
    slots = peer(day)
    assert verify(day, as_plan(day, slots)) == []
    assert len(work(slots)) == 70
    assert max(minute for _, item, minute in work(slots) if item.startswith("x")) < 20 * 60


@PEERS
def test_limits_too_small_for_a_single_review_leave_what_adds_nothing(peer: Peer) -> None:
    rules = policy(limits=(Limit("dose", scope="org", measure="dose", window_days=7, amount=1),))
    day = instance(Day(rules, (auditor(),), (*samples(3), sample("x1", severity=2), escalation())))
    slots = peer(day)
    assert verify(day, as_plan(day, slots)) == []
    assert [item for _, item, _ in work(slots)] == ["s1", "s2", "s3"]


@PEERS
def test_a_limit_of_nothing_and_a_shift_too_short_leave_nobody_anything(peer: Peer) -> None:
    rules = policy(limits=(Limit("none", scope="auditor:ada", measure="items", window_days=1, amount=0),))
    people = (auditor("ada"), auditor("bob", shift_end=NINE + 299))
    day = instance(Day(rules, people, samples(3)))
    slots = peer(day)
    assert verify(day, as_plan(day, slots)) == []
    assert work(slots) == []


def test_the_router_takes_what_is_urgent_before_everything_else() -> None:
    items = (
        *samples(9),
        calibration(only=["ada"]),
        escalation("later", priority=2, due=NINE + 3000),
        escalation("sooner", priority=2, due=NINE + 1800),
        escalation("top", priority=1, release=NINE + 600),
    )
    day = instance(Day(policy(), (auditor(),), items))
    assert [item for _, item, _ in work(pull_router(day))][:4] == ["sooner", "top", "later", "c1"]


def test_the_router_serves_the_emptiest_stratum_first() -> None:
    small = tuple(sample(f"small{n}", market="US", draw=n) for n in range(1, 6))
    day = instance(Day(policy(coverage_bands=BANDS), (auditor(),), (*samples(20), *small)))
    # Of 20 reviews the first two are worth 16 each; of 5 the first is worth half of 16 and half of 4.
    assert [item for _, item, _ in work(pull_router(day))][:5] == ["s1", "s2", "small1", "s3", "s4"]


def test_the_router_waits_for_whoever_may_take_the_next_in_draw_order() -> None:
    people = (auditor("ada"), auditor("bob", shift_start=NINE + 1800, shift_end=NINE + 5400))
    items = (sample("s1", draw=1, excluded=["ada"]), *samples(9)[1:])
    slots = pull_router(instance(Day(policy(), people, items)))
    assert work(slots)[0] == ("bob", "s1", 30)


def test_fifo_does_not_care_about_the_draw() -> None:
    people = (auditor("ada"), auditor("bob", shift_start=NINE + 1800, shift_end=NINE + 5400))
    items = (sample("s1", draw=1, excluded=["ada"]), *samples(9)[1:])
    slots = fifo(instance(Day(policy(), people, items)))
    assert work(slots)[0] == ("ada", "s2", 0)


def test_the_router_does_not_wait_for_what_nobody_could_take() -> None:
    items = (sample("s1", draw=1, seconds=3601), sample("s2", draw=2, excluded=["ada"]), *samples(4)[2:])
    day = instance(Day(policy(), (auditor(),), items))
    slots = pull_router(day)
    assert [item for _, item, _ in work(slots)] == ["s3", "s4"]
    assert recompute(day, slots).counts["draw_inversions"] == 0


def test_a_sample_that_comes_late_is_taken_as_soon_as_it_is_there() -> None:
    items = (sample("s1", draw=1, release=NINE + 900), *samples(12)[1:], *samples_of("US", 12))
    day = instance(Day(policy(coverage_bands=BANDS), (auditor(),), items))
    slots = pull_router(day)
    assert ("ada", "s1", 15) in work(slots)
    assert recompute(day, slots).counts["draw_inversions"] == 0


def samples_of(market: str, count: int) -> tuple[Row, ...]:
    return tuple(sample(f"{market}{n}", market=market, draw=n) for n in range(1, count + 1))


def test_the_router_rests_no_longer_than_it_must() -> None:
    rules = policy(stretches=(SCREEN, Stretch("meal", measure="span", amount=7200, rest=1800)))
    day = instance(Day(rules, (auditor(shift_end=NINE + 4 * 3600),), samples(60)))
    slots = pull_router(day)
    assert verify(day, as_plan(day, slots)) == []
    # After 50 and 110 minutes; the second time ten minutes off would buy ten, as two hours are nearly over.
    assert breaks(slots) == [("short", 600), ("meal", 1800), ("short", 600)]


def test_the_router_rests_at_once_for_what_is_urgent() -> None:
    rules = policy(stretches=(IN_A_ROW,))
    items = (escalation("e1"), escalation("e2"), escalation("e3"), *samples(9, severity=2))
    slots = pull_router(instance(Day(rules, (auditor(),), items)))
    assert breaks(slots) == [("recovery", 900)]
    assert work(slots)[2] == ("ada", "e3", 35)


def test_everyday_work_resets_a_row_without_a_break() -> None:
    rules = policy(stretches=(IN_A_ROW,), coverage_bands=BANDS)
    items = (*samples(10), *(sample(f"x{n}", severity=3, draw=n, seconds=600) for n in range(1, 5)))
    day = instance(Day(rules, (auditor(),), items))
    slots = pull_router(day)
    assert verify(day, as_plan(day, slots)) == []
    assert breaks(slots) == []
    assert len(work(slots)) > 8


def test_the_router_keeps_the_draw_order_and_fifo_does_not() -> None:
    day = generate("S", 0, default_policy_document(), WORK_DATE)
    routed, queued = (recompute(day, peer(day)) for peer in (pull_router, fifo))
    assert routed.counts["draw_inversions"] < 0.01 * routed.counts["samples_seen"]
    assert queued.counts["draw_inversions"] > 0.05 * queued.counts["samples_seen"]
    assert routed.in_order_coverage > queued.in_order_coverage
    assert routed.escalations > queued.escalations
