"""Both bounds, capacity, goals and reasons against the slow formulas, on random small days."""

from __future__ import annotations

import json
from collections import Counter
from fractions import Fraction
from random import Random

import numpy as np
import polars as pl

from allocator.instance import Instance
from allocator.plan import SLOTS, Certificate, Prices
from allocator.rules.policy import Stretch
from allocator.verify import bound_coverage, bound_escalations, recompute
from allocator.verify.bounds import best_of_stratum
from allocator.verify.capacity import between_rests, capacities, time_left
from allocator.verify.day import make_day, make_slots
from allocator.verify.limits import added, work_uses
from allocator.verify.report import know
from allocator.verify.unplanned import RuledOut
from tests.days.build import Day, auditor, escalation, instance, policy, sample
from tests.days.random_day import random_day
from tests.properties.thrown import thrown_slots
from tests.verify import naive

DAYS = 30


def small_day(seed: int) -> Instance:
    return random_day(seed, auditors=(1, 4), items=(1, 14))


def any_prices(rng: Random, day: Instance, top: int) -> Prices:
    prices = Prices()
    for person in day.auditors.to_dicts():
        if rng.random() < 0.7:
            prices.time[person["id"]] = rng.randint(0, top)
        bound = naive.binding(day, person)
        prices.limits[person["id"]] = {
            limit.key: rng.randint(0, top) for limit in bound if rng.random() < 0.5
        }
    return prices


def any_certificate(rng: Random, day: Instance) -> Certificate:
    scale = rng.choice((1, 7, 1000, 10**6, 10**18))
    top = rng.choice((0, 1, 30, scale // 100, scale * 5))
    return Certificate(scale, any_prices(rng, day, top), any_prices(rng, day, top), rng.choice((0, 1, scale)))


def test_bounds_are_those_of_the_formulas() -> None:
    nothing = 0
    for seed in range(DAYS):
        rng, day = Random(seed), small_day(seed)
        slots = thrown_slots(seed, day)
        for _ in range(2):
            certificate = any_certificate(rng, day)
            expected = naive.bounds(day, slots, certificate)
            assert bound_escalations(day, slots, certificate) == expected[0], seed
            assert bound_coverage(day, slots, certificate) == expected[1], seed
            nothing += not any(expected)
    assert nothing < DAYS / 2


def test_goals_and_counts_are_those_of_the_formulas() -> None:
    inversions = 0
    for seed in range(2 * DAYS):
        day = random_day(seed, auditors=(1, 5), items=(1, 30))
        slots = thrown_slots(seed, day)
        figures = recompute(day, slots)
        assert (figures.escalations, figures.counts["escalations_late"]) == naive.escalations(day, slots)
        assert figures.exposure == naive.exposure(day, slots)
        assert figures.load == naive.load(day, slots)
        reviews, inverted = naive.in_order_reviews(day, slots)
        assert figures.coverage == naive.coverage(day, reviews)
        in_order = {item: number for item, number in reviews.items() if item not in inverted}
        assert figures.in_order_coverage == naive.coverage(day, in_order)
        assert figures.counts["draw_inversions"] == len(inverted)
        assert figures.counts["reviews_planned"] == sum(reviews.values())
        assert figures.counts["reviews_wanted"] == sum(day.items["reviews"].to_list())
        samples = set(day.items.filter(pl.col("kind") == "sample")["id"])
        assert figures.counts["samples_seen"] == len(samples & reviews.keys())
        inversions += len(inverted)
    assert inversions


def test_reasons_are_those_of_the_rules() -> None:
    seen: Counter[str] = Counter()
    for seed in range(DAYS):
        day = random_day(seed, auditors=(1, 6), items=(1, 25))
        slots = thrown_slots(seed, day)
        known = know(day)
        table = make_slots(known.day, slots)
        work = work_uses(known.day, known.amounts, table, table.work())
        ruled_out = RuledOut(known.day, known.amounts, table, added(known.history, work))
        place = {name: row for row, name in enumerate(known.day.items)}
        for item, _, expected, _ in naive.ruled_out(day, slots):
            assert ruled_out.counts(place[item]) == json.loads(expected), (seed, item)
            seen.update(json.loads(expected))
    assert len(seen) == 9, seen


def test_who_could_take_what_is_what_the_rules_say() -> None:
    for seed in range(DAYS):
        day = random_day(seed, auditors=(1, 6), items=(1, 25))
        reach = know(day).reach
        people = day.auditors.to_dicts()
        for row, item in enumerate(day.items.to_dicts()):
            takers = [person for person in people if naive.could_take(day, person, item)]
            assert bool(reach.takeable[row]) == bool(takers), (seed, item["id"])
            if takers:
                ends = [naive.earliest(day, person, item) + item["seconds"] for person in takers]
                assert reach.earliest_end[row] == min(ends), (seed, item["id"])


def test_more_people_than_a_block_are_searched_through() -> None:
    """200 people, of whom only the dearest may take the first item."""
    people = [auditor(f"p{n:03}", languages=["en"] if n else ["en", "id"]) for n in range(200)]
    items = [
        escalation("e1", language="id"),
        escalation("e2", excluded=[f"p{n:03}" for n in range(100, 200)]),
    ]
    day = instance(Day(policy=policy(), auditors=tuple(people), items=tuple(items)))
    prices = Prices({f"p{n:03}": 1000 - n for n in range(200)}, {})
    certificate = Certificate(10**6, prices, Prices(), 0)
    nothing = pl.DataFrame(schema=SLOTS)
    assert bound_escalations(day, nothing, certificate) == naive.bounds(day, nothing, certificate)[0]


def any_stretch(rng: Random, key: str) -> Stretch:
    return Stretch(
        key,
        measure=rng.choice(("span", "seconds")),
        amount=rng.choice((0, 1, 59, 300, 1000, 3000, 5000, 10**20)),
        rest=rng.choice((60, 61, 300, 600, 900, 4000, 10**20)),
        min_severity=rng.choice((0, 0, 0, 1)),
    )


def test_capacity_is_that_of_the_formula() -> None:
    below = 0
    for seed in range(150):
        rng = Random(seed)
        rules = tuple(any_stretch(rng, f"w{n}") for n in range(rng.randint(0, 3)))
        lengths = [rng.randint(1, 5000) for _ in range(3)]
        people = tuple(
            auditor(f"p{n}", shift_end=auditor()["shift_start"] + length) for n, length in enumerate(lengths)
        )
        day = make_day(instance(Day(policy=policy(stretches=rules), auditors=people)))
        expected = [naive.capacity(length, rules) for length in lengths]
        assert capacities(day).tolist() == expected, seed
        below += sum(0 < capacity < length for capacity, length in zip(expected, lengths, strict=True))
    assert below > 50


def test_eight_hours_hold_390_minutes_under_a_short_and_a_long_rest() -> None:
    screen = Stretch("screen", measure="span", amount=3000, rest=600)
    meal = Stretch("meal", measure="span", amount=14_400, rest=1800)
    assert between_rests(np.array([28_800]), screen, meal).tolist() == [390 * 60]


def test_time_left_is_what_fixed_work_and_busy_slots_do_not_cover() -> None:
    covered = 0
    for seed in range(2 * DAYS):
        day = random_day(seed, auditors=(1, 4), items=(1, 10), replan=True)
        expected = [naive.time_left(day, person) for person in day.auditors.to_dicts()]
        assert time_left(make_day(day)).tolist() == expected, seed
        covered += not day.fixed.is_empty()
    assert covered > DAYS / 2


def test_the_best_of_a_stratum_is_the_best_of_all_pairs() -> None:
    for seed in range(400):
        rng = Random(seed)
        firsts = [rng.randint(0, 30) for _ in range(rng.randint(0, 8))]
        further = sorted(rng.randint(0, 30) for _ in range(rng.randint(0, 8)))
        steps = sorted((rng.randint(0, 20) for _ in range(len(firsts) + len(further))), reverse=True)
        values = [sum(steps[:n]) for n in range(len(steps) + 1)]
        scale, unit = rng.randint(1, 4), rng.randint(1, 3)
        assert best_of_stratum(values, firsts, further, scale, unit) == max(
            values[k + j] * scale - unit * (sum(firsts[:k]) + sum(further[:j]))
            for k in range(len(firsts) + 1)
            for j in range(len(further) + 1)
        )


def test_numbers_too_large_for_a_machine_word_stay_exact() -> None:
    day = instance(Day(policy=policy(), auditors=(auditor(),), items=(sample(), escalation())))
    price = 10**30 + 1
    certificate = Certificate(10**30, Prices({"ada": price}, {}), Prices({"ada": price}, {}), 10**31)
    nothing = pl.DataFrame(schema=SLOTS)
    expected = naive.bounds(day, nothing, certificate)
    assert (
        bound_escalations(day, nothing, certificate)
        == expected[0]
        == Fraction(3600 * price, 10**30) + 400 - Fraction(600, 10**30)
    )
    assert bound_coverage(day, nothing, certificate) == expected[1]
