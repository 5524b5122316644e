"""Saying who is there, and what is not wanted any more, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from models.actor import Actor
from tests.actions.limits_day import LEAD, NOW, TODAY
from tests.api.conftest import Clock, Tokens
from tests.api.lead_app import Served, served
from tests.conftest import Database

OPERATIONS = Actor("operations", "olga")
UPSTREAM = Actor("upstream", "tool")
WELLBEING = Actor("wellbeing", "wim")
LATE_LEAD = Actor("lead", "lou", ("late",))
HERE = f"/v1/shifts/{TODAY}/ada"


@pytest.fixture
def here(database: Database, client: TestClient, clock: Clock, tokens: Tokens) -> Iterator[Served]:
    """Ada of the team `early` is on shift from 6 to 14 o'clock UTC; it is noon."""
    with served(database, client, clock, tokens) as found:
        found.day.person("ada")
        found.day.work_day()
        yield found


def test_a_lead_says_who_is_there(here: Served) -> None:
    absent = here.tell(LEAD, f"{HERE}/absent")
    assert absent == {
        "auditor": "ada",
        "work_date": str(TODAY),
        "there": "absent",
        "there_from": f"{TODAY}T06:00:00Z",
        "there_until": f"{TODAY}T06:00:00Z",
        "taken_back": 0,
    }
    assert here.tell(LEAD, f"{HERE}/absent") == absent
    late = here.tell(OPERATIONS, f"{HERE}/late", {"arrives_at": f"{TODAY}T20:00:00+07:00"})
    assert (late["there"], late["there_from"]) == ("late", f"{TODAY}T13:00:00Z")
    assert here.tell(LEAD, f"{HERE}/present")["there"] == "there"


@pytest.mark.parametrize("verb", ["absent", "late"])
def test_who_is_at_work_is_neither_absent_nor_late(here: Served, verb: str) -> None:
    """A review is on the screen. Once it is paused it goes back; whoever asks is not told so."""
    body = {"arrives_at": f"{TODAY}T13:00:00Z"} if verb == "late" else None
    here.day.item("s1")
    slot = here.day.slot("ada", "s1", state="started", leased_until=NOW + timedelta(minutes=1))
    refused = here.tell(LEAD, f"{HERE}/{verb}", body, status=409)
    assert refused["detail"] == "They are at work: a review of theirs is on the screen."
    here.day.run(
        "update slot set leased_until = null, pauses = tstzmultirange(tstzrange(:now, null))", now=NOW
    )
    said = here.tell(LEAD, f"{HERE}/{verb}", body)
    assert (said["there"], said["taken_back"]) == (verb, 0)
    assert set(said) == {"auditor", "work_date", "there", "there_from", "there_until", "taken_back"}
    assert here.day.rows("select id, state, ended_by from slot") == [(slot, "skipped", "day")]


def test_nobody_else_does(here: Served) -> None:
    for verb, body in (("absent", None), ("late", {"arrives_at": f"{TODAY}T13:00:00Z"}), ("present", None)):
        for actor in (UPSTREAM, WELLBEING):
            here.tell(actor, f"{HERE}/{verb}", body, status=403)
        # Another lead does not learn that she is on shift.
        other = here.tell(LATE_LEAD, f"{HERE}/{verb}", body, status=404)
        nobody = here.tell(LATE_LEAD, f"/v1/shifts/{TODAY}/zoe/{verb}", body, status=404)
        assert other["detail"] == nobody["detail"]
    assert here.day.rows("select available_from, available_until from shift") == [(None, None)]


def test_what_makes_no_sense(here: Served) -> None:
    assert here.tell(LEAD, f"{HERE}/late", {}, status=422)["field"] == "arrives_at"
    assert here.tell(LEAD, f"{HERE}/late", {"arrives_at": "noon"}, status=422)["field"] == "arrives_at"
    too_late = here.tell(LEAD, f"{HERE}/late", {"arrives_at": f"{TODAY}T14:00:00Z"}, status=422)
    assert too_late["field"] == "arrives_at"
    here.clock.now = NOW + timedelta(hours=2)
    assert here.tell(LEAD, f"{HERE}/absent", status=409)["type"] == "/problems/conflict"


def test_operations_withdraw_an_item(here: Served) -> None:
    here.day.item("s 1")
    assert here.tell(OPERATIONS, "/v1/items/s%201/withdraw") == {"item": "s 1", "taken_back": 0}
    assert here.tell(OPERATIONS, "/v1/items/s%201/withdraw") == {"item": "s 1", "taken_back": 0}
    assert here.day.rows("select withdrawn_at from item") == [(NOW,)]
    here.tell(OPERATIONS, "/v1/items/s2/withdraw", status=404)
    here.tell(LEAD, "/v1/items/s%201/withdraw", status=403)
