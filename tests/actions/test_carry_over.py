"""What a work date leaves behind: an escalation goes on to the next, a sample stays where it was drawn."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from models.actions.carry_over import carry_over
from models.actions.close_shifts import close_shifts
from models.actions.complete import complete
from models.actions.settle_exposure import Seen
from models.actor import SYSTEM
from tests.actions.my_day import ADA, AGREE, NOW, MyDay, my_day
from tests.conftest import Database

OVER = NOW + timedelta(hours=7)
"""When the shifts end."""


@pytest.fixture
def day(database: Database) -> Iterator[MyDay]:
    with my_day(database) as made:
        made.rows.run("delete from shift where work_date > :day", day=NOW.date())
        yield made


def undated(day: MyDay) -> list[str]:
    return [row[0] for row in day.rows.rows("select id from item where work_date is null order by id")]


def test_an_escalation_that_nobody_came_to_goes_on_to_the_next_day(day: MyDay) -> None:
    day.escalation("urgent")
    close_shifts(day.engine, SYSTEM, OVER)
    assert carry_over(day.engine, SYSTEM, OVER) == 1
    assert undated(day) == ["urgent"]
    assert day.tasks("place") == [{"item": "urgent"}]
    assert carry_over(day.engine, SYSTEM, OVER) == 0


def test_one_that_was_never_planned_goes_on_too(day: MyDay) -> None:
    day.rows.item("left", kind="escalation", draw=None, stratum=None)
    assert carry_over(day.engine, SYSTEM, OVER) == 1
    assert undated(day) == ["left"]
    assert day.tasks("place") == [{"item": "left"}]


def test_while_somebody_is_there_nothing_goes_on(day: MyDay) -> None:
    day.rows.item("left", kind="escalation", draw=None, stratum=None)
    assert carry_over(day.engine, SYSTEM, OVER - timedelta(seconds=1)) == 0


def test_what_is_done_or_withdrawn_or_runs_stays(day: MyDay) -> None:
    done, runs = day.escalation("done"), day.escalation("runs")
    complete(day.engine, ADA, day.begun(done), Seen(60), AGREE, NOW)
    day.begun(runs, NOW + timedelta(minutes=10))
    day.rows.item("gone", kind="escalation", draw=None, stratum=None)
    day.rows.run("update item set withdrawn_at = now() where id = 'gone'")
    assert carry_over(day.engine, SYSTEM, OVER) == 0
