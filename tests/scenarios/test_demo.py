"""The demo day: who is in it, and that it is a day with more work than it can hold."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from allocator.scenarios.demo import demo_day
from allocator.scenarios.supply import supplies, supply_over_demand
from config.policy import default_policy_document
from tests.scenarios.days import same, the_demo_day


def test_it_is_stable() -> None:
    assert same(the_demo_day(), demo_day(default_policy_document(), date(2026, 11, 23)))


def test_sixteen_people_in_two_teams_with_pseudonyms() -> None:
    people = the_demo_day().auditors
    assert people["id"].to_list() == [f"aud-{number:02d}" for number in range(1, 17)]
    assert people["team"].n_unique() == 2
    assert set(people["timezone"]) == {"Asia/Jakarta", "Asia/Makassar"}
    assert set(people["home_market"]) == {"ID"}
    assert people["languages"].list.contains("id").all()


def test_a_newcomer_a_return_a_part_timer_and_opt_outs() -> None:
    people = the_demo_day().auditors
    assert people["exposure_percent"].value_counts().sort("exposure_percent").rows() == [
        (25, 1),
        (50, 1),
        (100, 14),
    ]
    assert (people["shift_end"] - people["shift_start"] == 5 * 3600).sum() == 1
    assert (people["opt_outs"].list.len() > 0).sum() == 2


def test_items_in_indonesian_and_some_english() -> None:
    items = the_demo_day().items
    assert 1_500 <= len(items) <= 1_700
    assert set(items["language"]) == {"id", "en"}
    assert set(items["market"]) == {"ID", "SG", "MY"}
    assert 0.8 < (items["language"] == "id").mean() < 0.9  # type: ignore[operator]
    assert (items["kind"] == "escalation").sum() == 40
    calibrations = items.filter(pl.col("kind") == "calibration")
    assert calibrations["reviews"].to_list() == [17, 17, 17]


def test_work_is_there_for_everybody_and_limits_bind() -> None:
    day = the_demo_day()
    whole = supply_over_demand(day)[0]
    assert whole.minutes == pytest.approx(1.0, abs=0.01)
    assert whole.severe_minutes is not None
    assert whole.dose_points is not None
    assert 0.85 < whole.severe_minutes < 1
    assert 0.9 < whole.dose_points < 1
    _, severe, _ = supplies(day.auditors, day.history, day.policy, day.work_date)
    assert ((severe > 0) & (severe < 3_000)).sum() >= 3
