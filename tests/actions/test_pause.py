"""Pausing and going on: a pause is always allowed and is a rest; what is left is asked anew."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from models.actions.beat import beat
from models.actions.complete import complete
from models.actions.lower_limit import lower_limit
from models.actions.pause import pause
from models.actions.resume import resume
from models.actions.settle_exposure import Seen
from models.actions.skip import skip
from models.actions.start import start
from models.queries.day_so_far import shares
from models.queries.my_next import Next, my_next
from tests.actions.limits_day import WELLBEING, at_once
from tests.actions.my_day import ADA, AGREE, BEN, NOW, MyDay, my_day, refusal
from tests.conftest import Database


@pytest.fixture
def day(database: Database) -> Iterator[MyDay]:
    with my_day(database) as made:
        yield made
        assert made.sums_are_true()


def after(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def following(day: MyDay, seconds: float) -> Next:
    with day.engine.connect() as connection:
        return my_next(connection, "ada", NOW + after(seconds))


def looked(day: MyDay, slot: int, seconds: float) -> int:
    return int(
        day.rows.run(
            "select looked_seconds(looked_at(started_at, ended_at, pauses, silences, :at))"
            " from slot where id = :slot",
            at=NOW + after(seconds),
            slot=slot,
        )
    )


def test_paused_it_is_not_looked_at_and_its_lease_stands_still(day: MyDay) -> None:
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    paused = pause(day.engine, ADA, slot, NOW + after(100.7))
    assert (paused.state, paused.is_paused, paused.leased_until) == ("started", True, None)
    assert pause(day.engine, ADA, slot, NOW + after(200)) == paused
    on = resume(day.engine, ADA, slot, NOW + after(1100))
    assert (on.is_paused, on.leased_until) == (False, NOW + after(1600))
    assert resume(day.engine, ADA, slot, NOW + after(1200)) == on
    assert looked(day, slot, 1150) == 150
    assert [entry for entry, *_ in day.ledger(slot)] == ["reserve"]
    assert day.verbs() == ["start", "pause", "resume"]
    done = complete(day.engine, ADA, slot, Seen(1), AGREE, NOW + after(1700))
    assert done.seen_seconds == 600  # the lease had run out unheard: all of it counts


def test_several_pauses_add_up(day: MyDay) -> None:
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    for n in range(5):
        pause(day.engine, ADA, slot, NOW + after(200 * n + 100))
        resume(day.engine, ADA, slot, NOW + after(200 * n + 200))
    assert looked(day, slot, 1000) == 500
    assert beat(day.engine, ADA, slot, NOW + after(1000)).slot.leased_until == NOW + after(1100)


def test_what_lies_between_the_lease_and_the_pause_is_silence(day: MyDay) -> None:
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    pause(day.engine, ADA, slot, NOW + after(900))
    assert looked(day, slot, 2000) == 600
    on = resume(day.engine, ADA, slot, NOW + after(1000))
    assert on.leased_until == NOW + after(1030)  # a slice: nothing else is left of it


def test_a_pause_is_a_rest_and_too_short_a_one_is_none(day: MyDay) -> None:
    """20 severe minutes, then 15 of rest: a lease that grew up to the stretch goes on after exactly that."""
    day.with_rests()
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    for at in range(600, 1201, 20):
        if at < 1200:
            beat(day.engine, ADA, slot, NOW + after(at))
    pause(day.engine, ADA, slot, NOW + after(1200))
    held = refusal(resume, day.engine, ADA, slot, NOW + after(1200 + 899))
    assert held.kind == "too-soon"
    assert held.more == {"instead": {"kind": "work", "slot": day.slots["mild"]}}
    rest = following(day, 1300)
    assert (rest.do, rest.seconds, rest.until) == ("break", 800, NOW + after(2100))
    assert rest.label == "recovery"
    ready = following(day, 2100)
    assert (ready.do, ready.slot) == ("finish", slot)
    assert ready.sentence == "Your review is paused; go on with it when you are ready."
    assert resume(day.engine, ADA, slot, NOW + after(2100)).leased_until == NOW + after(2130)


def test_a_rest_that_was_not_taken_holds_severe_work_back(day: MyDay) -> None:
    """Paused too short, completed: what was looked at before and after the pause counts together."""
    day.with_rests()
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    pause(day.engine, ADA, slot, NOW + after(300))
    resume(day.engine, ADA, slot, NOW + after(300 + 600))
    complete(day.engine, ADA, slot, Seen(601), AGREE, NOW + after(1200))
    assert refusal(start, day.engine, ADA, day.slots["two"], NOW + after(1201)).kind == "too-soon"


def test_what_came_before_a_rest_in_its_midst_is_over(day: MyDay) -> None:
    day.with_rests()
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    pause(day.engine, ADA, slot, NOW + after(500))
    resume(day.engine, ADA, slot, NOW + after(1400))
    complete(day.engine, ADA, slot, Seen(600), AGREE, NOW + after(1500))
    start(day.engine, ADA, day.slots["two"], NOW + after(1501))  # 100 + 600 of 1 200
    complete(day.engine, ADA, day.slots["two"], Seen(600), AGREE, NOW + after(2101))
    assert refusal(start, day.engine, ADA, day.slots["three"], NOW + after(2102)).kind == "too-soon"


def test_what_was_said_beyond_the_clock_counts_after_the_rest(day: MyDay) -> None:
    day.with_rests()
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    pause(day.engine, ADA, slot, NOW + after(500))
    resume(day.engine, ADA, slot, NOW + after(1400))
    complete(day.engine, ADA, slot, Seen(1101), AGREE, NOW + after(1500))
    assert refusal(start, day.engine, ADA, day.slots["two"], NOW + after(1501)).kind == "too-soon"


def test_while_it_is_paused_nothing_else_starts(day: MyDay) -> None:
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    running = refusal(start, day.engine, ADA, day.slots["mild"], NOW + after(5))
    assert running.sentence == "The review of one runs: complete or skip it first."
    pause(day.engine, ADA, slot, NOW + after(10))
    paused = refusal(start, day.engine, ADA, day.slots["mild"], NOW + after(20))
    assert paused.sentence == "The review of one is paused: go on with it, complete it or skip it first."
    assert paused.more == {"running": slot}
    skip(day.engine, ADA, slot, None, NOW + after(30))
    assert start(day.engine, ADA, day.slots["mild"], NOW + after(30)).state == "started"


def test_a_paused_review_ends_as_any_other(day: MyDay) -> None:
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    pause(day.engine, ADA, slot, NOW + after(100))
    done = complete(day.engine, ADA, slot, Seen(100), AGREE, NOW + after(400))
    assert (done.state, done.is_paused, done.seen_seconds) == ("done", False, 100)
    assert pause(day.engine, ADA, slot, NOW + after(500)) == done
    assert resume(day.engine, ADA, slot, NOW + after(500)) == done


def test_a_lowered_limit_ends_it_when_it_is_to_go_on(day: MyDay) -> None:
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    pause(day.engine, ADA, slot, NOW + after(100))
    lower_limit(day.engine, WELLBEING, "severe-day", 599, None, NOW + after(200))
    over = refusal(resume, day.engine, ADA, slot, NOW + after(300))
    assert over.kind == "limit-reached"
    assert over.more == {"instead": {"kind": "work", "slot": day.slots["mild"]}}
    assert day.state(slot) == "skipped"
    assert [(entry, seconds) for entry, *_, seconds, _ in day.ledger(slot)] == [
        ("reserve", 600), ("release", 600), ("post", 100),
    ]  # fmt: skip
    assert refusal(resume, day.engine, ADA, slot, NOW + after(400)).kind == "limit-reached"
    assert len(day.ledger(slot)) == 3


def test_without_room_for_a_second_it_ends(day: MyDay) -> None:
    day.seen(1800)
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    pause(day.engine, ADA, slot, NOW + after(600))
    assert refusal(resume, day.engine, ADA, slot, NOW + after(700)).kind == "limit-reached"
    assert day.state(slot) == "skipped"


def test_what_may_not_go_on_today_can_be_ended(day: MyDay) -> None:
    day.with_rests()
    begin = 7 * 3600 - 2700 - 600
    slot = start(day.engine, ADA, day.slots["one"], NOW + after(begin)).slot
    pause(day.engine, ADA, slot, NOW + after(begin + 100))
    assert resume(day.engine, ADA, slot, NOW + after(begin + 100)).leased_until == NOW + after(begin + 600)
    pause(day.engine, ADA, slot, NOW + after(begin + 101))
    assert refusal(resume, day.engine, ADA, slot, NOW + after(begin + 102)).kind == "too-soon"
    found = following(day, begin + 102)
    assert (found.do, found.slot) == ("finish", slot)
    assert found.sentence is not None
    assert found.sentence.endswith("Your paused review can be completed or skipped as it is.")


def test_what_is_not_wanted_or_not_for_them_any_more_does_not_go_on(day: MyDay) -> None:
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    pause(day.engine, ADA, slot, NOW + after(1))
    day.rows.run("update shift set opt_outs = '{violence}'")
    assert refusal(resume, day.engine, ADA, slot, NOW + after(2)).kind == "conflict"
    day.rows.run("update shift set opt_outs = '{}'")
    day.rows.run("update plan set state = 'superseded'")  # what has begun is not asked of the plan
    assert not resume(day.engine, ADA, slot, NOW + after(2)).is_paused
    pause(day.engine, ADA, slot, NOW + after(3))
    day.rows.run("update item set withdrawn_at = now() where id = 'one'")
    assert refusal(resume, day.engine, ADA, slot, NOW + after(4)).kind == "stale"


def test_only_ones_own_review_that_has_begun(day: MyDay) -> None:
    for deed in (pause, resume):
        assert refusal(deed, day.engine, ADA, day.slots["one"], NOW).kind == "not-started"
        assert refusal(deed, day.engine, ADA, day.slots["pause"], NOW).kind == "conflict"
        assert refusal(deed, day.engine, BEN, day.slots["one"], NOW).kind == "not-found"
    day.rows.run("update slot set state = 'withdrawn' where item = 'one'")
    assert refusal(pause, day.engine, ADA, day.slots["one"], NOW).kind == "stale"
    assert refusal(resume, day.engine, ADA, day.slots["one"], NOW).kind == "stale"


def test_tabs_at_once_leave_one_course_of_events(day: MyDay) -> None:
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    deeds = [
        *[lambda: pause(day.engine, ADA, slot, NOW + after(50))] * 4,
        *[lambda: resume(day.engine, ADA, slot, NOW + after(50))] * 4,
        *[lambda: beat(day.engine, ADA, slot, NOW + after(50))] * 4,
    ]
    found = at_once(*deeds)
    assert [one for one in found if isinstance(one, Exception)] == []
    assert looked(day, slot, 50) == 50
    assert [entry for entry, *_ in day.ledger(slot)] == ["reserve"]


def test_calls_that_overtake_each_other_do_no_harm(day: MyDay) -> None:
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    pause(day.engine, ADA, slot, NOW + after(100))
    on = resume(day.engine, ADA, slot, NOW + after(99))  # stamped before the pause, done after it
    assert on.leased_until == NOW + after(600)
    assert looked(day, slot, 150) == 150
    again = pause(day.engine, ADA, slot, NOW + after(90))
    assert again.is_paused
    assert looked(day, slot, 150) == 100


def test_what_is_leased_beyond_the_estimate_is_asked_as_well(day: MyDay) -> None:
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    beat(day.engine, ADA, slot, NOW + after(600))
    pause(day.engine, ADA, slot, NOW + after(610))
    lower_limit(day.engine, WELLBEING, "severe-day", 629, None, NOW + after(611))
    assert refusal(resume, day.engine, ADA, slot, NOW + after(612)).kind == "limit-reached"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, [0, 0]), (40, [0, 40]), (100, [0, 100]), (101, [1, 100]), (600, [500, 100]), (700, [500, 200])],
)
def test_of_interrupted_reviews_the_latest_part_is_the_fullest(seconds: int, expected: list[int]) -> None:
    assert shares([(1000, 1500), (2400, 2500)], seconds) == expected


def test_a_part_that_runs_lasts() -> None:
    assert shares([(1000, 1500), (2400, None)], None) == [None, None]
