"""The demo's pictures, each drawn from a small day whose plan was written by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import polars as pl
import pytest
from rich.console import Console, RenderableType

from allocator.instance import Instance
from allocator.plan import SLOTS, UNPLANNED, Plan
from allocator.rules.policy import Limit
from allocator.verify import Violation
from config.demo.view.coverage import coverage, coverage_by
from config.demo.view.escalations import escalations, outcomes
from config.demo.view.goals import goals, verdict
from config.demo.view.limits import exposure, limit_use, limits
from config.demo.view.page import page
from config.demo.view.signs import ASCII, UNICODE, bar
from config.demo.view.timeline import timeline
from config.demo.view.unplanned import gaps, unplanned
from tests.days.build import NINE, WORK_DATE, Day, auditor, calibration, escalation, instance, policy, sample
from tests.days.judge import bare_plan

MINUTE = 60


def text(shown: RenderableType, width: int = 80) -> str:
    console = Console(width=width, force_terminal=False, color_system=None, highlight=False)
    with console.capture() as captured:
        console.print(shown)
    return captured.get()


@pytest.fixture
def day() -> Instance:
    severe_day = Limit(
        "severe-day", min_severity=3, scope="org", measure="seconds", window_days=1, amount=1200
    )
    seen_week = Limit("seen-week", scope="team:t1", measure="items", window_days=7, amount=10)
    return instance(
        Day(
            policy=policy(limits=(severe_day, seen_week)),
            auditors=(
                auditor("ada", timezone="Asia/Jakarta", shift_end=NINE + 3600),
                auditor("ben", timezone="Asia/Jakarta", shift_start=NINE + 1800, shift_end=NINE + 5400),
                auditor("eve", timezone="America/New_York", team="t2", exposure_percent=50),
            ),
            items=(
                *(sample(f"s{n}", draw=n) for n in range(1, 5)),
                sample("other", market="US", language="es", severity=2),
                escalation("late", due=NINE + 60),
                escalation("left", due=NINE + 60),
                escalation("fine", priority=3),
                calibration("all", only=["ada", "ben"]),
            ),
            history=(
                {
                    "auditor": "ada",
                    "work_date": WORK_DATE.replace(day=20),
                    "category": "hate",
                    "severity": 3,
                    "modality": "image",
                    "seconds": 900,
                    "items": 3,
                },
            ),
        )
    )


@pytest.fixture
def plan(day: Instance) -> Plan:
    """ada: ten minutes each of severe work, recovery, everyday work, meal; ben: one calibration."""
    slots = [
        ("ada", "work", "late", None, NINE, NINE + 10 * MINUTE),
        ("ada", "break", None, "recovery", NINE + 10 * MINUTE, NINE + 20 * MINUTE),
        ("ada", "work", "s1", None, NINE + 20 * MINUTE, NINE + 25 * MINUTE),
        ("ada", "work", "s2", None, NINE + 25 * MINUTE, NINE + 30 * MINUTE),
        ("ada", "break", None, "meal", NINE + 30 * MINUTE, NINE + 40 * MINUTE),
        ("ada", "work", "fine", None, NINE + 40 * MINUTE, NINE + 50 * MINUTE),
        ("ben", "work", "all", None, NINE + 40 * MINUTE, NINE + 45 * MINUTE),
    ]
    left = [
        ("s3", 1, {"capacity": 2, "has-it": 1}, "3 auditors: 1 already reviews it, 2 are full."),
        ("s4", 1, {"capacity": 2, "has-it": 1}, "3 auditors: 1 already reviews it, 2 are full."),
        ("left", 1, {"protected": 2, "language": 1}, "3 auditors: 1 does not speak en, 2 are not available."),
        ("other", 1, {"language": 3}, "3 auditors: 3 do not speak es."),
        ("all", 1, {"has-it": 1, "only": 2}, "3 auditors: 1 already reviews it, 2 were not asked."),
    ]
    return replace(
        bare_plan(day, pl.DataFrame(slots, schema=SLOTS, orient="row")),
        goals={"escalations": 110.0, "coverage": 2.5, "exposure": 1234567.0, "load": 3.0},
        bounds={"escalations": 1000.0, "coverage": 5.0},
        unplanned=pl.DataFrame(
            [(item, missing, json.dumps(why), sentence) for item, missing, why, sentence in left],
            schema=UNPLANNED,
            orient="row",
        ),
    )


def test_the_timeline_is_drawn_in_local_time_with_a_sign_for_each_kind(day: Instance, plan: Plan) -> None:
    lines = text(timeline(day, plan, ASCII, 80)).splitlines()
    assert lines[0] == "America/New_York, local time"
    assert lines[1].split() == [*(f"{hour:02d}" for hour in range(4, 18)), "work"]
    ada = next(line for line in lines if line.startswith("ada"))
    # From 04:00 to 17:30 a sign is 12 minutes: where work and a break share one, the break shows.
    assert ada == "ada" + " " * 61 + "#rM#_" + " " * 3 + "  0.5 h"
    ben = next(line for line in lines if line.startswith("ben"))
    assert ben == "ben" + " " * 63 + "______" + "  0.1 h"


def test_one_zone_is_drawn_finer(day: Instance, plan: Plan) -> None:
    jakarta = replace(day, auditors=day.auditors.filter(pl.col("timezone") == "Asia/Jakarta"))
    lines = text(timeline(jakarta, plan, UNICODE, 80)).splitlines()
    assert next(line for line in lines if line.startswith("ada")).split() == [
        "ada",
        "██rr░░MM██__",
        "0.5",
        "h",
    ]
    assert "one sign is 5 min" in lines[-2]
    assert "█ severe" in lines[-1]


def test_fixed_time_outside_the_shift_does_not_break_the_picture(day: Instance, plan: Plan) -> None:
    strange = [
        ("ada", "break", None, None, NINE - 7 * 3600, NINE - 6 * 3600),
        ("ada", "busy", None, None, NINE, NINE + 9),
    ]
    slots = pl.concat([plan.slots, pl.DataFrame(strange, schema=SLOTS, orient="row")])
    assert "ada" in text(timeline(day, replace(plan, slots=slots), UNICODE, 80))


def test_coverage_counts_samples_and_only_samples(day: Instance, plan: Plan) -> None:
    assert coverage_by(day, plan, "market").rows() == [("ID", 4, 2), ("US", 1, 0)]
    assert coverage_by(day, plan, "language").rows() == [("en", 4, 2), ("es", 1, 0)]
    assert coverage_by(day, plan, "severity").rows() == [(0, 4, 2), (2, 1, 0)]
    lines = text(coverage(day, plan, ASCII, 80)).splitlines()
    assert lines[0].split() == ["market", "ID", "#" * 18 + "." * 18, "2", "of", "4", "50.0", "%"]


def test_escalations_are_on_time_late_or_missing(day: Instance, plan: Plan) -> None:
    assert outcomes(day, plan).rows() == [
        ("escalation", 1, 2, 0, 1, 1),
        ("escalation", 3, 1, 1, 0, 0),
        ("calibration", None, 2, 1, 0, 1),
    ]
    assert "escalation, priority 1           2        0     1          1" in text(escalations(day, plan))


def test_use_of_a_limit_counts_this_plan_and_the_window_before_it(day: Instance, plan: Plan) -> None:
    severe_day, seen_week = day.policy.limits
    seen = exposure(day, plan)
    assert limit_use(day, seen, severe_day).rows() == [("ada", 1200, 1200), ("ben", 1200, 0), ("eve", 600, 0)]
    # The team's limit binds ada and ben alone; ada's three items of three days ago count.
    assert limit_use(day, seen, seen_week).rows() == [("ada", 10, 7), ("ben", 10, 1)]


def test_the_strip_of_a_limit_names_nobody(day: Instance, plan: Plan) -> None:
    shown = text(limits(day, plan, ASCII, 80))
    assert "severe-day  20 min a day        8" in shown
    assert "seen-week   10 items in 7 days  61" in shown
    assert not {"ada", "ben", "eve"} & set(shown.split())


def test_gaps_are_put_together_by_what_stood_in_the_way_last(day: Instance, plan: Plan) -> None:
    found = gaps(day, plan)
    assert [(gap.items, gap.reviews) for gap in found] == [(2, 2), (1, 1), (1, 1), (1, 1)]
    assert found[0].reason == "Everybody left who could take it is full."
    assert found[0].examples == (("s3, ID/en/adult/0", "3 auditors: 1 already reviews it, 2 are full."),)
    assert {gap.reason.split()[0] for gap in found[1:]} == {"Nobody", "Everybody"}
    shown = " ".join(text(unplanned(day, plan)).split())
    for sentence in plan.unplanned["sentence"].unique():
        assert sentence in shown


def test_nothing_left_out_is_said_in_words(day: Instance, plan: Plan) -> None:
    whole = replace(plan, unplanned=plan.unplanned.clear())
    assert text(unplanned(day, whole)) == "Nothing was left out.\n"


def test_goals_stand_beside_their_bounds(plan: Plan) -> None:
    lines = [line.split() for line in text(goals(plan, ASCII)).splitlines()]
    assert lines[1][-6:] == ["110.0", "1", "000.0", "........", "11.0", "%"]
    assert lines[2][-3:] == ["####....", "50.0", "%"]
    assert lines[3][-3:] == ["less", "is", "better"]


def test_a_bar_is_full_only_when_nothing_is_missing() -> None:
    assert bar(999, 1000, 10, ASCII) == "#########."
    assert bar(1000, 1000, 10, ASCII) == "##########"
    assert bar(0, 0, 4, ASCII) == "...."


def test_the_verdict_names_what_was_found() -> None:
    assert "no hard rule is broken" in verdict([]).plain
    found = verdict([Violation("H4", "ada passes severe-day")])
    assert found.plain.splitlines()[1] == "H4: ada passes severe-day"
    assert "no hard rule" not in found.plain


@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_page_fits_its_width_and_cuts_nothing(day: Instance, plan: Plan, width: int) -> None:
    shown = text(page(day, plan, [], UNICODE, width), width)
    assert max(map(len, shown.splitlines())) <= width
    assert "…" not in shown
    assert "\x1b" not in shown


def test_without_unicode_every_sign_is_ascii(day: Instance, plan: Plan) -> None:
    assert text(page(day, plan, [], ASCII, 80)).isascii()
