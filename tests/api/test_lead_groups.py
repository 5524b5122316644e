"""Leads see what groups of eleven or more were shown, and learn of nobody by asking twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from models.actor import Actor
from tests.actions.limits_day import LEAD, LEAD_OF_TWO, NOW, WELLBEING
from tests.api.conftest import Clock, Tokens
from tests.api.lead_app import Served, served
from tests.conftest import Database

MONDAY = date(2026, 11, 9)
"""Of the last week that is closed at `NOW`, a Monday two weeks later."""
TUESDAY = MONDAY + timedelta(days=1)
WEEK_BEFORE = MONDAY - timedelta(weeks=1)
TEAM = [f"aud-{number:02}" for number in range(12)]
SMALL = [f"bud-{number}" for number in range(10)]


@pytest.fixture
def here(database: Database, client: TestClient, clock: Clock, tokens: Tokens) -> Iterator[Served]:
    with served(database, client, clock, tokens) as made:
        made.day.run("""select set_dose_weights('[{"severity": 1, "modality": "image", "units": 10}]')""")
        for person in TEAM:
            made.day.person(person, dates=(WEEK_BEFORE, MONDAY, TUESDAY))
        for person in SMALL:
            made.day.person(person, "late", dates=(MONDAY,))
        yield made


def shown(here: Served, actor: Actor = LEAD, **query: Any) -> list[Any]:
    return list(here.ask(actor, "/v1/exposure/groups", **query)["weeks"])


def only_team(here: Served) -> Any:
    (week,) = shown(here)
    (team,) = week["teams"]
    return team


def all_saw(here: Served, people: list[str], day: date = MONDAY, seconds: int = 600, **entry: Any) -> None:
    heard = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    for person in people:
        here.day.entry(person, "history", seconds, day, at=heard, **entry)


def test_a_group_of_eleven_is_shown(here: Served) -> None:
    all_saw(here, TEAM)
    total = {"people": 12, "seconds": 7200, "items": 12, "points": 120.0}
    assert shown(here) == [
        {
            "from": "2026-11-09",
            "to": "2026-11-15",
            "teams": [
                {
                    "team": "early",
                    "complete": True,
                    "total": total,
                    "breaks": None,
                    "cells": [total | {"category": "adult", "work_date": "2026-11-09"}],
                }
            ],
        }
    ]


def test_a_group_of_ten_is_not_and_another_team_neither(here: Served) -> None:
    all_saw(here, SMALL)
    all_saw(here, TEAM)
    early, late = shown(here, LEAD_OF_TWO)[0]["teams"]
    assert early["team"] == "early"
    assert late == {"team": "late", "complete": False, "total": None, "breaks": None, "cells": []}
    assert [team["team"] for team in shown(here)[0]["teams"]] == ["early"]


def test_a_small_cell_does_not_follow_from_the_total(here: Served) -> None:
    all_saw(here, TEAM)
    all_saw(here, TEAM, TUESDAY, seconds=900)
    all_saw(here, TEAM[:3], MONDAY, category="violence")
    team = only_team(here)
    assert team["total"]["seconds"] == 12 * 600 + 12 * 900 + 3 * 600
    assert [(one["work_date"], one["category"]) for one in team["cells"]] == [("2026-11-10", "adult")]
    assert team["complete"] is False


def test_what_is_only_reserved_is_not_shown(here: Served) -> None:
    here.day.work_day(MONDAY)
    here.day.item("i-1", work_date=MONDAY)
    here.day.entry(TEAM[0], "reserve", 60, MONDAY, slot=here.day.slot(TEAM[0], "i-1", MONDAY))
    assert only_team(here)["total"] is None


def test_an_open_week_and_half_a_week_are_refused(here: Served) -> None:
    asked: list[tuple[dict[str, Any], str | None]] = [
        ({"from_": TUESDAY}, "from"),
        ({"from_": MONDAY, "to": MONDAY}, "to"),
        ({"to": TUESDAY}, "to"),
        ({"from_": MONDAY, "to": MONDAY - timedelta(days=1)}, "to"),
        ({"from_": MONDAY + timedelta(weeks=1)}, "to"),
        ({"from_": MONDAY - timedelta(weeks=99)}, None),
        ({"from_": MONDAY - timedelta(weeks=99), "to": MONDAY + timedelta(days=6)}, "to"),
    ]
    for query, field in asked:
        status = 422 if field else 200
        told = here.ask(LEAD, "/v1/exposure/groups", status, **query)
        assert told.get("field") == field, query


def test_a_week_closes_nine_days_after_its_monday(here: Served) -> None:
    here.clock.now = (NOW + timedelta(days=2)).replace(hour=0) - timedelta(seconds=1)
    assert shown(here)[0]["from"] == "2026-11-09"
    here.clock.now += timedelta(seconds=1)
    assert shown(here)[0]["from"] == "2026-11-16"


# --------------------------------------------------------------------------- two answers do not differ by one


def test_a_week_is_answered_alike_whatever_else_is_asked(here: Served) -> None:
    all_saw(here, TEAM, WEEK_BEFORE)
    all_saw(here, TEAM, MONDAY)
    all_saw(here, TEAM[:1], TUESDAY)
    both = shown(here, from_=WEEK_BEFORE, to=MONDAY + timedelta(days=6))
    assert both == shown(here, from_=WEEK_BEFORE) + shown(here, from_=MONDAY)


def test_what_one_person_posts_late_does_not_show(here: Served) -> None:
    all_saw(here, TEAM)
    before = shown(here)
    here.day.work_day(MONDAY)
    here.day.item("i-1", work_date=MONDAY)
    slot = here.day.slot(TEAM[0], "i-1", MONDAY, state="started")
    here.day.entry(TEAM[0], "incident", 60, MONDAY, slot=slot, at=NOW)
    assert shown(here) == before
    here.day.entry(TEAM[0], "post", 60, MONDAY, slot=slot, at=NOW - timedelta(days=10))
    assert shown(here) != before


def test_what_is_loaded_after_a_week_has_closed_does_not_show(here: Served) -> None:
    """Else two readings, before and after a newcomer's first day is loaded, would tell what that one saw."""
    all_saw(here, TEAM)
    before = shown(here)
    here.day.person("newcomer", dates=(NOW.date(),))
    here.day.entry("newcomer", "history", 4242, MONDAY, at=NOW)
    here.day.entry(TEAM[0], "history", 60, MONDAY, at=NOW)
    assert shown(here) == before


def test_somebody_who_moves_to_another_team_stays_in_the_old_weeks(here: Served) -> None:
    all_saw(here, TEAM)
    all_saw(here, TEAM, WEEK_BEFORE - timedelta(days=3))  # before there were shifts: that of the next one
    query: dict[str, Any] = {"from_": WEEK_BEFORE - timedelta(weeks=1), "to": MONDAY + timedelta(days=6)}
    before = shown(here, **query)
    assert [week["teams"][0]["total"]["people"] for week in before if week["teams"][0]["total"]] == [12, 12]
    here.day.person(TEAM[0], "late", dates=(NOW.date(),))
    assert shown(here, **query) == before


def test_somebody_who_came_from_another_team_counts_here_from_then_on(here: Served) -> None:
    here.day.person(TEAM[0], "late", dates=(WEEK_BEFORE - timedelta(weeks=2),))
    all_saw(here, TEAM)
    assert only_team(here)["total"]["people"] == 12


def test_it_is_for_leads_alone(here: Served) -> None:
    for actor in (WELLBEING, Actor("auditor", TEAM[0]), Actor("operations", "ops")):
        here.ask(actor, "/v1/exposure/groups", 403)


# ---------------------------------------------------------------------------------------------------- breaks


def rest(here: Served, people: list[str], minutes: int = 10, day: date = MONDAY) -> None:
    """A break of each of these people, from ten o'clock UTC."""
    begins = datetime(day.year, day.month, day.day, 10, tzinfo=UTC)
    for person in people:
        here.day.run(
            "insert into slot (auditor, work_date, kind, label, planned_start, planned_end, state,"
            " started_at, ended_at)"
            " values (:person, :day, 'break', 'short', :begins, :ends, 'done', :begins, :ends)",
            person=person,
            day=day,
            begins=begins,
            ends=begins + timedelta(minutes=minutes),
        )


def test_breaks_are_shown_of_eleven_people_or_more_and_of_no_fewer(here: Served) -> None:
    rest(here, TEAM[:10])
    rest(here, TEAM[:10])
    rest(here, SMALL)
    assert [team["breaks"] for team in shown(here, LEAD_OF_TWO)[0]["teams"]] == [None, None]
    rest(here, TEAM[10:11], 20, TUESDAY)
    assert only_team(here)["breaks"] == {"people": 11, "taken": 21, "seconds": 20 * 600 + 1200}


def test_a_pause_is_a_break(here: Served) -> None:
    rest(here, TEAM[:10])
    here.day.work_day(MONDAY)
    here.day.item("i-1", work_date=MONDAY)
    slot = here.day.slot(TEAM[10], "i-1", MONDAY, state="done")
    here.day.run(
        "update slot set pauses = tstzmultirange(tstzrange(started_at, started_at + interval '90 seconds'))"
        " where id = :slot",
        slot=slot,
    )
    assert only_team(here)["breaks"] == {"people": 11, "taken": 11, "seconds": 6090}


def test_breaks_of_another_week_or_that_ended_after_the_close_are_not_in_it(here: Served) -> None:
    rest(here, TEAM[:10])
    rest(here, TEAM[10:], day=WEEK_BEFORE)
    rest(here, TEAM[10:], minutes=9 * 24 * 60)
    assert only_team(here)["breaks"] is None
