"""Reviews of which nothing is heard any more go back, and their people are told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from models.actions.beat import beat
from models.actions.close_silent import SILENCE, close_silent
from models.actions.pause import pause
from models.actions.start import start
from models.actor import SYSTEM
from tests.actions.limits_day import at_once
from tests.actions.my_day import ADA, BEN, NOW, MyDay, my_day
from tests.conftest import Database

LEASE = timedelta(seconds=600)
SECOND = timedelta(seconds=1)


@pytest.fixture
def day(database: Database) -> Iterator[MyDay]:
    with my_day(database) as made:
        yield made
        assert made.sums_are_true()


def test_after_the_silence_and_not_a_second_before(day: MyDay) -> None:
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    assert close_silent(day.engine, SYSTEM, NOW + LEASE + SILENCE - SECOND) == 0
    assert close_silent(day.engine, SYSTEM, NOW + LEASE + SILENCE) == 0
    assert close_silent(day.engine, SYSTEM, NOW + LEASE + SILENCE + SECOND) == 1
    row = day.rows.rows("select state, ended_by, ended_at, seen_seconds from slot where id = :s", s=slot)
    assert row == [("skipped", "silence", NOW + LEASE, 600)]
    assert [(entry, seconds) for entry, *_, seconds, _ in day.ledger(slot)] == [
        ("reserve", 600), ("release", 600), ("post", 600),
    ]  # fmt: skip
    ((kind, sentence, detail),) = day.notices("auditor:ada")
    assert (kind, "Nothing was heard" in sentence) == ("review-returned", True)
    assert detail == {"slot": slot, "item": "one", "why": "silence"}
    assert close_silent(day.engine, SYSTEM, NOW + timedelta(hours=3)) == 0
    assert len(day.notices("auditor:ada")) == 1


def test_who_is_heard_is_left_alone(day: MyDay) -> None:
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    heard = NOW + LEASE + SILENCE
    beat(day.engine, ADA, slot, heard)
    assert close_silent(day.engine, SYSTEM, heard + SECOND) == 0
    assert day.state(slot) == "started"


def test_a_paused_review_waits_until_the_shift_is_over(day: MyDay) -> None:
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    pause(day.engine, ADA, slot, NOW + timedelta(seconds=90))
    ends = NOW + timedelta(hours=7)
    assert close_silent(day.engine, SYSTEM, ends - SECOND) == 0
    assert close_silent(day.engine, SYSTEM, ends) == 1
    row = day.rows.rows("select state, ended_by, seen_seconds from slot where id = :s", s=slot)
    assert row == [("skipped", "day", 90)]
    assert [kind for kind, *_ in day.notices("auditor:ada")] == ["review-returned"]


def test_several_people_and_several_clocks_at_once(day: MyDay) -> None:
    theirs = day.review("theirs", auditor="ben")
    start(day.engine, ADA, day.slots["one"], NOW)
    start(day.engine, BEN, theirs, NOW)
    later = NOW + timedelta(hours=1)
    found = at_once(*[lambda: close_silent(day.engine, SYSTEM, later)] * 4)
    assert sum(found) == 2
    for slot in (day.slots["one"], theirs):
        assert [entry for entry, *_ in day.ledger(slot)] == ["reserve", "release", "post"]
    assert len(day.notices("auditor:ada")) == len(day.notices("auditor:ben")) == 1


def test_an_escalation_is_placed_again(day: MyDay) -> None:
    slot = day.escalation("urgent")
    start(day.engine, ADA, slot, NOW)
    assert close_silent(day.engine, SYSTEM, NOW + timedelta(hours=1)) == 1
    assert day.tasks("place") == [{"item": "urgent"}]


def test_a_break_is_nobodys_business(day: MyDay) -> None:
    start(day.engine, ADA, day.slots["pause"], NOW)
    assert close_silent(day.engine, SYSTEM, NOW + timedelta(days=1)) == 0
