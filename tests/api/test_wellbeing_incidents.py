"""Wellbeing staff read where something was worse than expected, and that they did is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from models.actions.complete import Outcome, complete
from models.actions.settle_exposure import Seen
from models.actor import Actor
from tests.actions.limits_day import LEAD, NOW, TODAY, WELLBEING
from tests.api.conftest import Clock, Tokens
from tests.api.lead_app import Served, served
from tests.conftest import Database

YESTERDAY = TODAY - timedelta(days=1)
PURPOSE = "looking after people"
AGREE = Outcome("agree")


@pytest.fixture
def here(database: Database, client: TestClient, clock: Clock, tokens: Tokens) -> Iterator[Served]:
    with served(database, client, clock, tokens) as made:
        made.day.work_day()
        for number in range(3):
            made.day.person(f"aud-{number}")
        made.day.limit("severe-day", amount=1000, min_severity=3)
        made.day.limit("severe-week", amount=1500, min_severity=3, window_days=7)
        yield made


def saw(here: Served, auditor: str, seconds: int, severity: int = 3, **seen: Any) -> int:
    """A review that was expected to be of severity 1, done; its slot."""
    count = int(here.day.run("select count(*) from item"))
    here.day.item(f"i-{count}", draw=count + 1)
    slot = here.day.slot(auditor, f"i-{count}", state="started", started_at=NOW)
    here.day.entry(auditor, "reserve", 60, slot=slot)
    shown = Seen(seconds, severity=severity, **seen)
    complete(here.day.engine, Actor("auditor", auditor), slot, shown, AGREE, NOW)
    return slot


def read(here: Served, status: int = 200, purpose: str | None = PURPOSE, **query: Any) -> Any:
    query = {"from_": YESTERDAY, "to": TODAY} | query
    return here.ask(WELLBEING, "/v1/exposure/incidents", status, purpose, **query)


def test_who_when_and_what_it_was_instead(here: Served) -> None:
    saw(here, "aud-0", 40, 1)
    saw(here, "aud-1", 1001, 4, category="violence", modality="video")
    assert read(here) == {
        "from": "2026-11-22",
        "to": "2026-11-23",
        "incidents": [
            {
                "auditor": "aud-1",
                "team": "early",
                "work_date": "2026-11-23",
                "at": "2026-11-23T12:00:00Z",
                "item": "i-1",
                "expected": {"category": "adult", "severity": 1, "modality": "image"},
                "seen": {"category": "violence", "severity": 4, "modality": "video"},
                "seconds": 1001,
                "passed": ["severe-day"],
            }
        ],
        "after": None,
    }


@pytest.mark.parametrize(("seconds", "passed"), [(999, []), (1000, []), (1001, ["severe-day"])])
def test_a_limit_is_passed_with_the_first_second_beyond_it(
    here: Served, seconds: int, passed: list[str]
) -> None:
    saw(here, "aud-0", seconds)
    assert read(here)["incidents"][0]["passed"] == passed


def test_each_limit_is_passed_once_and_by_ones_own_exposure(here: Served) -> None:
    here.day.entry("aud-0", "history", 400, YESTERDAY, severity=3)
    here.day.entry("aud-1", "history", 9000, severity=3)
    for _ in range(3):
        saw(here, "aud-0", 600)
    found = [one["passed"] for one in read(here)["incidents"]]
    assert found == [[], ["severe-day", "severe-week"], []]
    # What came later is not what passed it.
    here.day.entry("aud-2", "history", 9000, severity=3)
    saw(here, "aud-2", 10)
    assert read(here)["incidents"][-1]["passed"] == []


def test_a_share_of_the_limit_is_what_counts_for_whoever_is_new(here: Served) -> None:
    here.day.run("update shift set exposure_percent = 50 where auditor = 'aud-0'")
    saw(here, "aud-0", 501)
    assert read(here)["incidents"][0]["passed"] == ["severe-day"]


def test_only_of_the_dates_asked_for(here: Served) -> None:
    saw(here, "aud-0", 10)
    assert read(here, to=YESTERDAY)["incidents"] == []
    assert len(read(here, from_=TODAY)["incidents"]) == 1


def test_pages_hold_each_once(here: Served) -> None:
    for number in range(5):
        saw(here, f"aud-{number % 3}", 10 + number)
    seen: list[int] = []
    after: dict[str, Any] = {}
    for _ in range(3):
        page = read(here, incidents=2, **after)
        seen += [one["seconds"] for one in page["incidents"]]
        after = {"after": page["after"]}
    assert (seen, page["after"]) == ([10, 11, 12, 13, 14], None)


def test_a_reading_is_recorded_with_all_whom_it_shows(here: Served) -> None:
    for auditor in ("aud-1", "aud-0", "aud-1"):
        saw(here, auditor, 10)
    read(here)
    rows = here.day.rows("select at, actor, subject, detail from audit where verb = 'read_incidents'")
    assert rows == [
        (
            NOW,
            "wellbeing:wim",
            "everybody",
            {
                "purpose": PURPOSE,
                "people": ["aud-0", "aud-1"],
                "from_date": "2026-11-22",
                "to_date": "2026-11-23",
            },
        )
    ]


@pytest.mark.parametrize(
    ("purpose", "query"),
    [
        (None, {}),
        (" ", {}),
        (PURPOSE, {"to": TODAY - timedelta(days=2)}),
        (PURPOSE, {"to": TODAY + timedelta(92)}),
    ],
)
def test_without_a_purpose_or_of_too_much_nothing_is_read(
    here: Served, purpose: str | None, query: dict[str, Any]
) -> None:
    read(here, 422, purpose, **query)
    assert here.day.run("select count(*) from audit where verb = 'read_incidents'") == 0


@pytest.mark.parametrize(
    "actor", [LEAD, Actor("auditor", "aud-0"), Actor("operations", "ops"), Actor("upstream", "tool")]
)
def test_nobody_else_reads_them(here: Served, actor: Actor) -> None:
    here.ask(actor, "/v1/exposure/incidents", 403, PURPOSE, from_=TODAY, to=TODAY)


def test_people_see_their_own_breaks_as_facts(here: Served) -> None:
    begins = datetime(2026, 11, 23, 10, tzinfo=NOW.tzinfo)
    breaks: list[tuple[str, int | None, int | None]] = [
        ("done", 0, 10),
        ("started", 100, None),
        ("planned", None, None),
        ("withdrawn", None, None),
    ]
    for state, start, minutes in breaks:
        here.day.run(
            "insert into slot (auditor, work_date, kind, label, planned_start, planned_end, state,"
            " started_at, ended_at)"
            " values ('aud-0', :day, 'break', 'short', :begins, :ends, :state, :start, :finish)",
            day=TODAY,
            begins=begins,
            ends=begins + timedelta(minutes=15),
            state=state,
            start=None if start is None else begins + timedelta(minutes=start),
            finish=None if minutes is None else begins + timedelta(minutes=minutes),
        )
    here.day.item("i-9")
    slot = here.day.slot("aud-0", "i-9", state="done")
    here.day.run(
        "update slot set pauses = tstzmultirange(tstzrange(started_at, started_at + interval '90 seconds'))"
        " where id = :slot",
        slot=slot,
    )
    mine = here.ask(Actor("auditor", "aud-0"), "/v1/me/exposure")
    # Ten minutes, the twenty up to now of the one that runs, and a pause.
    assert mine["breaks"] == [
        {"work_date": "2026-11-23", "taken": 3, "seconds": 1890, "planned": 1, "planned_seconds": 900}
    ]
    assert here.ask(Actor("auditor", "aud-1"), "/v1/me/exposure")["breaks"] == []
