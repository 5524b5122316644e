"""How a lease grows, to the second."""

from __future__ import annotations

from random import Random

import pytest

from allocator.moment import BEAT, SLICE, Renewal, beat_within, renew


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [
        (600, Renewal(None, 0, 1600)),
        (SLICE, Renewal(None, 0, 1030)),
        (SLICE - 1, Renewal(None, SLICE, 1029 + SLICE)),
        (1, Renewal(None, SLICE, 1001 + SLICE)),
        (0, Renewal(None, SLICE, 1000 + SLICE)),
        (-1, Renewal(999, SLICE, 1000 + SLICE)),
        (-5000, Renewal(-4000, SLICE, 1000 + SLICE)),
    ],
)
def test_it_reaches_a_slice_beyond_now(ahead: int, expected: Renewal) -> None:
    assert renew(1000 + ahead, 1000, None) == expected


@pytest.mark.parametrize(
    ("ahead", "screen", "further", "seconds"),
    [
        (10, 40, None, 30),
        (10, 39, None, 29),
        (10, 10, None, 0),
        (10, 9, None, 0),
        (10, None, 7, 7),
        (10, 15, 7, 5),
        (-10, 12, None, 12),
        (-10, 12, 11, 11),
        (-10, 0, None, 0),
    ],
)
def test_and_no_further_than_there_is_room(
    ahead: int, screen: int | None, further: int | None, seconds: int
) -> None:
    assert renew(1000 + ahead, 1000, screen, further).seconds == seconds


@pytest.mark.parametrize(("ahead", "is_over"), [(1, False), (0, True), (-1, True)])
def test_without_room_it_is_over_when_it_has_run_out(ahead: int, is_over: bool) -> None:
    assert renew(1000 + ahead, 1000, 0).is_over(1000) is is_over


def test_whatever_comes_it_never_passes_the_room_and_never_shrinks() -> None:
    rng = Random(4)
    for _ in range(2000):
        leased_until, now = rng.randint(0, 200), rng.randint(0, 200)
        screen = rng.choice([None, rng.randint(0, 80)])
        further = rng.choice([None, rng.randint(0, 80)])
        step = renew(leased_until, now, screen, further)
        begin = max(leased_until, now)
        assert step.until == begin + step.seconds
        assert step.until <= max(begin, now + 2 * SLICE - 1)
        assert further is None or step.seconds <= further
        assert screen is None or step.seconds == 0 or step.until <= now + screen
        assert (step.silent_from is None) == (now <= leased_until)


def test_the_next_heartbeat_comes_before_the_lease_ends() -> None:
    assert [beat_within(1000 + ahead, 1000) for ahead in (600, BEAT, BEAT - 1, 1, 0, -1)] == [
        BEAT, BEAT, BEAT - 1, 1, 0, 0,
    ]  # fmt: skip
    assert BEAT < SLICE
