"""Each rule at the moment of start: a second before its threshold, on it, and a second past it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allocator.moment import Break, Review, Shift, may_start
from allocator.rules.policy import Edge, ResetBy, Stretch
from tests.days.build import NINE
from tests.moment.hand import (
    EIGHT_HOURS,
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


def test_on_an_empty_day_everything_may_start() -> None:
    verdict = may_start(course(), asked(4, 600 / 60), at(0))
    assert (verdict.allowed, verdict.rule, verdict.earliest, verdict.rest) == (True, None, at(0), 0)
    assert verdict.sentence is None


def test_a_yes_says_whether_the_review_would_be_late() -> None:
    for due, late in ((at(10), False), (at(10) - 1, True)):
        assert may_start(course(), asked(0, 10, due=due), at(0)).late is late


# -- H3 --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("second", "allowed"), [(-1, False), (0, True), (1, True)])
def test_nothing_starts_before_the_shift_its_rest_or_the_release(second: int, allowed: bool) -> None:
    shift = Shift(at(0), at(480), last_end=at(0) - 3600)
    told = {}
    for name, course_of_day, candidate, instant in (
        ("shift", course(), asked(0, 1), at(0)),
        (
            "rest-between-shifts",
            course(rules=under(rest_between_shifts=7200), shift=shift),
            asked(0, 1),
            at(60),
        ),
        ("release", course(), asked(0, 1, release=at(30)), at(30)),
    ):
        verdict = may_start(course_of_day, candidate, instant + second)
        told[name] = (verdict.allowed, verdict.rule, verdict.earliest)
        assert verdict.rest == 0
    assert told == {
        name: (True, None, instant + second) if allowed else (False, name, instant)
        for name, instant in (("shift", at(0)), ("rest-between-shifts", at(60)), ("release", at(30)))
    }


@pytest.mark.parametrize(("second", "allowed"), [(-1, True), (0, True), (1, False)])
def test_a_review_that_would_leave_the_shift_does_not_start(second: int, allowed: bool) -> None:
    verdict = may_start(course(), asked(0, 10), at(470) + second)
    assert verdict.allowed is allowed
    if not allowed:
        assert (verdict.rule, verdict.earliest, verdict.rest) == ("shift", None, 0)


def test_after_the_shift_nothing_starts() -> None:
    for now in (at(480), at(500)):
        verdict = may_start(course(), asked(0, 1), now)
        assert (verdict.allowed, verdict.rule, verdict.earliest) == (False, "shift", None)


def test_a_release_after_the_shift_is_not_for_today() -> None:
    verdict = may_start(course(), asked(0, 1, release=at(479.5)), at(0))
    assert (verdict.rule, verdict.earliest) == ("release", None)


@pytest.mark.parametrize(("second", "allowed"), [(-1, True), (0, True), (1, False)])
def test_a_review_does_not_run_into_a_meeting(second: int, allowed: bool) -> None:
    verdict = may_start(course(away(60, 90)), asked(0, 10), at(50) + second)
    assert verdict.allowed is allowed
    if not allowed:
        assert (verdict.rule, verdict.earliest, verdict.rest) == ("busy", at(90), 0)


def test_a_release_just_after_a_meeting_is_kept() -> None:
    verdict = may_start(course(away(60, 90)), asked(0, 10, release=at(90) + 1), at(70))
    assert verdict.earliest == at(90) + 1


def test_during_a_meeting_nothing_starts_before_its_end() -> None:
    verdict = may_start(course(away(60, 90)), asked(0, 10), at(70))
    assert (verdict.rule, verdict.earliest) == ("busy", at(90))


# -- H5 --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("second", "allowed"), [(-1, True), (0, True), (1, False)])
@pytest.mark.parametrize("stretch", [SCREEN, replace(SCREEN, measure="seconds")])
def test_span_and_seconds_are_asked_with_the_expected_seconds(
    stretch: Stretch, second: int, allowed: bool
) -> None:
    day = course(seen(0, 0, 40), rules=under(stretch))
    candidate = replace(asked(0, 10), seconds=600 + second)
    verdict = may_start(day, candidate, at(40))
    assert verdict.allowed is allowed
    if not allowed:
        assert (verdict.rule, verdict.rest, verdict.earliest) == ("screen-break", 600, at(50))


def test_a_span_grows_while_nothing_is_looked_at_and_seconds_do_not() -> None:
    for stretch, allowed in ((SCREEN, False), (replace(SCREEN, measure="seconds"), True)):
        day = course(seen(0, 0, 20), seen(0, 20, 30), rules=under(stretch))
        assert may_start(day, asked(0, 10), at(40)).allowed
        assert may_start(day, asked(0, 10), at(40) + 1).allowed is allowed


@pytest.mark.parametrize(("before", "allowed"), [(2, True), (3, False), (4, False)])
def test_items_are_counted_with_the_one_that_is_asked_for(before: int, allowed: bool) -> None:
    day = course(*(seen(3, n, n + 1) for n in range(before)), rules=under(IN_A_ROW))
    verdict = may_start(day, asked(3, 1), at(before))
    assert verdict.allowed is allowed
    assert may_start(day, asked(2, 1), at(before)).allowed


@pytest.mark.parametrize(("second", "allowed"), [(-1, False), (0, True), (1, True)])
def test_a_rest_counts_from_its_full_length_on(second: int, allowed: bool) -> None:
    ended = Break(at(30), at(45) + second)
    day = course(seen(3, 0, 30), ended, rules=under(RECOVERY))
    verdict = may_start(day, asked(3, 1), at(46))
    assert verdict.allowed is allowed
    if not allowed:  # the rest that was cut short has to be taken whole: it is one break or none
        assert (verdict.rest, verdict.earliest) == (900, at(61))


@pytest.mark.parametrize(("second", "allowed"), [(-1, False), (0, True), (1, True)])
def test_a_running_break_is_a_rest_once_it_has_lasted_that_long(second: int, allowed: bool) -> None:
    day = course(seen(3, 0, 30), rested(30, None), rules=under(RECOVERY))
    verdict = may_start(day, asked(3, 1), at(45) + second)
    assert verdict.allowed is allowed
    if not allowed:
        assert (verdict.rest, verdict.earliest) == (1, at(45))


def test_a_running_break_counts_towards_the_rest_from_its_start() -> None:
    day = course(seen(3, 0, 30), rested(32, None), rules=under(RECOVERY))
    verdict = may_start(day, asked(3, 1), at(36))
    assert (verdict.rest, verdict.earliest) == (11 * 60, at(47))


def test_a_break_that_has_just_begun_has_the_whole_rest_before_it() -> None:
    day = course(seen(3, 0, 30), rested(30, None), rules=under(RECOVERY))
    assert may_start(day, asked(3, 1), at(30)).rest == 900


def test_two_breaks_are_no_rest_and_neither_is_idling_nor_a_meeting() -> None:
    for between in (
        (rested(30, 40), rested(40, 55)),
        (rested(30, 40), rested(42, 55)),
        (),
        (away(30, 90),),
        (rested(30, 44), away(44, 60), rested(60, 74)),
    ):
        breaks = [(one.end or 0) - one.start for one in between if isinstance(one, Break)]
        longest = max(breaks, default=0)
        stretch = replace(RECOVERY, rest=longest + 1 if longest else 900)
        day = course(seen(3, 0, 30), *between, rules=under(stretch))
        assert not may_start(day, asked(3, 1), at(90)).allowed, between


def test_a_rest_not_taken_holds_severe_work_back_and_no_other() -> None:
    day = course(seen(3, 0, 30), seen(0, 30, 90), rules=under(RECOVERY))
    assert may_start(day, asked(2, 1), at(90)).allowed
    verdict = may_start(day, asked(3, 1), at(90))
    assert (verdict.rule, verdict.rest, verdict.earliest) == ("recovery", 900, at(105))


@pytest.mark.parametrize(("second", "allowed"), [(-1, False), (0, True), (1, True)])
def test_everyday_work_ends_a_stretch_once_there_is_enough_of_it(second: int, allowed: bool) -> None:
    three = [seen(3, n, n + 1) for n in range(3)]
    last = Review("hate", 0, at(10), at(16) + second)
    day = course(*three, seen(1, 3, 7), last, rules=under(IN_A_ROW))
    assert may_start(day, asked(3, 1), at(20)).allowed is allowed


@pytest.mark.parametrize(("severity", "allowed"), [(1, True), (2, False), (3, False)])
def test_everyday_work_counts_only_in_a_row(severity: int, allowed: bool) -> None:
    rules = under(replace(IN_A_ROW, amount=4))
    three = [seen(3, n, n + 1) for n in range(3)]
    day = course(
        *three, seen(0, 3, 12), seen(severity, 12, 13), seen(0, 13, 14), seen(3, 14, 15), rules=rules
    )
    assert may_start(day, asked(3, 1), at(15)).allowed is allowed


def test_everyday_work_may_go_on_across_a_short_break() -> None:
    three = [seen(3, n, n + 1) for n in range(3)]
    day = course(*three, seen(0, 3, 8), rested(8, 12), seen(0, 12, 17), rules=under(IN_A_ROW))
    assert may_start(day, asked(3, 1), at(17)).allowed


def test_what_is_looked_at_for_less_time_than_it_ran_resets_for_less() -> None:
    three = [seen(3, n, n + 1) for n in range(3)]
    for looked_at, allowed in ((599, False), (600, True), (100_000, True)):
        day = course(*three, seen(0, 3, 13, seconds=looked_at), rules=under(IN_A_ROW))
        assert may_start(day, asked(3, 1), at(13)).allowed is allowed
    day = course(*three, seen(0, 3, 12.9, seconds=100_000), rules=under(IN_A_ROW))
    assert not may_start(day, asked(3, 1), at(13)).allowed


def test_an_overrun_counts_as_it_was() -> None:
    """Planned for five minutes, looked at for twenty-eight: the next has two minutes left."""
    day = course(seen(3, 0, 28), rules=under(RECOVERY))
    assert may_start(day, asked(3, 2), at(28)).allowed
    verdict = may_start(day, replace(asked(3, 2), seconds=121), at(28))
    assert (verdict.allowed, verdict.rest) == (False, 900)


def test_what_passed_a_stretch_already_holds_everything_back_that_it_selects() -> None:
    day = course(seen(3, 0, 45), rules=under(RECOVERY))
    verdict = may_start(day, replace(asked(3, 1), seconds=1), at(45))
    assert (verdict.rule, verdict.earliest) == ("recovery", at(60))


def test_material_more_severe_than_planned_counts_as_what_it_was() -> None:
    mild = [seen(2, 10 * n, 10 * n + 10) for n in range(3)]
    severe = [*mild[:2], seen(4, 20, 30)]
    rules = under(replace(RECOVERY, amount=900))
    assert may_start(course(*mild, rules=rules), asked(3, 15), at(30)).allowed
    assert not may_start(course(*severe, rules=rules), asked(3, 15), at(30)).allowed


def test_seconds_really_looked_at_count_in_place_of_the_time_it_ran() -> None:
    for looked_at, allowed in ((1740, True), (1741, False)):
        day = course(seen(3, 0, 60, seconds=looked_at), rules=under(RECOVERY))
        assert may_start(day, asked(3, 1), at(60)).allowed is allowed


def test_a_paused_review_is_one_item_and_its_pause_can_be_a_rest() -> None:
    parts = (seen(3, 0, 5, item="a"), rested(5, 6), seen(3, 6, 10, item="a"))
    others = (seen(3, 10, 11, item="b"), seen(3, 11, 12))
    day = course(*parts, *others[:1], rules=under(IN_A_ROW))
    assert may_start(day, asked(3, 1), at(11)).allowed
    day = course(*parts, *others, rules=under(IN_A_ROW))
    assert not may_start(day, asked(3, 1), at(12)).allowed
    assert may_start(day, asked(3, 1, item="b"), at(12)).allowed  # it goes on
    assert not may_start(day, asked(3, 1, item="c"), at(12)).allowed
    day = course(seen(3, 0, 30, item="a"), rested(30, 45), rules=under(RECOVERY))
    assert may_start(day, asked(3, 30, item="a"), at(45)).allowed


def test_a_longer_rest_stands_for_a_shorter_one_and_the_longest_is_asked_for() -> None:
    day = course(seen(3, 0, 50), rules=under(SCREEN, RECOVERY))
    verdict = may_start(day, asked(3, 5), at(50))
    assert (verdict.rule, verdict.rest, verdict.earliest) == ("recovery", 900, at(65))
    verdict = may_start(day, asked(0, 5), at(50))
    assert (verdict.rule, verdict.rest, verdict.earliest) == ("screen-break", 600, at(60))


def test_a_rest_that_makes_another_rule_bind_is_long_enough_for_that_too() -> None:
    """Ten minutes would do now, but they carry the day past the meal."""
    meal = replace(MEAL, amount=7200)
    day = course(*(seen(0, n, n + 50) for n in (0, 60)), rested(50, 60), rules=under(SCREEN, meal))
    verdict = may_start(day, asked(0, 5), at(110))
    assert (verdict.rule, verdict.rest, verdict.earliest) == ("meal", 1800, at(140))


def test_waiting_for_a_release_can_make_a_rest_necessary_and_there_is_time_for_it() -> None:
    day = course(seen(0, 0, 30), rules=under(SCREEN))
    verdict = may_start(day, asked(0, 5, release=at(60)), at(30))
    assert (verdict.rule, verdict.rest, verdict.earliest) == ("release", 600, at(60))
    verdict = may_start(day, asked(0, 5, release=at(45)), at(30))
    assert (verdict.rule, verdict.rest, verdict.earliest) == ("release", 0, at(45))


def test_a_review_too_long_for_a_stretch_is_not_for_today() -> None:
    for minutes, allowed in ((50, True), (50.1, False)):
        verdict = may_start(course(rules=under(SCREEN)), asked(0, minutes), at(0))
        assert verdict.allowed is allowed
        if not allowed:
            assert (verdict.rule, verdict.earliest, verdict.rest) == ("screen-break", None, 0)
    none_at_all = replace(IN_A_ROW, amount=0)
    assert may_start(course(rules=under(none_at_all)), asked(3, 1), at(0)).earliest is None


def test_a_rest_fits_between_meetings_or_comes_after_them() -> None:
    for meeting, earliest, begins in ((45, 65 + 0, 30), (44, 79, 64)):
        day = course(seen(3, 0, 30), away(meeting, meeting + 20), rules=under(RECOVERY))
        verdict = may_start(day, asked(3, 5), at(30))
        assert (verdict.rule, verdict.earliest, verdict.rest) == ("recovery", at(earliest), 900), begins


def test_a_rest_with_no_time_left_behind_it_helps_nobody() -> None:
    for minutes, earliest in ((5, at(475)), (6, None)):
        day = course(seen(3, 430, 460), rules=under(RECOVERY))
        verdict = may_start(day, asked(3, minutes), at(460))
        assert (verdict.rule, verdict.earliest) == ("recovery", earliest)
        assert verdict.rest == (900 if earliest else 0)


def test_rules_that_do_not_select_the_review_do_not_ask() -> None:
    only_adult = replace(RECOVERY, categories=frozenset({"adult"}))
    day = course(seen(3, 0, 45), rules=under(only_adult))
    assert may_start(day, asked(3, 5), at(45)).allowed


# -- H6 --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("second", "allowed"), [(-1, False), (0, True), (1, True)])
def test_the_beginning_of_the_shift_is_kept_free(second: int, allowed: bool) -> None:
    verdict = may_start(course(rules=under(WIND_DOWN)), asked(3, 10), at(15) + second)
    assert verdict.allowed is allowed
    if not allowed:
        assert (verdict.rule, verdict.earliest, verdict.rest) == ("wind-down", at(15), 0)
    assert may_start(course(rules=under(WIND_DOWN)), asked(2, 10), at(15) + second).allowed


@pytest.mark.parametrize(("second", "allowed"), [(-1, True), (0, True), (1, False)])
def test_nothing_runs_into_the_wind_down_with_the_seconds_it_is_expected_to_take(
    second: int, allowed: bool
) -> None:
    day = course(rules=under(WIND_DOWN))
    verdict = may_start(day, asked(3, 10), at(425) + second)
    assert verdict.allowed is allowed
    if not allowed:
        assert (verdict.rule, verdict.earliest, verdict.rest) == ("wind-down", None, 0)
    assert may_start(day, asked(2, 10), at(425) + second).allowed


def test_edges_that_fill_the_shift_leave_no_place() -> None:
    for edge in (Edge("e", first=28_800), Edge("e", last=28_800), Edge("e", first=15_000, last=15_000)):
        for now in (at(0), at(200), at(255), at(300)):
            verdict = may_start(course(rules=under(edge)), asked(0, 1), now)
            assert (verdict.rule, verdict.earliest) == ("e", None), (edge, now)


def test_a_stretch_that_resets_itself_with_its_own_material_does_not() -> None:
    """What a stretch selects is never its everyday work, however mild."""
    rules = under(Stretch("all", measure="items", amount=2, rest=600, reset_by=ResetBy(4, 1)))
    day = course(seen(0, 0, 10), seen(0, 10, 20), rules=rules)
    assert not may_start(day, asked(0, 1), at(20)).allowed


def test_a_running_review_is_asked_as_if_it_ended_now() -> None:
    day = course(seen(3, 0, None), rules=under(RECOVERY))
    assert may_start(day, asked(3, 10), at(20)).allowed
    assert not may_start(day, asked(3, 10), at(20) + 1).allowed


def test_the_shift_used_by_hand_lasts_eight_hours() -> None:
    assert (EIGHT_HOURS.start, EIGHT_HOURS.end) == (NINE, at(480))
