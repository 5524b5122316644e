"""A break is anybody's at any time, and lasts until its person ends it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from models.actions.end_break import end_break
from models.actions.start import start
from models.actions.take_break import take_break
from models.actor import Actor
from tests.actions.limits_day import at_once
from tests.actions.my_day import ADA, BEN, DAY, NOW, MyDay, my_day, refusal
from tests.conftest import Database


@pytest.fixture
def day(database: Database) -> Iterator[MyDay]:
    with my_day(database) as made:
        yield made


def test_it_begins_now_and_ends_when_they_say(day: MyDay) -> None:
    begun = take_break(day.engine, ADA, NOW)
    assert (begun.kind, begun.state, begun.work_date, begun.started_at) == ("break", "started", DAY, NOW)
    ended = end_break(day.engine, ADA, begun.slot, NOW + timedelta(hours=2))
    assert (ended.state, ended.ended_at) == ("done", NOW + timedelta(hours=2))
    again = end_break(day.engine, ADA, begun.slot, NOW + timedelta(hours=3))
    assert again.ended_at == NOW + timedelta(hours=2)
    assert day.verbs() == ["take_break", "end_break"]


def test_taking_it_twice_is_taking_it_once(day: MyDay) -> None:
    found = at_once(*[lambda: take_break(day.engine, ADA, NOW)] * 6)
    assert len({one.slot for one in found}) == 1
    assert day.verbs() == ["take_break"]
    assert take_break(day.engine, BEN, NOW).slot != found[0].slot


def test_a_planned_break_that_runs_is_the_break(day: MyDay) -> None:
    start(day.engine, ADA, day.slots["pause"], NOW)
    assert take_break(day.engine, ADA, NOW).slot == day.slots["pause"]
    assert end_break(day.engine, ADA, day.slots["pause"], NOW).state == "done"


def test_a_review_is_paused_for_it_and_goes_on_after_it(day: MyDay) -> None:
    start(day.engine, ADA, day.slots["one"], NOW)
    taken = take_break(day.engine, ADA, NOW + timedelta(minutes=1))
    assert (taken.slot, taken.kind, taken.state, taken.is_paused) == (
        day.slots["one"], "work", "started", True,
    )  # fmt: skip
    assert take_break(day.engine, ADA, NOW + timedelta(minutes=2)) == taken
    back = end_break(day.engine, ADA, taken.slot, NOW + timedelta(minutes=5))
    assert (back.is_paused, back.leased_until) == (False, NOW + timedelta(minutes=14))
    assert end_break(day.engine, ADA, taken.slot, NOW + timedelta(minutes=6)) == back
    assert day.verbs() == ["start", "pause", "resume"]


def test_outside_the_shift_time_is_ones_own_anyway(day: MyDay) -> None:
    assert refusal(take_break, day.engine, ADA, NOW + timedelta(hours=7)).kind == "conflict"
    assert refusal(take_break, day.engine, Actor("auditor", "nobody"), NOW).kind == "conflict"


def test_only_ones_own_break_that_has_begun_ends(day: MyDay) -> None:
    begun = take_break(day.engine, ADA, NOW)
    assert refusal(end_break, day.engine, BEN, begun.slot, NOW).kind == "not-found"
    assert refusal(end_break, day.engine, ADA, day.slots["one"], NOW).kind == "not-found"
    assert refusal(end_break, day.engine, ADA, day.slots["pause"], NOW).kind == "not-started"
    day.rows.run("update slot set state = 'withdrawn' where id = :slot", slot=day.slots["pause"])
    assert refusal(end_break, day.engine, ADA, day.slots["pause"], NOW).kind == "stale"
