"""What a person reads, word for word."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from allocator.moment import Break, Busy, Candidate, Course, Review, Shift, may_start, next_rest, room_until
from allocator.moment.words import clock, duration, material
from allocator.rules.policy import Edge, Stretch
from tests.days.build import policy
from tests.moment.hand import (
    EIGHT_HOURS,
    IN_A_ROW,
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

TEN_HOURS = under(rest_between_shifts=36_000)
ADULT = replace(RECOVERY, categories=frozenset({"hate", "adult"}), min_severity=2)
CASES: dict[str, tuple[Course, Candidate, float, str]] = {
    "recovery": (
        course(seen(3, 0, 28), rules=under(RECOVERY)),
        asked(3, 5),
        28,
        "You have looked at severe material for 28 minutes so far in this shift, and with this review it "
        "would be more than 30 minutes; a rest of 15 minutes comes first.",
    ),
    "recovery after a rest": (
        course(seen(3, 0, 28), rested(28, 43), seen(3, 43, 72.5), rules=under(RECOVERY)),
        asked(3, 5),
        73,
        "You have looked at severe material for 30 minutes since your last full rest, and with this review "
        "it would be more than 30 minutes; a rest of 15 minutes comes first.",
    ),
    "recovery during a break": (
        course(seen(3, 0, 28), rested(28, None), rules=under(RECOVERY)),
        asked(3, 5),
        30.5,
        "You have looked at severe material for 28 minutes so far in this shift, and with this review it "
        "would be more than 30 minutes; your break is a full rest in 13 minutes.",
    ),
    "some categories": (
        course(seen(2, 0, 28), rules=under(ADULT)),
        asked(2, 5),
        28,
        "You have looked at adult or hate material from severity 2 for 28 minutes so far in this shift, and "
        "with this review it would be more than 30 minutes; a rest of 15 minutes comes first.",
    ),
    "seconds of all work": (
        course(seen(0, 0, 28), rules=under(replace(RECOVERY, min_severity=0))),
        asked(0, 5),
        28,
        "You have worked for 28 minutes so far in this shift, and with this review it would be more than "
        "30 minutes; a rest of 15 minutes comes first.",
    ),
    "screen": (
        course(seen(0, 1, 48), rules=under(SCREEN)),
        asked(0, 5),
        48,
        "You have been at work since 09:01, and with this review it would be more than 50 minutes; a rest of "
        "10 minutes comes first.",
    ),
    "span of severe work": (
        course(seen(3, 1, 28), rules=under(replace(RECOVERY, measure="span"))),
        asked(3, 5),
        28,
        "You have been at work with severe material since 09:01, and with this review it would be more than "
        "30 minutes; a rest of 15 minutes comes first.",
    ),
    "in a row": (
        course(seen(3, 0, 1), seen(3, 1, 2), seen(3, 2, 3), seen(0, 3, 5), rules=under(IN_A_ROW)),
        asked(3, 5),
        5,
        "You have reviewed 3 items of severe material so far in this shift, and with this review it would be "
        "more than 3; a rest of 10 minutes comes first. Other work of 8 minutes, of severity 1 at most, does "
        "as well.",
    ),
    "in a row after everyday work": (
        course(seen(0, 0, 10), *(seen(3, 10 + n, 11 + n) for n in range(3)), rules=under(IN_A_ROW, RECOVERY)),
        asked(3, 5),
        13,
        "You have reviewed 3 items of severe material since your last everyday work, and with this review it "
        "would be more than 3; a rest of 10 minutes comes first. Other work of 10 minutes, of severity 1 at "
        "most, does as well.",
    ),
    "items of all work": (
        course(seen(0, 0, 1), rules=under(replace(IN_A_ROW, min_severity=0, amount=1, reset_by=None))),
        asked(0, 5),
        1,
        "You have reviewed 1 item so far in this shift, and with this review it would be more than 1; a rest "
        "of 10 minutes comes first.",
    ),
    "in a row, and a rest besides": (
        course(*(seen(3, 10 * n, 10 * n + 10) for n in range(3)), rules=under(IN_A_ROW, RECOVERY)),
        asked(3, 5),
        30,
        "You have looked at severe material for 30 minutes so far in this shift, and with this review it "
        "would be more than 30 minutes; a rest of 15 minutes comes first.",
    ),
    "in a row, during a break": (
        course(*(seen(3, n, n + 1) for n in range(3)), rested(3, None), rules=under(IN_A_ROW)),
        asked(3, 5),
        5,
        "You have reviewed 3 items of severe material so far in this shift, and with this review it would be "
        "more than 3; your break is a full rest in 8 minutes.",
    ),
    "in a row, and something else that everyday work does not help": (
        course(
            *(seen(3, n, n + 1) for n in range(3)),
            rules=under(replace(IN_A_ROW, rest=900), replace(RECOVERY, amount=300, rest=600)),
        ),
        asked(3, 5),
        3,
        "You have reviewed 3 items of severe material so far in this shift, and with this review it would be "
        "more than 3; a rest of 15 minutes comes first.",
    ),
    "a rest too late": (
        course(seen(3, 430, 460), rules=under(RECOVERY)),
        asked(3, 10),
        460,
        "You have looked at severe material for 30 minutes so far in this shift, and with this review it "
        "would be more than 30 minutes; a rest of 15 minutes comes first. There is no time left for this "
        "review after that; it is not for today.",
    ),
    "too long alone": (
        course(rules=under(SCREEN)),
        asked(0, 51),
        0,
        "This review is expected to take 51 minutes, and between two rests at most 50 minutes of work may "
        "come; it is not for today.",
    ),
    "too long alone, of severe material": (
        course(rules=under(RECOVERY)),
        asked(3, 31),
        0,
        "This review is expected to take 31 minutes, and between two rests at most 30 minutes of severe "
        "material may come; it is not for today.",
    ),
    "none at all": (
        course(rules=under(replace(IN_A_ROW, amount=0))),
        asked(3, 1),
        0,
        "At present nobody is given severe material; this review is not for today.",
    ),
    "shift ahead": (course(), asked(0, 1), -5, "Your shift starts at 09:00."),
    "shift over": (course(), asked(0, 1), 480, "Your shift ended at 17:00; the rest of the day is yours."),
    "shift too short": (
        course(),
        asked(0, 10),
        471,
        "This review is expected to take 10 minutes, and your shift ends at 17:00; it is not for today.",
    ),
    "between shifts": (
        course(rules=TEN_HOURS, shift=replace(EIGHT_HOURS, last_end=at(-570))),
        asked(0, 1),
        0,
        "Your rest after the last shift goes on until 09:30; take it in peace.",
    ),
    "release": (
        course(),
        asked(0, 1, release=at(65)),
        0,
        "Nobody may start this review before 10:05.",
    ),
    "release, with a rest before": (
        course(seen(0, 0, 30), rules=under(SCREEN)),
        asked(0, 5, release=at(60)),
        30,
        "Nobody may start this review before 10:00. There is time until then for the rest of 10 minutes that "
        "comes before it.",
    ),
    "busy": (
        course(away(5, 30)),
        asked(0, 10),
        0,
        "You are expected elsewhere first; this review can start at 09:30.",
    ),
    "first edge": (
        course(rules=under(WIND_DOWN)),
        asked(3, 1),
        5,
        "The first 15 minutes of your shift are kept free of severe material, until 09:15.",
    ),
    "first edge of an hour": (
        course(rules=under(replace(WIND_DOWN, first=3600))),
        asked(3, 1),
        5,
        "The first 1 hour of your shift is kept free of severe material, until 10:00.",
    ),
    "last edge of an hour": (
        course(rules=under(replace(WIND_DOWN, last=3600))),
        asked(3, 10),
        420,
        "The last 1 hour of your shift is kept free of severe material, so that the day can wind down.",
    ),
    "last edge ahead": (
        course(rules=under(WIND_DOWN)),
        asked(3, 10),
        430,
        "The last 45 minutes of your shift are kept free of severe material, from 16:15, and this review is "
        "expected to take 10 minutes; it is not for today.",
    ),
    "last edge": (
        course(rules=under(WIND_DOWN)),
        asked(3, 10),
        435,
        "The last 45 minutes of your shift are kept free of severe material, so that the day can wind down.",
    ),
    "last edge of all work": (
        course(rules=under(Edge("pack-up", last=600))),
        asked(0, 1),
        475,
        "The last 10 minutes of your shift are kept free of reviews, so that the day can wind down.",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_no_is_said_in_these_words(case: str) -> None:
    day, candidate, minutes, sentence = CASES[case]
    verdict = may_start(day, candidate, at(minutes))
    assert not verdict.allowed
    assert verdict.sentence == sentence


def test_a_rest_is_offered_with_what_was_seen() -> None:
    day = course(seen(3, 0, 28), rules=under(RECOVERY))
    rest = next_rest(day, [asked(3, 5)], at(28))
    assert rest is not None
    assert rest.sentence == (
        "You have looked at severe material for 28 minutes so far in this shift; a rest of 15 minutes comes "
        "first."
    )


def test_room_is_told_ahead_and_when_it_is_used_up() -> None:
    running = seen(3, 410, None)
    told = {}
    for name, minutes, rule in (
        ("rest ahead", 436.5, RECOVERY),
        ("rest", 440, RECOVERY),
        ("edge ahead", 433.5, WIND_DOWN),
        ("edge", 435, WIND_DOWN),
        ("hour ahead", 418.5, replace(WIND_DOWN, last=3600)),
    ):
        room = room_until(course(running, rules=under(rule)), running, at(minutes))
        assert room is not None
        told[name] = room.sentence
    assert told == {
        "rest ahead": "This can go on for 3 minutes; then a rest of 15 minutes comes.",
        "rest": "You have looked at severe material for 30 minutes so far in this shift; a rest of 15 "
        "minutes comes first.",
        "edge ahead": "This can go on for 90 seconds; the last 45 minutes of your shift are kept free of "
        "severe material.",
        "edge": "The last 45 minutes of your shift are kept free of severe material, so that the day can "
        "wind down.",
        "hour ahead": "This can go on for 90 seconds; the last 1 hour of your shift is kept free of severe "
        "material.",
    }


@pytest.mark.parametrize(
    ("seconds", "up", "down"),
    [
        (0, "0 seconds", "0 seconds"),
        (1, "1 second", "1 second"),
        (119, "119 seconds", "119 seconds"),
        (120, "2 minutes", "2 minutes"),
        (121, "3 minutes", "2 minutes"),
        (1800, "30 minutes", "30 minutes"),
        (3600, "1 hour", "1 hour"),
        (3599, "1 hour", "59 minutes"),
        (5400, "90 minutes", "90 minutes"),
        (14_400, "4 hours", "4 hours"),
    ],
)
def test_durations_never_make_a_no_look_wrong(seconds: int, up: str, down: str) -> None:
    assert (duration(seconds, up=True), duration(seconds, up=False)) == (up, down)


def test_material_is_severe_where_the_policy_says_so() -> None:
    for severe_from, words in ((3, "severe material"), (2, "material from severity 3")):
        assert material(RECOVERY, policy(severe_from=severe_from), "material") == words
    assert material(SCREEN, policy(severe_from=0), "material") == "material"


def test_no_representation_tells_what_somebody_saw() -> None:
    day = course(seen(3, 0, 28), rested(28, 29), away(29, 30), rules=under(RECOVERY))
    verdict = may_start(day, asked(3, 5), at(30))
    private = (*day.happened, day, verdict, next_rest(day, [asked(3, 5)], at(30)))
    running = seen(3, 30, None)
    for one in (*private, room_until(day, running, at(31))):
        text = re.sub(r" at 0x[0-9a-fA-F]+", "", repr(one))
        assert not any(word in text for word in ("hate", "severe", "28", str(at(0)), str(at(28)))), text


# -- clocks that jump --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "evening"),
    [
        ("Europe/Berlin", datetime(2026, 3, 28, 22)),
        ("Europe/Berlin", datetime(2026, 10, 24, 22)),
        ("America/New_York", datetime(2026, 3, 7, 22)),
        ("America/New_York", datetime(2026, 10, 31, 22)),
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 22)),
        ("Australia/Lord_Howe", datetime(2026, 10, 3, 22)),
        ("America/St_Johns", datetime(2026, 11, 1, 0)),
        ("Africa/Casablanca", datetime(2026, 2, 14, 22)),
    ],
)
def test_a_shift_over_a_clock_change_is_asked_in_seconds_that_pass(zone: str, evening: datetime) -> None:
    """Work, rests and edges are as long as on any other night; only what the clock shows differs."""
    start = int(evening.replace(tzinfo=ZoneInfo(zone)).timestamp())
    shift = Shift(start, start + 28_800, timezone=zone)
    rules = under(WIND_DOWN, RECOVERY, replace(SCREEN, amount=6 * 3600))
    seconds = {"first": start + 900, "last": start + 28_800 - 2700}
    none_seen = Course(rules, shift)
    first = may_start(none_seen, asked(3, 1), start)
    assert first.earliest == seconds["first"]
    assert first.sentence is not None
    assert clock(seconds["first"], zone) in first.sentence
    assert may_start(none_seen, asked(3, 10), seconds["last"] - 600).allowed
    assert not may_start(none_seen, asked(3, 10), seconds["last"] - 599).allowed
    for worked, allowed in ((6 * 3600 - 60, True), (6 * 3600 - 59, False)):
        past = (Review("hate", 0, start, start + worked),)
        assert may_start(Course(rules, shift, past), asked(0, 1), start + worked).allowed is allowed
    for hour in range(1, 6):
        severe_until = start + 3600 * hour
        past = (Review("hate", 3, severe_until - 1800, severe_until),)
        verdict = may_start(Course(rules, shift, past), asked(3, 1), severe_until)
        assert verdict.earliest == severe_until + 900
        taken = (*past, Break(severe_until, severe_until + 900))
        assert may_start(Course(rules, shift, taken), asked(3, 1), severe_until + 900).allowed


def test_the_hour_that_comes_twice_is_told_apart() -> None:
    first = int(datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp())
    assert clock(first, "Europe/Berlin") == "02:30 (CEST)"
    assert clock(first + 3600, "Europe/Berlin") == "02:30 (CET)"
    assert clock(first + 7200, "Europe/Berlin") == "03:30"


def test_the_hour_that_never_comes_is_never_told() -> None:
    before = datetime(2026, 3, 29, 0, 59, tzinfo=UTC)
    told = [clock(int((before + timedelta(minutes=n)).timestamp()), "Europe/Berlin") for n in range(2)]
    assert told == ["01:59", "03:00"]


def test_times_are_those_of_the_persons_own_clock() -> None:
    shift = Shift(at(0), at(480), timezone="Asia/Jakarta")
    verdict = may_start(Course(under(), shift, (Busy(at(0), at(30)),)), asked(0, 1), at(0))
    assert verdict.sentence == "You are expected elsewhere first; this review can start at 16:30."


def test_an_unknown_stretch_of_all_work_from_a_named_category_is_put_into_words() -> None:
    one = Stretch("s", frozenset({"self-harm"}), 3, measure="items", amount=1, rest=600)
    day = Course(under(one), EIGHT_HOURS, (Review("self-harm", 4, at(0), at(1)),))
    verdict = may_start(day, Candidate("self-harm", 3, 60), at(1))
    assert verdict.sentence is not None
    assert verdict.sentence.startswith("You have reviewed 1 item of severe self-harm material so far")
