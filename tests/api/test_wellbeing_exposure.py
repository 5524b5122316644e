"""Wellbeing staff read people's exposure with a purpose, and that they did is recorded before they know."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError
from starlette.testclient import TestClient

from models.actions.read_exposure import read_exposure
from models.actor import Actor
from models.queries.exposure import Selection
from tests.actions.limits_day import LEAD, NOW, TODAY, WELLBEING
from tests.api.conftest import Clock, Tokens
from tests.api.lead_app import Served, served
from tests.conftest import Database

YESTERDAY = TODAY - timedelta(days=1)
PURPOSE = "monthly check"


@pytest.fixture
def here(database: Database, client: TestClient, clock: Clock, tokens: Tokens) -> Iterator[Served]:
    with served(database, client, clock, tokens) as made:
        day = made.day
        day.run("""select set_dose_weights('[{"severity": 1, "modality": "image", "units": 10}]')""")
        day.work_day()
        for number in range(3):
            day.person(f"aud-{number}", team="late" if number == 2 else "early")
        day.limit("seconds-day", amount=1000)
        day.limit("dose-week", amount=100, measure="dose", window_days=7)
        day.item("i-1")
        day.item("i-2", draw=2)
        day.entry("aud-0", "history", 240, YESTERDAY)
        slot = day.slot("aud-0", "i-1", state="started")
        day.entry("aud-0", "reserve", 60, slot=slot)
        day.entry("aud-0", "release", 60, slot=slot)
        day.entry("aud-0", "post", 90, slot=slot)
        day.entry("aud-0", "reserve", 120, slot=day.slot("aud-0", "i-2"))
        yield made


def read(here: Served, status: int = 200, purpose: str | None = PURPOSE, **query: Any) -> Any:
    query = {"from_": YESTERDAY, "to": TODAY} | query
    return here.ask(WELLBEING, "/v1/exposure", status, purpose, **query)


def test_a_person_s_exposure_by_category_and_date_and_what_is_left(here: Served) -> None:
    (person,) = read(here, auditor="aud-0")["people"]
    nothing = {"reserved_seconds": 0, "reserved_items": 0, "reserved_points": 0.0}
    assert person == {
        "auditor": "aud-0",
        "team": "early",
        "days": [
            {"work_date": "2026-11-22", "category": "adult", "seconds": 240, "items": 1, "points": 4.0}
            | nothing,
            {
                "work_date": "2026-11-23",
                "category": "adult",
                "seconds": 90,
                "items": 1,
                "points": 1.5,
                "reserved_seconds": 120,
                "reserved_items": 1,
                "reserved_points": 2.0,
            },
        ],
        "limits": [
            {
                "key": "seconds-day",
                "unit": "seconds",
                "window_days": 1,
                "allowed": 1000.0,
                "seen": 90.0,
                "reserved": 120.0,
                "left": 790.0,
            },
            {
                "key": "dose-week",
                "unit": "points",
                "window_days": 7,
                "allowed": 100.0,
                "seen": 5.5,
                "reserved": 2.0,
                "left": 92.5,
            },
        ],
    }


def test_what_is_passed_has_nothing_left(here: Served) -> None:
    here.day.entry("aud-1", "history", 5000)
    (person,) = read(here, auditor="aud-1")["people"]
    assert person["limits"][0]["left"] == 0
    assert person["limits"][0]["seen"] == 5000


def test_a_selection_narrows_what_is_read(here: Served) -> None:
    here.day.entry("aud-1", "history", 60, category="hate", severity=3)
    assert [one["auditor"] for one in read(here, team="late")["people"]] == ["aud-2"]
    people = read(here, category="hate")["people"]
    assert [len(one["days"]) for one in people] == [0, 1, 0]
    assert [len(one["days"]) for one in read(here, min_severity=2)["people"]] == [0, 1, 0]
    assert [len(one["days"]) for one in read(here, from_=TODAY)["people"]] == [1, 1, 0]
    assert read(here, auditor="nobody")["people"] == []


def test_pages_hold_everybody_once(here: Served) -> None:
    seen, after = [], None
    while True:
        page = read(here, people=1, **({} if after is None else {"after": after}))
        seen += [one["auditor"] for one in page["people"]]
        after = page["after"]
        if after is None:
            break
    assert seen == ["aud-0", "aud-1", "aud-2"]


def test_a_reading_is_recorded_with_who_whom_what_for_and_when(here: Served) -> None:
    read(here, team="early", purpose="für die Übersicht")
    read(here, auditor="aud-2")
    rows = here.day.rows(
        "select at, actor, verb, subject, detail from audit where verb = 'read_exposure' order by id"
    )
    assert [row[:4] for row in rows] == [
        (NOW, "wellbeing:wim", "read_exposure", "team:early"),
        (NOW, "wellbeing:wim", "read_exposure", "auditor:aud-2"),
    ]
    detail = rows[0][4]
    assert detail == {
        "purpose": "für die Übersicht",
        "people": ["aud-0", "aud-1"],
        "from_date": "2026-11-22",
        "to_date": "2026-11-23",
        "category": None,
        "min_severity": 0,
    }


@pytest.mark.parametrize("purpose", [None, "", "   ", "x" * 501])
def test_without_a_purpose_nothing_is_read(here: Served, purpose: str | None) -> None:
    problem = read(here, 422, purpose)
    assert problem["field"].lower() == "breakwater-purpose"
    assert here.day.run("select count(*) from audit where verb = 'read_exposure'") == 0


def test_what_cannot_be_recorded_is_not_read(here: Served) -> None:
    here.day.run("revoke insert on audit from breakwater_app", owner=True)
    with pytest.raises(DBAPIError):
        read_exposure(here.day.engine, WELLBEING, Selection(YESTERDAY, TODAY), PURPOSE, NOW)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"to": YESTERDAY - timedelta(days=1)}, "to"),
        ({"from_": TODAY - timedelta(days=92)}, "to"),
        ({"from_": "yesterday"}, "from"),
        ({"people": 501}, "people"),
        ({"min_severity": 5}, "min_severity"),
        ({"auditor": "a\0b"}, "auditor"),
        ({"who": "aud-0"}, "query"),
    ],
)
def test_a_selection_is_as_described(here: Served, query: dict[str, Any], field: str) -> None:
    problem = read(here, 422, **query)
    assert problem.get("field", problem.get("faults", [{}])[0].get("field")) == field


def test_it_is_for_wellbeing_alone(here: Served) -> None:
    for actor in (LEAD, Actor("auditor", "aud-0"), Actor("operations", "ops"), Actor("upstream", "tool")):
        here.ask(actor, "/v1/exposure", 403, PURPOSE, from_=YESTERDAY, to=TODAY)
    assert here.day.run("select count(*) from audit where verb = 'read_exposure'") == 0
