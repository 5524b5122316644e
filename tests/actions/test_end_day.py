"""A person goes home: at once, without a reason, and nothing is lost. So it is when a shift is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from models.actions.close_shifts import close_shifts
from models.actions.close_silent import close_silent
from models.actions.complete import complete
from models.actions.end_day import DayEnded, end_day
from models.actions.settle_exposure import Seen
from models.actions.take_break import take_break
from models.actor import SYSTEM
from tests.actions.limits_day import at_once
from tests.actions.my_day import ADA, AGREE, BEN, DAY, NOW, MyDay, cut_off, my_day, refusal
from tests.conftest import Database

OVER = NOW + timedelta(hours=7)
"""The end of every shift here."""
PAUSED = "update slot set leased_until = null, pauses = tstzmultirange(tstzrange(:at, null)) where id = :slot"


@pytest.fixture
def day(database: Database) -> Iterator[MyDay]:
    with my_day(database) as made:
        made.escalation("urgent")
        yield made
        assert made.sums_are_true()


def states(day: MyDay) -> dict[str, str]:
    return {name: day.state(slot) for name, slot in day.slots.items()}


def reserved(day: MyDay) -> int:
    """What is reserved of anything for anybody, in seconds."""
    return int(
        day.rows.run(
            "select coalesce(sum(case entry when 'reserve' then seconds when 'release' then -seconds end), 0)"
            " from ledger"
        )
    )


def test_what_has_not_begun_goes_to_others(day: MyDay) -> None:
    theirs = day.review("theirs", "ben")
    at = NOW + timedelta(minutes=3)
    for later in (timedelta(0), timedelta(microseconds=5), timedelta(hours=1)):
        assert end_day(day.engine, ADA, at + later) == DayEnded(DAY, at)
    assert set(states(day).values()) == {"withdrawn", "planned"}
    assert day.state(theirs) == "planned"
    assert reserved(day) == 600
    assert day.tasks("place") == [{"item": "urgent"}]
    assert [set(one) for one in day.tasks("plan")] == [{"plan"}]
    assert day.rows.run("select there_until(shift) from shift where auditor = 'ada'") == at
    assert day.rows.run("select there_until(shift) from shift where auditor = 'ben'") == OVER
    assert day.verbs() == ["end_day", "request_plan"]


def test_who_went_home_is_told_to_nobody(day: MyDay) -> None:
    end_day(day.engine, ADA, NOW)
    asked = day.rows.rows("select requested_by, reason from plan where state = 'waiting'")
    assert asked == [("operations:breakwater", "day-ended")]
    assert day.rows.rows("select from notice") == []


def test_a_review_that_runs_goes_back_and_counts(day: MyDay) -> None:
    slot = day.begun(day.slots["one"])
    end_day(day.engine, ADA, NOW + timedelta(seconds=90))
    assert day.rows.rows("select state, ended_by, seen_seconds from slot where id = :slot", slot=slot) == [
        ("skipped", "day", 90)
    ]
    # And who had done it just then is not told that it was for nothing.
    done = complete(day.engine, ADA, slot, Seen(120), AGREE, NOW + timedelta(minutes=5))
    assert (done.state, done.seen_seconds) == ("done", 120)
    assert complete(day.engine, ADA, slot, Seen(120), AGREE, NOW + timedelta(minutes=5)) == done


def test_a_paused_review_goes_back(day: MyDay) -> None:
    slot = day.begun(day.slots["urgent"])
    day.rows.run(PAUSED, slot=slot, at=NOW + timedelta(seconds=50))
    end_day(day.engine, ADA, NOW + timedelta(minutes=5))
    assert day.ledger(slot)[-1][0] == "post"
    assert day.ledger(slot)[-1][4] == 50
    assert day.tasks("place") == [{"item": "urgent"}]


def test_a_break_that_runs_ends(day: MyDay) -> None:
    rest = take_break(day.engine, ADA, NOW)
    at = NOW + timedelta(minutes=5)
    end_day(day.engine, ADA, at)
    assert day.rows.rows("select state, ended_at from slot where id = :slot", slot=rest.slot) == [
        ("done", at)
    ]


def test_before_the_shift_and_a_day_after_it_there_is_nothing_to_end(day: MyDay) -> None:
    for at in (NOW - timedelta(hours=1, seconds=1), OVER + timedelta(days=1)):
        assert refusal(end_day, day.engine, ADA, at).kind == "conflict"
    assert end_day(day.engine, ADA, OVER - timedelta(seconds=1)).until == OVER - timedelta(seconds=1)


def test_said_again_after_the_shift_it_has_ended_when_it_did(day: MyDay) -> None:
    slot = day.begun(day.slots["one"], OVER - timedelta(minutes=5))
    ended = end_day(day.engine, ADA, OVER + timedelta(seconds=30))
    assert end_day(day.engine, ADA, OVER + timedelta(minutes=5)) == ended
    assert day.state(slot) == "skipped"
    assert day.verbs().count("end_day") == 1


def test_in_overtime_it_ends_too(day: MyDay) -> None:
    slot = day.begun(day.slots["one"], OVER - timedelta(minutes=5))
    assert end_day(day.engine, ADA, OVER + timedelta(seconds=30)) == DayEnded(DAY, OVER)
    assert day.state(slot) == "skipped"


def test_two_devices_end_it_once(day: MyDay) -> None:
    day.begun(day.slots["one"])
    found = at_once(*[lambda: end_day(day.engine, ADA, NOW + timedelta(minutes=1))] * 6)
    assert found == [DayEnded(DAY, NOW + timedelta(minutes=1))] * 6
    assert day.verbs() == ["end_day", "request_plan"]


@pytest.mark.parametrize("table", ["into ledger", "into audit", "into task", "into plan"])
def test_cut_off_anywhere_the_day_goes_on(day: MyDay, table: str) -> None:
    day.begun(day.slots["one"])
    before = states(day), reserved(day)

    with cut_off(day.engine, f"insert {table}"):
        end_day(day.engine, ADA, NOW + timedelta(minutes=1))
    assert before == (states(day), reserved(day))
    assert day.rows.run("select available_until from shift where auditor = 'ada'") is None
    end_day(day.engine, ADA, NOW + timedelta(minutes=1))
    assert reserved(day) == 0


# ----------------------------------------------------------------------------------- the shift's own end


def test_at_the_shifts_end_what_was_left_goes_with_a_notice(day: MyDay) -> None:
    assert close_shifts(day.engine, SYSTEM, OVER - timedelta(seconds=1)) == 0
    assert close_shifts(day.engine, SYSTEM, OVER) == 6
    assert close_shifts(day.engine, SYSTEM, OVER) == 0
    assert (set(states(day).values()), reserved(day)) == ({"withdrawn"}, 0)
    ((kind, sentence, detail),) = day.notices("auditor:ada")
    assert (kind, sentence) == (
        "shift-over",
        "Your shift is over: what was left of your plan is not yours any more.",
    )
    assert detail == {"slots": sorted(day.slots.values())}
    assert day.tasks("place") == [{"item": "urgent"}]


def test_whoever_is_there_for_less_of_it_is_closed_earlier(day: MyDay) -> None:
    day.rows.run("update shift set available_until = :at where auditor = 'ada'", at=NOW)
    day.review("theirs", "ben")
    assert close_shifts(day.engine, SYSTEM, NOW) == 6
    assert day.state(day.slots["theirs"]) == "planned"


def test_a_review_on_the_screen_goes_on_and_one_that_is_paused_goes_back(day: MyDay) -> None:
    mine = day.begun(day.slots["one"], OVER - timedelta(minutes=5))
    theirs = day.begun(day.review("theirs", "ben"), OVER - timedelta(minutes=5))
    day.rows.run(PAUSED, slot=theirs, at=OVER - timedelta(minutes=4))
    close_shifts(day.engine, SYSTEM, OVER)
    close_silent(day.engine, SYSTEM, OVER)
    assert (day.state(mine), day.state(theirs)) == ("started", "skipped")
    assert [kind for kind, *_ in day.notices("auditor:ben")] == ["review-returned"]
    assert day.ledger(theirs)[-1][:1] + day.ledger(theirs)[-1][4:] == ("post", 60, 1)
    done = complete(day.engine, BEN, theirs, Seen(60), AGREE, OVER + timedelta(minutes=1))
    assert done.state == "done"


def test_a_break_that_nobody_ended_ends_with_the_shift(day: MyDay) -> None:
    rest = take_break(day.engine, ADA, OVER - timedelta(minutes=5))
    close_shifts(day.engine, SYSTEM, OVER + timedelta(minutes=1))
    assert day.rows.rows("select state, ended_at from slot where id = :slot", slot=rest.slot) == [
        ("done", OVER)
    ]
