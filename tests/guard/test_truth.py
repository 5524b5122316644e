"""What was seen is always recorded and a limit can always be lowered; either blocks every further reserve."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import get_args

import psycopg
import pytest

from allocator.rules.policy import LimitMeasure
from tests.guard.day import AMOUNT, least, one_limit, prepare, refused, whole
from tests.guard.world import FIRST, enter

MEASURES: tuple[LimitMeasure, ...] = get_args(LimitMeasure)
SCOPES = ("org", "market:ID", "team:blue", "auditor:p01")
EVERY_LIMIT = pytest.mark.parametrize(
    ("measure", "window_days", "scope"), list(product(MEASURES, (1, 7), SCOPES)), ids=str
)
TRUTHS = ("history", "post", "incident")


@EVERY_LIMIT
def test_truth_is_recorded_and_blocks(
    measure: LimitMeasure, window_days: int, scope: str, app: psycopg.Connection
) -> None:
    """Also where it lies on the first date of a window whose last holds the reservations."""
    days = tuple(FIRST + timedelta(30 * i) for i in range(len(TRUTHS) + 1))
    earlier = {day: day - timedelta(window_days - 1) for day in days}
    places = prepare(app, one_limit(measure, window_days, scope), dates=tuple({*days, *earlier.values()}))
    for truth, day in zip(TRUTHS, days, strict=False):
        planned = places["p01", day][0]
        seen = places["p01", earlier[day]][1]
        enter(app, whole("reserve", planned, measure))
        with refused("BW001"):
            enter(app, least("reserve", planned, measure))
        enter(app, whole(truth, seen, measure))
        enter(app, least(truth, seen, measure))
        with refused("BW001"):
            enter(app, least("reserve", planned, measure))
        # Nothing that is planned is left, and what was seen alone is above the limit.
        enter(app, whole("release", planned, measure))
        with refused("BW001"):
            enter(app, least("reserve", planned, measure))
        enter(app, replace(least("reserve", planned, measure), severity=0))

    planned = places["p01", days[-1]][0]
    enter(app, whole("reserve", planned, measure))
    app.execute("select lower_limit('only', %s)", [AMOUNT - 1])
    app.execute("select lower_limit('only', 0)")
    with refused("BW001"):
        enter(app, least("reserve", planned, measure))
    enter(app, whole("release", planned, measure))
    with refused("BW001"):
        enter(app, least("reserve", planned, measure))


def test_a_post_beyond_its_reservation_succeeds(app: psycopg.Connection) -> None:
    started = prepare(app, one_limit())["p01", FIRST][1]
    enter(app, whole("reserve", started))
    enter(app, whole("release", started), replace(whole("post", started), seconds=10 * AMOUNT))
    assert app.execute("select seen, reserved from limit_day").fetchall() == [(10 * AMOUNT, 0)]
    with refused("BW001"):
        enter(app, least("reserve", started))


def test_truth_and_a_reservation_in_one_statement_are_judged_together(app: psycopg.Connection) -> None:
    place = prepare(app, one_limit())["p01", FIRST][1]
    with refused("BW001"):
        enter(app, whole("post", place), least("reserve", place))
    assert app.execute("select count(*) from ledger").fetchone() == (0,)


def test_what_a_file_can_hold_is_recorded_and_more_is_refused_whole(app: psycopg.Connection) -> None:
    place = prepare(app, one_limit())["p01", FIRST][0]
    most = replace(whole("history", place), seconds=2**59)
    for _ in range(7):
        enter(app, most)
    enter(app, replace(most, seconds=2**62))
    with refused("BW001"):
        enter(app, least("reserve", place))
    with refused("BW001"):
        enter(app, replace(least("reserve", place), seconds=2**61))
    before = app.execute("select seen, reserved from limit_day").fetchall()
    with refused("22003"):
        enter(app, replace(most, seconds=2**62))
    with refused("22003"):
        enter(app, replace(least("reserve", place), seconds=2**63 - 1), least("reserve", place))
    assert app.execute("select seen, reserved from limit_day").fetchall() == before
    assert app.execute("select count(*) from ledger").fetchone() == (8,)


def test_dose_beyond_64_bits_is_refused_whole(app: psycopg.Connection) -> None:
    place = prepare(app, one_limit("dose"))["p01", FIRST][0]
    with refused("22003"):
        enter(app, replace(whole("history", place), seconds=2**57))
    assert app.execute("select count(*) from ledger").fetchone() == (0,)
