"""More severe or longer than expected: recorded as it was, flagged, and the rest of the day re-checked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from models.actions.complete import complete
from models.actions.settle_exposure import Seen
from models.actions.skip import skip
from tests.actions.limits_day import at_once
from tests.actions.my_day import ADA, AGREE, BEN, DAY, NOW, MyDay, cut_off, my_day
from tests.conftest import Database

LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def day(database: Database) -> Iterator[MyDay]:
    with my_day(database) as made:
        yield made
        assert made.sums_are_true()
        assert nothing_too_much_is_planned(made)


def nothing_too_much_is_planned(day: MyDay) -> bool:
    """In no window of a limit that is passed anything is left that could have been taken back."""
    return not day.rows.rows("""
        select from limits_passed(array(
            select (auditor, work_date, use)::exposure_touched from limit_day where reserved > 0
        )) passed
        join exposure_limit l on l.key = passed.limit_key
        join exposure_use u on u.id = l.use
        join slot on slot.auditor = passed.auditor and slot.state = 'planned'
            and slot.work_date between passed.work_date - (l.window_days - 1) and passed.work_date
        cross join lateral slot_reserved(slot.id, slot.work_date) r
        where r.severity >= u.min_severity and (u.categories = '{}' or r.category = any (u.categories))
    """)


def states(day: MyDay) -> dict[str, str]:
    return {name: day.state(slot) for name, slot in day.slots.items()}


def test_it_is_flagged_without_saying_whose_or_what(day: MyDay) -> None:
    slot = day.begun(day.slots["mild"])
    complete(day.engine, ADA, slot, Seen(60, severity=4), AGREE, LATER)
    ((kind, sentence, detail),) = day.notices("wellbeing")
    assert (kind, detail) == ("incident", {})
    assert sentence == "Something was more severe than expected; it is in the list of incidents."


@pytest.mark.parametrize("seen", [Seen(60), Seen(60, severity=0), Seen(60, category="self-harm")])
def test_what_was_not_more_severe_is_not_flagged(day: MyDay, seen: Seen) -> None:
    complete(day.engine, ADA, day.begun(day.slots["mild"]), seen, AGREE, LATER)
    assert day.notices("wellbeing") == []


def test_past_a_limit_it_is_recorded_and_what_comes_later_is_withdrawn(day: MyDay) -> None:
    """Of 60 severe minutes 30 are planned; 45 that nobody expected leave room for one review of ten."""
    complete(day.engine, ADA, day.begun(day.slots["mild"]), Seen(45 * 60, severity=3), AGREE, LATER)
    assert day.ledger(day.slots["mild"])[-1] == ("incident", "violence", 3, "image", 2700, 1)
    assert states(day) == {
        "one": "planned",
        "two": "withdrawn",
        "three": "withdrawn",
        "mild": "done",
        "pause": "planned",
    }
    for name in ("two", "three"):
        assert [entry for entry, *_ in day.ledger(day.slots[name])] == ["reserve", "release"]
    ((kind, sentence, detail),) = day.notices("auditor:ada")
    assert (kind, detail) == ("review-withdrawn", {"slots": [day.slots["two"], day.slots["three"]]})
    assert sentence == (
        "2 reviews less in your plan: something was more severe than expected, and a limit would be passed."
    )


@pytest.mark.parametrize(("seconds", "left"), [(1800, 3), (1801, 2), (3000, 1), (3001, 0), (9999, 0)])
def test_as_much_stays_planned_as_has_room(day: MyDay, seconds: int, left: int) -> None:
    complete(day.engine, ADA, day.begun(day.slots["mild"]), Seen(seconds, severity=3), AGREE, LATER)
    severe = [state for name, state in states(day).items() if name in ("one", "two", "three")]
    assert severe == ["planned"] * left + ["withdrawn"] * (3 - left)


def test_more_of_the_same_than_was_planned_counts_alike(day: MyDay) -> None:
    complete(day.engine, ADA, day.begun(day.slots["one"]), Seen(2401), AGREE, LATER)
    assert (day.state(day.slots["two"]), day.state(day.slots["three"])) == ("planned", "withdrawn")
    assert "more was seen than was planned" in day.notices("auditor:ada")[0][1]
    assert day.notices("wellbeing") == []


def test_a_skip_tells_it_too(day: MyDay) -> None:
    skip(day.engine, ADA, day.begun(day.slots["mild"]), Seen(3600, severity=4), LATER)
    assert len(day.notices("wellbeing")) == 1
    assert day.state(day.slots["one"]) == "withdrawn"


def test_other_dates_in_the_window_are_re_checked(day: MyDay) -> None:
    """The week allows 120 minutes: 30 today and 80 tomorrow are planned, 41 more were seen."""
    tomorrow = DAY + timedelta(days=1)
    day.rows.person("ada", dates=[tomorrow])
    day.rows.work_day(tomorrow)
    plan = day.rows.plan(tomorrow)
    later = []
    for number in range(2):
        item = f"later-{number}"
        day.rows.item(item, work_date=tomorrow, category="violence", severity=3, draw=70 + number)
        begins = NOW + timedelta(days=1, hours=number)
        slot = day.rows.slot(
            "ada", item, tomorrow, plan=plan, planned_start=begins, planned_end=begins + timedelta(minutes=40)
        )
        seconds = 1800
        day.rows.entry("ada", "reserve", seconds, tomorrow, category="violence", severity=3, slot=slot)
        later.append(slot)
    day.seen(1800, day=DAY - timedelta(days=1))
    complete(day.engine, ADA, day.begun(day.slots["mild"]), Seen(60, severity=3), AGREE, LATER)
    assert [day.state(slot) for slot in later] == ["planned", "withdrawn"]
    assert states(day)["three"] == "planned"


def test_windows_that_end_later_are_re_checked_with_what_is_planned_before(day: MyDay) -> None:
    """Of the week's 120 minutes 90 are tomorrow's already: today's 30 planned and 10 more are too many."""
    day.seen(5400, day=DAY + timedelta(days=1))
    complete(day.engine, ADA, day.begun(day.slots["mild"]), Seen(600, severity=3), AGREE, LATER)
    assert (states(day)["two"], states(day)["three"]) == ("planned", "withdrawn")


def test_escalations_go_last_and_ask_for_another_place(day: MyDay) -> None:
    urgent = day.escalation("urgent", priority=1)
    calm = day.escalation("calm", priority=3)
    complete(day.engine, ADA, day.begun(day.slots["mild"]), Seen(3000, severity=3), AGREE, LATER)
    assert [day.state(day.slots[name]) for name in ("one", "two", "three")] == ["withdrawn"] * 3
    assert (day.state(calm), day.state(urgent)) == ("withdrawn", "planned")
    assert day.tasks("place") == [{"item": "calm"}]


def test_nobody_elses_day_changes(day: MyDay) -> None:
    theirs = day.review("theirs", "ben")
    before = day.ledger(theirs)
    complete(day.engine, ADA, day.begun(day.slots["mild"]), Seen(9999, severity=4), AGREE, LATER)
    assert (day.state(theirs), day.ledger(theirs)) == ("planned", before)
    assert day.notices("auditor:ben") == []


def test_saying_it_again_flags_nothing_again(day: MyDay) -> None:
    slot = day.begun(day.slots["mild"])
    for _ in range(3):
        complete(day.engine, ADA, slot, Seen(3600, severity=4), AGREE, LATER)
    assert (len(day.notices("wellbeing")), len(day.notices("auditor:ada"))) == (1, 1)


def test_two_people_at_once(day: MyDay) -> None:
    theirs = day.begun(day.review("theirs", "ben"))
    mine = day.begun(day.slots["mild"])
    found = at_once(
        *[lambda: complete(day.engine, ADA, mine, Seen(3600, severity=4), AGREE, LATER)] * 3,
        *[lambda: complete(day.engine, BEN, theirs, Seen(4000, severity=4), AGREE, LATER)] * 3,
    )
    assert [one.state for one in found] == ["done"] * 6
    assert len(day.notices("wellbeing")) == 2


@pytest.mark.parametrize("table", ["into ledger", "into notice", "into outcome", "into audit", "into task"])
def test_cut_off_anywhere_it_is_as_if_nothing_had_been_said(day: MyDay, table: str) -> None:
    """The connection is lost right after the statement: nothing of it stays, and it can be repeated."""
    day.escalation("urgent")
    slot = day.begun(day.slots["mild"])
    before = day.rows.rows("select state, seen_seconds from slot order by id"), day.ledger(slot)

    with cut_off(day.engine, f"insert {table}"):
        complete(day.engine, ADA, slot, Seen(9999, severity=4), AGREE, LATER)
    assert before == (day.rows.rows("select state, seen_seconds from slot order by id"), day.ledger(slot))
    assert day.notices("wellbeing") == []
    assert day.tasks("place") == []
    complete(day.engine, ADA, slot, Seen(9999, severity=4), AGREE, LATER)
    assert day.tasks("place") == [{"item": "urgent"}]
