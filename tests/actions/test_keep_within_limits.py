"""Less is allowed than was planned with: what is above it goes at once, and people are told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from models.actions.lower_limit import lower_limit
from models.actions.start import start
from models.refusal import Refusal
from tests.actions.limits_day import LEAD, WELLBEING, at_once
from tests.actions.my_day import ADA, DAY, NOW, MyDay, cut_off, my_day
from tests.conftest import Database

TOMORROW = DAY + timedelta(days=1)


@pytest.fixture
def day(database: Database) -> Iterator[MyDay]:
    with my_day(database) as made:
        made.rows.run("update shift set team = 'late' where auditor = 'ben'")
        made.rows.run("update auditor set team = 'late' where id = 'ben'")
        made.review("theirs", "ben")
        made.review("theirs-too", "ben")
        yield made
        assert made.sums_are_true()


def severe(day: MyDay) -> list[str]:
    return [day.state(day.slots[name]) for name in ("one", "two", "three")]


def theirs(day: MyDay) -> list[str]:
    return [day.state(day.slots[name]) for name in ("theirs", "theirs-too")]


@pytest.mark.parametrize(("amount", "left"), [(1800, 3), (1799, 2), (1200, 2), (600, 1), (599, 0), (0, 0)])
def test_what_is_planned_above_a_lowered_limit_goes_at_once(day: MyDay, amount: int, left: int) -> None:
    lower_limit(day.engine, WELLBEING, "severe-day", amount, None, NOW)
    assert severe(day) == ["planned"] * left + ["withdrawn"] * (3 - left)
    assert theirs(day) == ["planned"] * min(left, 2) + ["withdrawn"] * max(0, 2 - left)
    assert day.state(day.slots["mild"]) == "planned"
    told = day.notices("auditor:ada")
    assert len(told) == (1 if left < 3 else 0)
    if told:
        count = "1 review" if left == 2 else f"{3 - left} reviews"
        assert told[0][:2] == (
            "review-withdrawn",
            f"{count} less in your plan: a limit was lowered, and a limit would be passed.",
        )
        assert len(told[0][2]["slots"]) == 3 - left


def test_a_team_s_own_limit_touches_that_team_alone(day: MyDay) -> None:
    lower_limit(day.engine, LEAD, "severe-day", 0, None, NOW)
    assert (severe(day), theirs(day)) == (["withdrawn"] * 3, ["planned"] * 2)


def test_what_has_begun_stays_and_holds_its_room(day: MyDay) -> None:
    day.begun(day.slots["three"])
    lower_limit(day.engine, WELLBEING, "severe-day", 1200, None, NOW)
    assert severe(day) == ["planned", "withdrawn", "started"]
    lower_limit(day.engine, WELLBEING, "severe-day", 1, None, NOW)
    assert severe(day) == ["withdrawn", "withdrawn", "started"]


def test_whoever_has_seen_more_than_that_already_keeps_nothing_of_it(day: MyDay) -> None:
    day.seen(700)
    lower_limit(day.engine, WELLBEING, "severe-day", 699, None, NOW)
    assert severe(day) == ["withdrawn"] * 3
    assert theirs(day) == ["planned", "withdrawn"]


def test_another_limit_that_was_passed_before_is_not_this_ones_business(day: MyDay) -> None:
    """Lowering one says so; only what it selects can go."""
    day.rows.limit("all-day", amount=9000)
    lower_limit(day.engine, WELLBEING, "all-day", 2400, None, NOW)
    assert severe(day) == ["planned"] * 3
    lower_limit(day.engine, WELLBEING, "all-day", 2399, None, NOW)
    assert day.state(day.slots["mild"]) == "withdrawn"
    assert severe(day) == ["planned"] * 3


def test_escalations_ask_for_another_place(day: MyDay) -> None:
    day.escalation("urgent", priority=1)
    lower_limit(day.engine, WELLBEING, "severe-day", 0, None, NOW)
    assert day.tasks("place") == [{"item": "urgent"}]


def test_every_date_with_a_plan_is_planned_again_whoever_it_concerns(day: MyDay) -> None:
    """Also where nothing had to go: which dates these are would tell a lead what one person is to see."""
    day.rows.person("ada", dates=[TOMORROW])
    day.rows.work_day(TOMORROW)
    day.rows.plan(TOMORROW)
    lowered = lower_limit(day.engine, LEAD, "severe-day", 1000, None, NOW)
    asked = day.rows.rows("select work_date, reason from plan where state = 'waiting' order by work_date")
    assert asked == [(DAY, "limit-lowered"), (TOMORROW, "limit-lowered")]
    assert lowered.plans_made_before == (DAY, TOMORROW)


def test_a_start_and_a_lowering_at_once(day: MyDay) -> None:
    """Either the review had begun, or it is withdrawn; never is it planned still."""
    found = at_once(
        lambda: start(day.engine, ADA, day.slots["one"], NOW),
        lambda: lower_limit(day.engine, WELLBEING, "severe-day", 0, None, NOW),
    )
    begun = not isinstance(found[0], Exception)
    assert begun or isinstance(found[0], Refusal)
    assert severe(day) == ["started" if begun else "withdrawn", "withdrawn", "withdrawn"]


@pytest.mark.parametrize("table", ["into ledger", "into notice", "into task", "into plan"])
def test_cut_off_anywhere_nothing_is_lowered(day: MyDay, table: str) -> None:
    day.escalation("urgent")

    with cut_off(day.engine, f"insert {table}"):
        lower_limit(day.engine, WELLBEING, "severe-day", 0, None, NOW)
    assert (severe(day), day.rows.amount("severe-day")) == (["planned"] * 3, 3600)
    assert day.notices("auditor:ada") == []
