"""Supply over demand, reckoned by hand on tiny days."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from allocator.files.policy import parse_policy
from allocator.instance import AUDITORS, FIXED, HISTORY, ITEMS, Instance
from allocator.rules.policy import Policy
from allocator.scenarios.supply import capacities, render, room, supply_over_demand
from config.policy import default_policy_document
from tests.scenarios.days import MONDAY

HOUR = 3600
START = 1_795_400_000


def policy(**changes: Any) -> Policy:
    found, faults = parse_policy(default_policy_document() | changes)
    assert found is not None, faults
    return found


def person(name: str, **changes: Any) -> dict[str, Any]:
    usual = {
        "id": name,
        "team": "t",
        "home_market": "ID",
        "timezone": "Asia/Jakarta",
        "languages": ["id"],
        "markets": ["ID"],
        "clearances": [],
        "opt_outs": [],
        "max_severity": 4,
        "exposure_percent": 100,
        "shift_start": START,
        "shift_end": START + 8 * HOUR,
        "last_end": None,
    }
    return usual | changes


def item(name: str, **changes: Any) -> dict[str, Any]:
    usual = {
        "id": name,
        "kind": "sample",
        "market": "ID",
        "language": "id",
        "category": "adult",
        "severity": 0,
        "modality": "image",
        "seconds": 600,
        "reviews": 1,
        "priority": 4,
        "release": None,
        "due": None,
        "stratum": "s",
        "draw": 1,
        "excluded": [],
        "only": [],
    }
    return usual | changes


def seen(name: str, days_ago: int, seconds: int, severity: int = 3) -> dict[str, Any]:
    return {
        "auditor": name,
        "work_date": MONDAY - timedelta(days=days_ago),
        "category": "adult",
        "severity": severity,
        "modality": "image",
        "seconds": seconds,
        "items": 1,
    }


def tiny(
    people: list[dict[str, Any]], items: list[dict[str, Any]], history: list[dict[str, Any]] | None = None
) -> Instance:
    return Instance(
        name="tiny",
        work_date=MONDAY,
        policy=policy(),
        now=None,
        auditors=pl.DataFrame(people, schema=AUDITORS),
        items=pl.DataFrame(items, schema=ITEMS),
        history=pl.DataFrame(history or [], schema=HISTORY),
        fixed=pl.DataFrame(schema=FIXED),
        document={},
    )


@pytest.mark.parametrize(
    ("hours", "minutes"),
    [
        (0.5, 30),  # no break needed
        (1, 50),  # one short break
        (4, 200),  # four short breaks, five stretches of 40 minutes; the meal is not due yet
        (8, 390),  # a meal and six short breaks: 480 - 30 - 60
    ],
)
def test_a_shift_holds_its_length_less_the_breaks(hours: float, minutes: int) -> None:
    people = pl.DataFrame([person("a", shift_end=START + int(hours * HOUR))], schema=AUDITORS)
    assert capacities(people, policy()).tolist() == [minutes * 60]


def test_without_stretches_a_shift_holds_all_of_itself() -> None:
    people = pl.DataFrame([person("a")], schema=AUDITORS)
    assert capacities(people, policy(stretches=[])).tolist() == [8 * HOUR]


def test_the_rest_between_shifts_takes_its_part() -> None:
    late = person("a", last_end=START - 4 * HOUR)  # 11 hours of rest end 7 hours into the shift
    never = person("b", last_end=START - HOUR)
    people = pl.DataFrame([late, never], schema=AUDITORS)
    assert capacities(people, policy()).tolist() == [50 * 60, 0]


def test_room_is_what_the_window_leaves_scaled_and_never_below_nothing() -> None:
    severe_week = next(limit for limit in policy().limits if limit.key == "severe-week")
    people = pl.DataFrame(
        [person("a"), person("b", exposure_percent=50), person("c"), person("d")], schema=AUDITORS
    )
    history = pl.DataFrame(
        [
            seen("a", 1, 1_000),
            seen("a", 6, 2_000),
            seen("a", 7, 4_000),  # before the window
            seen("a", 1, 8_000, severity=2),  # not selected
            seen("b", 1, 400),
            seen("c", 1, 30_000),
        ],
        schema=HISTORY,
    )
    left = room(people, history, severe_week, policy(), MONDAY)
    assert left.tolist() == [25_800, 14_000, 0, 28_800]


def test_a_limit_of_another_team_leaves_everything() -> None:
    limit = replace(policy().limits[0], scope="team:other")
    people = pl.DataFrame([person("a"), person("b", team="other")], schema=AUDITORS)
    left = room(people, pl.DataFrame(schema=HISTORY), limit, policy(), MONDAY)
    assert left.tolist() == [np.inf, 7_200]


def test_ratios_by_hand() -> None:
    people = [person("a"), person("b", max_severity=2), person("c", languages=["en"], markets=["*"])]
    items = [
        item("everyday", seconds=1_170, reviews=2),
        item("severe", severity=3, seconds=3_600, modality="video"),
        item("english", market="SG", language="en", seconds=1_200, severity=1),
    ]
    rows = {row.pool: row for row in supply_over_demand(tiny(people, items, [seen("a", 1, 25_000)]))}
    assert list(rows) == ["all", "en", "id"]
    capacity = 390 * 60
    assert rows["id"].people == 2
    assert rows["id"].minutes == pytest.approx(2 * capacity / (2 * 1_170 + 3_600))
    assert rows["id"].severe_minutes == pytest.approx((28_800 - 25_000) / 3_600)
    assert rows["id"].dose_points == pytest.approx(
        (760 + min(760, 3_600 - 25_000 * 50 / 600) + 0) / (3_600 * 75 / 600)
    )
    assert rows["en"].people == 1
    assert rows["en"].severe_minutes is None
    assert rows["en"].dose_points == pytest.approx(760 / 20)
    assert rows["all"].minutes == pytest.approx(3 * capacity / (2 * 1_170 + 3_600 + 1_200))


def test_nobody_for_a_language_is_a_pool_of_none() -> None:
    rows = supply_over_demand(tiny([person("a")], [item("x", language="et", market="EE")]))
    assert [(row.pool, row.people, row.minutes) for row in rows] == [("all", 1, 39.0), ("et", 0, 0.0)]


def test_the_five_scarcest_pools_are_shown() -> None:
    languages = ["l1", "l2", "l3", "l4", "l5", "l6"]
    people = [
        person(f"a-{name}-{number}", languages=[name])
        for rank, name in enumerate(languages, start=1)
        for number in range(rank)
    ]
    rows = supply_over_demand(tiny(people, [item(f"i-{name}", language=name) for name in languages]))
    assert [(row.pool, row.people) for row in rows[1:]] == [
        ("l1", 1),
        ("l2", 2),
        ("l3", 3),
        ("l4", 4),
        ("l5", 5),
    ]


def test_the_table_is_plain_text_with_a_line_a_pool() -> None:
    rows = supply_over_demand(tiny([person("a")], [item("x", seconds=11_700)]))
    lines = render(rows).splitlines()
    assert lines[0] == "Supply over demand"
    assert lines[1].split() == ["pool", "people", "minutes", "severe", "minutes", "dose", "points"]
    assert lines[-2].split() == ["all", "1", "2.00", "–", "–"]
    assert lines[-1].split() == ["id", "1", "2.00", "–", "–"]


def test_a_year_end_window_reaches_into_the_old_year() -> None:
    severe_week = next(limit for limit in policy().limits if limit.key == "severe-week")
    people = pl.DataFrame([person("a")], schema=AUDITORS)
    history = pl.DataFrame([seen("a", 1, 800) | {"work_date": date(2026, 12, 31)}], schema=HISTORY)
    assert room(people, history, severe_week, policy(), date(2027, 1, 4)).tolist() == [28_000]
