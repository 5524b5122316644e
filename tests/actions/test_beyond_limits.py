"""Which planned reviews go where a limit is passed: from the end, the least urgent first, and no more."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

from models.beyond_limits import KINDS, Passed, Planned, to_withdraw

DAY = date(2026, 11, 23)
EIGHT = datetime(2026, 11, 23, 8, tzinfo=UTC)
SEVERE, ALL = 1, 2


def planned(slot: int, kind: str = "sample", priority: int = 4, days: int = 0, **use: int) -> Planned:
    """A review that begins so many minutes after eight as its slot's number says."""
    return Planned(
        slot,
        DAY + timedelta(days),
        kind,
        priority,
        EIGHT + timedelta(days, minutes=slot),
        {SEVERE: use.get("severe", 600), ALL: use.get("all", 600)},
    )


def gone(over: int, *reviews: Planned, use: int = SEVERE, first: date = DAY, last: date = DAY) -> list[int]:
    return [one.slot for one in to_withdraw([Passed(use, first, last, over)], reviews)]


def test_the_latest_goes_first_and_only_as_much_as_needed() -> None:
    three = [planned(1), planned(2), planned(3)]
    assert gone(0, *three) == []
    assert gone(1, *three) == gone(600, *three) == [3]
    assert gone(601, *three) == [3, 2]
    assert gone(9999, *three) == [3, 2, 1]


def test_samples_before_calibrations_before_escalations_and_the_most_urgent_last() -> None:
    mixed = [
        planned(9, "escalation", 1),
        planned(8, "escalation", 4),
        planned(7, "calibration"),
        planned(1),
        planned(2),
    ]
    assert gone(9999, *mixed) == [2, 1, 7, 8, 9]


def test_what_the_limit_does_not_select_stays() -> None:
    assert gone(600, planned(1), planned(2, severe=0)) == [1]


def test_what_is_outside_the_window_stays() -> None:
    reviews = planned(1), planned(2, days=1), planned(3, days=7)
    assert gone(9999, *reviews, last=DAY + timedelta(6)) == [2, 1]


def test_what_goes_for_one_limit_helps_the_other() -> None:
    windows = [Passed(SEVERE, DAY, DAY, 600), Passed(ALL, DAY, DAY, 700)]
    found = to_withdraw(windows, [planned(1, severe=0), planned(2), planned(3, severe=0)])
    assert [one.slot for one in found] == [3, 2]


def test_in_the_end_each_window_holds_or_nothing_that_it_selects_is_left() -> None:
    drawn = random.Random(4)
    for _ in range(300):
        reviews = [
            planned(
                slot,
                drawn.choice(KINDS),
                drawn.randint(1, 4),
                drawn.randint(0, 2),
                severe=drawn.choice([0, 60, 600]),
                all=drawn.randint(1, 900),
            )
            for slot in range(drawn.randint(0, 12))
        ]
        windows = [
            Passed(use, DAY, DAY + timedelta(drawn.randint(0, 2)), drawn.randint(1, 3000))
            for use in (SEVERE, ALL)
        ]
        away = to_withdraw(windows, reviews)
        left = [one for one in reviews if one not in away]
        for window in windows:
            freed = sum(one.within(window) for one in away)
            assert freed >= window.over or not any(one.within(window) for one in left)
        # The last that went was needed: without it some window would still be passed.
        if away:
            last = away[-1]
            assert any(
                last.within(window) and sum(one.within(window) for one in away[:-1]) < window.over
                for window in windows
            )
