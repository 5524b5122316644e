"""Generated days: sizes, determinism, a heavy tail of languages, and supply that is scarce in every way."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from allocator.files.faults import Refused
from allocator.instance import Instance
from allocator.rules.policy import MODALITIES
from allocator.scenarios.generate import POOLS, Size, generate
from allocator.scenarios.supply import supplies, supply_over_demand
from config.policy import default_policy_document
from tests.scenarios.days import MONDAY, generated, same

SEEDS = range(8)


def pool_sizes(day: Instance) -> list[int]:
    """People by the language of their pool, largest first."""
    first = day.auditors.select(pl.col("languages").list.first())
    return first.to_series().value_counts(sort=True)["count"].to_list()


@pytest.mark.parametrize(
    ("size", "people", "items"), [("S", 20, 2_000), ("M", 200, 20_000), ("L", 2_000, 200_000)]
)
def test_counts(size: Size, people: int, items: int) -> None:
    day = generated(size, 1)
    assert (len(day.auditors), len(day.items)) == (people, items)
    assert day.auditors["id"].n_unique() == people
    assert day.items["id"].n_unique() == items
    assert len(day.history) > 80 * people


def test_the_largest_size_is_ten_thousand_people() -> None:
    assert POOLS["XL"].people == 10_000


@pytest.mark.parametrize("size", ["S", "M"])
def test_a_seed_fixes_the_day(size: Size) -> None:
    again = generate(size, 3, default_policy_document(), MONDAY)
    assert same(generated(size, 3), again)


def test_another_seed_or_date_is_another_day() -> None:
    assert not generated("S", 3).items.equals(generated("S", 4).items)
    assert not generated("S", 3).auditors.equals(generated("S", 3, date(2026, 11, 24)).auditors)


def test_a_policy_with_a_fault_is_refused() -> None:
    document = default_policy_document()
    document["limits"][0]["window_days"] = 0
    with pytest.raises(Refused, match="window_days"):
        generate("S", 1, document, MONDAY)


def test_a_policy_may_name_other_categories_and_no_limits() -> None:
    document = default_policy_document() | {
        "categories": ["spam", "violence"],
        "limits": [],
        "stretches": [],
        "clearances": {},
    }
    day = generate("S", 1, document, MONDAY)
    assert set(day.items["category"]) == {"spam", "violence"}
    assert supply_over_demand(day)[0].minutes == pytest.approx(0.97, abs=0.01)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("severe_from", range(5))
def test_severe_may_begin_anywhere(severe_from: int) -> None:
    day = generate("S", 1, default_policy_document() | {"severe_from": severe_from}, MONDAY)
    assert supply_over_demand(day)[0].minutes == pytest.approx(0.97, abs=0.01)


@pytest.mark.parametrize("size", ["M", "L"])
def test_languages_have_a_heavy_tail(size: Size) -> None:
    sizes = pool_sizes(generated(size, 2))
    pools = POOLS[size]
    assert len(sizes) == pools.languages
    assert sizes[0] > 0.2 * pools.people
    assert sum(sizes[: pools.languages // 4]) > 0.4 * pools.people
    tail = sizes[-pools.tail :]
    assert pools.smallest <= min(tail)
    assert max(tail) <= pools.largest


def test_a_small_day_has_a_few_languages_and_one_pool_of_two() -> None:
    sizes = pool_sizes(generated("S", 2))
    assert len(sizes) == 4
    assert sizes[-1] == 2


def test_people_differ_as_a_real_group_does() -> None:
    people = generated("M", 5).auditors
    hours = (people["shift_end"] - people["shift_start"]) / 3600
    assert 0.08 < (hours <= 6).mean() < 0.2  # type: ignore[operator]
    assert hours.max() == 9
    assert 0.5 < (people["clearances"].list.len() > 0).mean() < 0.75  # type: ignore[operator]
    assert (people["opt_outs"].list.len() > 0).mean() == pytest.approx(0.1)
    assert {25, 50, 75, 100} == set(people["exposure_percent"])
    assert {1, 2, 3, 4} == set(people["max_severity"])
    assert people["timezone"].n_unique() > 12
    assert people.group_by("team").len()["len"].max() <= 18  # type: ignore[operator]
    english = people["languages"].list.contains("en").mean()
    assert 0.75 < english < 0.98  # type: ignore[operator]
    short = people["shift_start"] - people["last_end"] < 11 * 3600
    assert 5 <= short.sum() <= 25


def test_some_shifts_pass_midnight() -> None:
    people = generated("M", 5).auditors.select("timezone", "shift_start", "shift_end")
    nights = 0
    for zone, start, end in people.iter_rows():
        instants = pl.Series([start, end], dtype=pl.Int64) * 1000
        local = instants.cast(pl.Datetime("ms", "UTC")).dt.convert_time_zone(zone).dt.date()
        nights += local[0] != local[1]
    assert 0.08 * len(people) < nights < 0.3 * len(people)


def test_kinds_severities_and_times_are_as_the_evidence_has_them() -> None:
    items = generated("M", 6).items
    kinds = dict(items["kind"].value_counts().iter_rows())
    assert 0.01 * len(items) < kinds["escalation"] < 0.031 * len(items)
    assert kinds["sample"] > 0.96 * len(items)
    severe = (items["severity"] >= 3).mean()
    assert 0.14 < severe < 0.27  # type: ignore[operator]
    assert (items["severity"] == 0).mean() > 0.35  # type: ignore[operator]
    assert set(items["modality"]) == set(MODALITIES)
    assert items["category"].value_counts(sort=True)["category"][0] == "adult"
    live = items.filter(pl.col("modality") == "live")["seconds"]
    assert ((live >= 180) & (live <= 420)).mean() > 0.9  # type: ignore[operator]
    logs = items.filter(pl.col("modality") == "text")["seconds"].log()
    assert abs(float(((logs - logs.mean()) ** 3).mean() / logs.std() ** 3)) < 0.3  # type: ignore[operator, arg-type]


def test_strata_differ_in_size() -> None:
    sizes = generated("M", 6).items["stratum"].drop_nulls().value_counts()["count"]
    assert sizes.min() == 1
    assert sizes.max() > 20 * sizes.median()  # type: ignore[operator]


@pytest.mark.parametrize("size", ["S", "M"])
@pytest.mark.parametrize("seed", SEEDS)
def test_time_is_short_and_limits_bind(size: Size, seed: int) -> None:
    """Work time is 97 % of demand; severe time and dose are below demand, but not hopelessly."""
    whole = supply_over_demand(generated(size, seed))[0]
    assert whole.minutes == pytest.approx(0.97, abs=0.01)
    assert whole.severe_minutes is not None
    assert whole.dose_points is not None
    assert 0.70 <= whole.severe_minutes <= 1.0
    assert 0.88 <= whole.dose_points <= 1.05
    assert min(whole.severe_minutes, whole.dose_points) < 0.98


def test_demand_follows_the_pools_with_much_noise() -> None:
    ratios = [row.minutes or 0.0 for seed in SEEDS for row in supply_over_demand(generated("M", seed))[1:]]
    assert min(ratios) < 0.9
    assert max(ratios) > 1.2
    assert min(ratios) > 0.6
    assert max(ratios) < 2.0


def test_a_week_has_left_some_people_little_room() -> None:
    """Some have no more than 45 severe minutes left of 120, many have all of them."""
    day = generated("M", 1)
    _, severe, _ = supplies(day.auditors, day.history, day.policy, day.work_date)
    whole = (day.auditors["exposure_percent"] == 100) & (day.auditors["max_severity"] >= 3)
    room = severe[whole.to_numpy()] / 60
    assert np.quantile(room, 0.15) < 45
    assert np.quantile(room, 0.8) == pytest.approx(120)
