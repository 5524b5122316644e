"""How long a running review may go on, and which rest comes next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allocator.moment import Break, Review, next_rest, room_until
from allocator.optimise.course import stretch_label
from allocator.rules.policy import Edge
from tests.moment.hand import (
    IN_A_ROW,
    MEAL,
    RECOVERY,
    SCREEN,
    WIND_DOWN,
    asked,
    at,
    away,
    course,
    rested,
    seen,
    under,
)

# -- room ------------------------------------------------------------------------------------------------


def test_there_is_no_end_where_nothing_binds() -> None:
    running = seen(2, 10, None)
    assert room_until(course(running), running, at(20)) is None
    assert room_until(course(running, rules=under(RECOVERY, WIND_DOWN, IN_A_ROW)), running, at(20)) is None


def test_going_on_makes_no_further_item() -> None:
    running = seen(3, 3, None)
    day = course(*(seen(3, n, n + 1) for n in range(3)), running, rules=under(IN_A_ROW))
    assert room_until(day, running, at(20)) is None


def test_what_is_asked_for_as_running_runs() -> None:
    told = seen(3, 20, 21)
    room = room_until(course(told, rules=under(RECOVERY)), told, at(40))
    assert room is not None
    assert room.seconds == 600


@pytest.mark.parametrize(("second", "seconds"), [(-1, 1), (0, 0), (1, 0)])
def test_room_ends_with_the_stretch_and_never_lies_below_nothing(second: int, seconds: int) -> None:
    running = seen(3, 20, None)
    for stretch in (RECOVERY, replace(RECOVERY, measure="span")):
        day = course(seen(3, 0, 20), running, rules=under(stretch))
        room = room_until(day, running, at(30) + second)
        assert room is not None
        assert (room.seconds, room.rule) == (seconds, "recovery")


def test_room_counts_what_was_really_looked_at() -> None:
    running = seen(3, 20, None, seconds=300)
    day = course(seen(3, 0, 20, seconds=60), running, rules=under(RECOVERY))
    room = room_until(day, running, at(40))
    assert room is not None
    assert room.seconds == 1800 - 360


def test_a_rest_before_it_leaves_the_running_review_the_whole_stretch() -> None:
    running = seen(3, 45, None)
    room = room_until(course(seen(3, 0, 30), rested(30, 45), running, rules=under(RECOVERY)), running, at(50))
    assert room is not None
    assert room.seconds == 1500


@pytest.mark.parametrize(("second", "seconds"), [(-1, 1), (0, 0), (1, 0)])
def test_room_ends_where_the_wind_down_begins(second: int, seconds: int) -> None:
    running = seen(3, 430, None)
    room = room_until(course(running, rules=under(WIND_DOWN)), running, at(435) + second)
    assert room is not None
    assert (room.seconds, room.rule) == (seconds, "wind-down")


def test_what_turns_out_severe_has_no_room_in_the_first_part_of_the_shift() -> None:
    running = seen(3, 10, None)
    for second, seconds in ((-1, 0), (0, 420 * 60)):
        room = room_until(course(running, rules=under(WIND_DOWN)), running, at(15) + second)
        assert room is not None
        assert room.seconds == seconds


def test_an_edge_without_an_end_does_not_bind_at_the_end() -> None:
    running = seen(3, 30, None)
    only_first = Edge("calm-start", first=900)
    assert room_until(course(running, rules=under(only_first)), running, at(40)) is None


def test_the_rule_that_ends_first_is_named() -> None:
    running = seen(3, 420, None)
    day = course(running, rules=under(SCREEN, RECOVERY, WIND_DOWN))
    room = room_until(day, running, at(421))
    assert room is not None
    assert (room.seconds, room.rule) == (14 * 60, "wind-down")
    earlier = seen(3, 390, None)
    room = room_until(course(earlier, rules=under(SCREEN, RECOVERY, WIND_DOWN)), earlier, at(391))
    assert room is not None
    assert (room.seconds, room.rule) == (29 * 60, "recovery")


def test_the_running_review_counts_once_whether_or_not_the_course_holds_it() -> None:
    running = seen(3, 20, None)
    before = (seen(3, 0, 20),)
    rooms = [
        room_until(course(*day, rules=under(RECOVERY)), running, at(25))
        for day in (before, (*before, running))
    ]
    assert [room and room.seconds for room in rooms] == [300, 300]


# -- rest ------------------------------------------------------------------------------------------------


def test_no_rest_is_asked_for_while_something_may_start() -> None:
    day = course(seen(3, 0, 30), rules=under(RECOVERY))
    assert next_rest(day, [asked(3, 5), asked(2, 5)], at(30)) is None
    assert next_rest(day, [], at(30)) is None
    assert next_rest(day, [asked(3, 31)], at(30)) is None  # no rest helps


def test_the_rest_after_which_something_starts_soonest_is_chosen() -> None:
    day = course(seen(3, 0, 50), rules=under(SCREEN, RECOVERY))
    rest = next_rest(day, [asked(3, 5), asked(1, 5)], at(50))
    assert rest is not None
    assert (rest.seconds, rest.until, rest.label, rest.rule) == (600, at(60), "short", "screen-break")
    rest = next_rest(day, [asked(3, 5), asked(1, 5, release=at(90))], at(50))
    assert rest is not None
    assert (rest.seconds, rest.until, rest.label, rest.rule) == (900, at(65), "recovery", "recovery")


def test_a_meal_is_the_longest_of_the_rests_that_all_work_asks_for() -> None:
    meal = replace(MEAL, amount=7200)
    day = course(*(seen(0, n, n + 50) for n in (0, 60)), rested(50, 60), rules=under(SCREEN, meal))
    rest = next_rest(day, [asked(0, 5)], at(110))
    assert rest is not None
    assert (rest.seconds, rest.label) == (1800, "meal")
    alone = course(seen(0, 0, 120), rules=under(meal))
    rest = next_rest(alone, [asked(0, 5)], at(120))
    assert rest is not None
    assert (rest.seconds, rest.label) == (1800, "short")


def test_of_a_running_break_only_what_is_missing_is_asked_for() -> None:
    day = course(seen(3, 0, 30), rested(31, None), rules=under(RECOVERY))
    rest = next_rest(day, [asked(3, 5)], at(40))
    assert rest is not None
    assert (rest.seconds, rest.until) == (6 * 60, at(46))


def test_what_only_has_to_wait_asks_for_no_rest() -> None:
    day = course(seen(3, 0, 30), rules=under(SCREEN))
    assert next_rest(day, [asked(0, 5, release=at(40))], at(30)) is None


def test_a_rest_is_taken_where_meetings_leave_room_for_it() -> None:
    day = course(seen(3, 0, 30), away(35, 60), rules=under(RECOVERY))
    rest = next_rest(day, [asked(3, 5)], at(30))
    assert rest is not None
    assert (rest.seconds, rest.until) == (900, at(75))


def test_the_labels_are_the_planners() -> None:
    rules = under(SCREEN, MEAL, RECOVERY, IN_A_ROW)
    passing = {
        "screen-break": (course(seen(0, 0, 50), rules=under(*rules.stretches)), asked(0, 1), 50),
        "meal": (course(*_four_hours(), rules=rules), asked(0, 1), 239.5),
        "recovery": (course(seen(3, 0, 30), rules=rules), asked(3, 1), 30),
        "in-a-row": (course(*(seen(3, n, n + 1) for n in range(3)), rules=rules), asked(3, 1), 3),
    }
    for number, stretch in enumerate(rules.stretches):
        day, candidate, minutes = passing[stretch.key]
        rest = next_rest(day, [candidate], at(minutes))
        assert rest is not None
        assert (rest.rule, rest.label) == (stretch.key, stretch_label(rules.stretches, number))


def _four_hours() -> list[Review | Break]:
    return [one for n in range(4) for one in (seen(0, 60 * n, 60 * n + 50), rested(60 * n + 50, 60 * n + 60))]
