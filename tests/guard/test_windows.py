"""Which dates, whose team and which percentage a limit looks at."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allocator.rules.policy import Limit
from tests.guard.day import least, one_limit, prepare, refused, whole
from tests.guard.racer import SHIFT
from tests.guard.world import FIRST, enter

LATER = FIRST + timedelta(3)


def on_shift(
    app: psycopg.Connection, day: date, team: str = "blue", market: str = "ID", percent: int = 100
) -> None:
    given = {"auditor": "p01", "day": day, "team": team, "market": market, "percent": percent}
    app.execute(SHIFT, given)


def test_a_window_that_ends_later_counts(app: psycopg.Connection) -> None:
    places = prepare(app, one_limit(window_days=7))
    enter(app, whole("reserve", places["p01", LATER][0]))
    for days_before in range(7):
        with refused("BW001"):
            enter(app, least("reserve", places["p01", LATER - timedelta(days_before)][0]))
    enter(app, whole("reserve", places["p01", LATER - timedelta(7)][0]))


def test_history_of_a_later_date_counts(app: psycopg.Connection) -> None:
    places = prepare(app, one_limit(window_days=7))
    enter(app, whole("history", places["p01", LATER][0]))
    with refused("BW001"):
        enter(app, least("reserve", places["p01", FIRST][0]))


def test_two_dates_in_one_statement_count_together(app: psycopg.Connection) -> None:
    places = prepare(app, one_limit(window_days=7))
    with refused("BW001"):
        enter(app, whole("reserve", places["p01", FIRST][0]), least("reserve", places["p01", LATER][0]))


def test_a_window_without_end_can_be_asked(app: psycopg.Connection) -> None:
    places = prepare(app, one_limit(window_days=2**31 - 1))
    enter(app, whole("reserve", places["p01", FIRST][0]))
    with refused("BW001"):
        enter(app, least("reserve", places["p01", LATER][0]))


def test_who_joins_a_team_brings_along_what_they_saw(app: psycopg.Connection) -> None:
    places = prepare(app, one_limit(window_days=7, scope="team:red"))
    enter(app, whole("reserve", places["p01", FIRST][0]))
    enter(app, least("reserve", places["p01", FIRST][0]))
    app.execute("update auditor set team = 'red'")
    with refused("BW001"):
        enter(app, least("reserve", places["p01", LATER][0]))
    on_shift(app, LATER, team="blue")
    enter(app, least("reserve", places["p01", LATER][0]))
    app.execute("update shift set team = 'red'")
    with refused("BW001"):
        enter(app, least("reserve", places["p01", LATER][0]))


def test_the_team_and_market_are_those_of_the_shift_on_which_the_window_ends(app: psycopg.Connection) -> None:
    places = prepare(app, one_limit(window_days=7, scope="market:MY"))
    on_shift(app, LATER, market="MY")
    enter(app, least("reserve", places["p01", LATER][0]))
    with refused("BW001"):
        enter(app, whole("reserve", places["p01", FIRST][0]))
    enter(app, whole("reserve", places["p01", LATER - timedelta(7)][0]))


def test_the_percentage_is_that_of_the_shift(app: psycopg.Connection) -> None:
    places = prepare(app, one_limit())
    on_shift(app, FIRST, percent=59)
    half = replace(whole("reserve", places["p01", FIRST][0]), seconds=5)
    enter(app, half)
    with refused("BW001"):
        enter(app, least("reserve", places["p01", FIRST][0]))
    enter(app, whole("reserve", places["p01", LATER][0]))
    app.execute("update auditor set exposure_percent = 99")
    enter(app, whole("release", places["p01", LATER][0]))
    with refused("BW001"):
        enter(app, whole("reserve", places["p01", LATER][0]))


def test_what_weighs_nothing_passes_no_dose_limit(app: psycopg.Connection) -> None:
    limit = replace(one_limit("dose", amount=0), min_severity=0)
    place = prepare(app, limit)["p01", FIRST][0]
    enter(app, replace(whole("reserve", place), severity=0, seconds=100_000, items=1000))
    with refused("BW001"):
        enter(app, least("reserve", place))


def test_what_adds_nothing_to_a_limit_that_is_passed_is_accepted(app: psycopg.Connection) -> None:
    place = prepare(app, one_limit("items"))["p01", FIRST][0]
    enter(app, replace(whole("history", place), items=1000))
    enter(app, replace(whole("reserve", place), seconds=50, items=0))
    with refused("BW001"):
        enter(app, least("reserve", place, "items"))


@given(
    asked=st.lists(
        st.tuples(
            st.integers(0, 2**63 - 1) | st.integers(0, 10_000),
            st.sampled_from(("seconds", "items", "dose")),
            st.integers(1, 100),
        ),
        min_size=1,
        max_size=100,
    )
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_effective_amount_is_the_rule_books(
    asked: list[tuple[int, str, int]], app: psycopg.Connection
) -> None:
    amounts, measures, percents = (list(column) for column in zip(*asked, strict=True))
    rows = app.execute(
        """
        select effective_amount(amount, measure, percent)
        from unnest(%s::bigint[], %s::text[], %s::smallint[]) with ordinality
            as given (amount, measure, percent, place) order by place
        """,
        [amounts, measures, percents],
    ).fetchall()
    expected = [
        Limit("k", scope="org", measure=measure, window_days=1, amount=amount).effective_amount(percent)  # type: ignore[arg-type]
        for amount, measure, percent in asked
    ]
    assert [int(row[0]) for row in rows] == expected
