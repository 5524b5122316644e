"""Two devices, clocks that differ, a client that lies: nothing crashes, and the safer reading is taken."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from allocator.moment import Break, Busy, Candidate, Course, Review, Shift, may_start, next_rest, room_until
from tests.days.random_day import CATEGORIES
from tests.moment.hand import IN_A_ROW, RECOVERY, SCREEN, asked, at, away, course, rested, seen, under
from tests.moment.random_course import random_candidate, random_rules, random_shift


def test_a_break_over_which_work_lies_is_a_rest_only_where_it_is_free() -> None:
    for ends, allowed in ((30, True), (30.1, False)):
        day = course(seen(3, 0, 29), seen(0, 29, ends), rested(30, 45), rules=under(RECOVERY))
        assert may_start(day, asked(3, 5), at(45)).allowed is allowed
    long = course(seen(3, 0, 30), rested(30, 60), seen(0, 44, 44.5), rules=under(RECOVERY))
    assert may_start(long, asked(3, 5), at(60)).allowed  # the second half is long enough
    broken = course(seen(3, 0, 30), rested(30, 58), seen(0, 44, 44.5), rules=under(RECOVERY))
    assert not may_start(broken, asked(3, 5), at(58)).allowed


def test_a_meeting_in_a_break_is_no_part_of_the_rest() -> None:
    day = course(seen(3, 0, 30), rested(30, 45), away(40, 50), rules=under(RECOVERY))
    assert not may_start(day, asked(3, 5), at(50)).allowed


def test_a_moment_of_work_in_a_break_parts_it() -> None:
    day = course(seen(3, 0, 30), rested(30, 45), seen(0, 37, 37), rules=under(RECOVERY))
    assert not may_start(day, asked(3, 5), at(45)).allowed


def test_a_break_that_ends_in_the_future_runs_and_counts_for_what_has_gone_by() -> None:
    day = course(seen(3, 0, 30), rested(30, 500), rules=under(RECOVERY))
    verdict = may_start(day, asked(3, 5), at(44))
    assert (verdict.allowed, verdict.rest, verdict.earliest) == (False, 60, at(45))
    assert may_start(day, asked(3, 5), at(45)).allowed


def test_a_break_that_begins_in_the_future_or_ends_before_it_begins_is_none() -> None:
    for odd in (rested(50, 90), rested(50, None), rested(45, 20)):
        day = course(seen(3, 0, 30), odd, rules=under(RECOVERY))
        verdict = may_start(day, asked(3, 5), at(45))
        assert (verdict.allowed, verdict.rest) == (False, 900)


def test_while_a_review_is_said_to_run_no_break_is_a_rest() -> None:
    day = course(seen(3, 0, None), rested(30, 50), rules=under(RECOVERY))
    assert not may_start(day, asked(3, 1), at(50)).allowed


def test_a_review_from_the_future_counts_and_the_rest_comes_after_it() -> None:
    day = course(seen(3, 0, 31), rules=under(RECOVERY))
    verdict = may_start(day, asked(3, 1), at(30))
    assert (verdict.rest, verdict.earliest) == (900, at(46))


def test_a_review_that_ends_before_it_begins_counts_for_the_time_between() -> None:
    day = course(seen(3, 30, 0), rules=under(RECOVERY))
    assert not may_start(day, asked(3, 1), at(30)).allowed


def test_reviews_side_by_side_count_twice_and_reset_nothing() -> None:
    day = course(seen(3, 0, 16), seen(3, 0, 15), rules=under(RECOVERY))
    assert not may_start(day, asked(3, 1), at(16)).allowed
    three = [seen(3, 0, 1), seen(3, 1, 2), seen(3, 2, 15)]
    for everyday, allowed in ((seen(0, 14.9, 30), False), (seen(0, 15, 30), True)):
        assert (
            may_start(course(*three, everyday, rules=under(IN_A_ROW)), asked(3, 1), at(30)).allowed is allowed
        )


@pytest.mark.parametrize(("amount", "allowed"), [(3060, True), (3059, False)])
def test_a_span_reaches_to_the_latest_end_that_is_recorded(amount: int, allowed: bool) -> None:
    for happened in ((seen(0, 0, 51),), (seen(0, 0, 51), seen(0, 10, 12))):
        day = course(*happened, rules=under(replace(SCREEN, amount=amount)))
        assert may_start(day, asked(0, 5), at(30)).allowed is allowed


@pytest.mark.parametrize(("amount", "allowed"), [(900, True), (899, False)])
def test_a_span_begins_with_the_review_that_is_asked_for_if_all_others_lie_ahead(
    amount: int, allowed: bool
) -> None:
    day = course(seen(0, 40, 45), rules=under(replace(SCREEN, amount=amount)))
    assert may_start(day, asked(0, 5), at(30)).allowed is allowed


def test_nobody_looks_at_anything_for_less_than_no_time() -> None:
    day = course(seen(3, 0, 10, seconds=-600), seen(3, 10, 40), rules=under(RECOVERY))
    assert not may_start(day, asked(3, 1), at(40)).allowed


def test_a_meeting_that_goes_on_without_an_end_stops_the_rest_and_holds_back_no_work() -> None:
    day = course(seen(3, 0, 20), rested(20, None), away(25, None), rules=under(RECOVERY))
    assert may_start(day, asked(3, 10), at(30)).allowed
    verdict = may_start(day, asked(3, 11), at(30))
    assert (verdict.rest, verdict.earliest) == (900, at(45))
    assert may_start(course(away(40, None)), asked(3, 5), at(30)).allowed


def test_what_was_seen_before_the_shift_counts_and_the_rest_lies_in_the_shift() -> None:
    shift = Shift(at(60), at(480))
    verdict = may_start(course(seen(3, 0, 30), rules=under(RECOVERY), shift=shift), asked(3, 5), at(40))
    assert (verdict.rule, verdict.rest, verdict.earliest) == ("recovery", 900, at(75))


def test_the_order_of_the_records_does_not_matter() -> None:
    happened: list[Review | Break | Busy] = [seen(3, 0, 20), rested(20, 35), seen(3, 35, 60), seen(0, 60, 70)]
    rng = Random(1)
    for _ in range(10):
        rng.shuffle(happened)
        day = course(*happened, rules=under(RECOVERY, SCREEN))
        assert may_start(day, asked(3, 5), at(70)).allowed
        assert not may_start(day, asked(3, 6), at(70)).allowed


def test_whatever_stands_in_the_records_there_is_an_answer_and_more_records_never_free() -> None:
    """One more review never turns a no into a yes, unless it is everyday work that resets a stretch."""
    answers = set()
    for seed in range(400):
        rng = Random(seed)
        policy, shift = random_rules(rng), random_shift(rng)
        now = rng.randint(shift.start - 600, shift.end + 600)
        happened = tuple(_anything(rng, now) for _ in range(rng.randint(0, 8)))
        day = Course(policy, shift, happened)
        candidate = random_candidate(rng, day, now)
        verdict = may_start(day, candidate, now)
        answers.add((verdict.allowed, verdict.earliest is None))
        assert verdict.allowed or verdict.sentence
        rest = next_rest(day, [candidate], now)
        assert rest is None or rest.until > now
        room_until(day, Review(candidate.category, candidate.severity, now - 60), now)
        more = Course(policy, shift, (*happened, _review(rng, now)))
        added = more.happened[-1]
        assert isinstance(added, Review)
        can_reset = any(
            rule.reset_by
            and added.severity <= rule.reset_by.max_severity
            and not rule.selects(added.category, added.severity)
            for rule in policy.stretches
        )
        if not verdict.allowed and not can_reset:
            assert not may_start(more, candidate, now).allowed, seed
    assert answers == {(True, False), (False, False), (False, True)}


def _anything(rng: Random, now: int) -> Review | Break | Busy:
    one = _review(rng, now)
    return rng.choice((one, Break(one.start, one.end), Busy(one.start, one.end)))


def _review(rng: Random, now: int) -> Review:
    start = now + rng.choice((rng.randint(-7200, 300), -600, 0))
    end = rng.choice((None, start + rng.randint(-60, 2000), start, now))
    seconds = rng.choice((None, None, 0, 300, -5))
    return Review(rng.choice(CATEGORIES), rng.choice((0, 1, 2, 3, 4)), start, end, seconds)


def test_a_candidate_of_no_length_is_answered_too() -> None:
    assert may_start(course(rules=under(SCREEN)), Candidate("hate", 0, 0), at(0)).allowed
