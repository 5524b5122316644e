"""Leads see the limits that concern them, lower them at once and propose to raise them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from models.actor import Actor
from tests.actions.limits_day import LEAD, SECOND, WELLBEING
from tests.api.conftest import Clock, Tokens
from tests.api.lead_app import Served, served
from tests.conftest import Database


@pytest.fixture
def here(database: Database, client: TestClient, clock: Clock, tokens: Tokens) -> Iterator[Served]:
    with served(database, client, clock, tokens) as made:
        made.day.work_day()
        made.day.person("aud-1")
        made.day.limit("severe-day")
        made.day.limit("market-my", "market:MY")
        made.day.limit("early-day", "team:early", 5000, ceiling=6000)
        made.day.limit("personal", "auditor:aud-1", 3000)
        yield made


def test_a_lead_sees_what_concerns_them_and_may_do(here: Served) -> None:
    limits = {limit["key"]: limit for limit in here.ask(LEAD, "/v1/limits")["limits"]}
    assert limits.keys() == {"severe-day", "early-day"}
    assert limits["severe-day"]["may"] == ["tighten"]
    assert limits["early-day"]["may"] == ["lower", "propose"]
    assert limits["early-day"]["who"] == (
        "Wellbeing staff and leads of early may lower it at once. To raise it, wellbeing staff or a lead of "
        "early propose and another person of wellbeing approves, to 6 000 seconds at most."
    )
    shown = {
        name: limits["early-day"][name] for name in ("amount", "unit", "window_days", "ceiling", "pending")
    }
    assert shown == {"amount": 5000, "unit": "seconds", "window_days": 1, "ceiling": 6000, "pending": None}


def test_wellbeing_sees_them_all(here: Served) -> None:
    keys = [limit["key"] for limit in here.ask(WELLBEING, "/v1/limits")["limits"]]
    assert keys == ["severe-day", "market-my", "early-day", "personal"]


def test_a_lead_tightens_a_limit_for_a_team(here: Served) -> None:
    told = here.tell(LEAD, "/v1/limits/severe-day/lower", {"amount": 60})
    assert told == {
        "key": "severe-day-early",
        "scope": "team:early",
        "parent": "severe-day",
        "unit": "seconds",
        "before": 7200,
        "amount": 60,
        "withdrawn": None,
        "plans_made_before": [],
    }
    assert "severe-day-early" in [limit["key"] for limit in here.ask(LEAD, "/v1/limits")["limits"]]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": -1}, "amount"),
        ({"amount": "60"}, "amount"),
        ({"amount": 60.0}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": 2**70}, "amount"),
        ({"amount": 7200}, "amount"),
        ({}, "amount"),
        ({"amount": 60, "why": "x"}, "why"),
        ({"amount": 60, "team": "a\0b"}, "team"),
    ],
)
def test_an_amount_is_a_whole_number_and_lower(here: Served, body: object, field: str) -> None:
    problem = here.tell(LEAD, "/v1/limits/severe-day/lower", body, 422)
    assert (problem["type"], problem["field"]) == ("/problems/invalid", field)
    assert here.day.amount("severe-day") == 7200


def test_limits_of_others_are_not_there_for_a_lead(here: Served) -> None:
    for key in ("personal", "market-my", "nothing-like-this", "No%00Key"):
        assert here.tell(LEAD, f"/v1/limits/{key}/lower", {"amount": 0}, 404)["type"] == "/problems/not-found"


def test_others_lower_nothing(here: Served) -> None:
    for actor in (Actor("auditor", "aud-1"), Actor("operations", "ops"), Actor("upstream", "tool")):
        assert (
            here.tell(actor, "/v1/limits/severe-day/lower", {"amount": 0}, 403)["type"]
            == "/problems/not-allowed"
        )
        here.ask(actor, "/v1/limits", 403)


def test_a_raise_is_proposed_seen_and_approved_by_another(here: Served) -> None:
    wanted = {"amount": 6000, "reason": "They are through."}
    made = here.tell(LEAD, "/v1/limits/early-day/proposals", wanted, 201)
    assert (made["before"], made["amount"], made["state"]) == (5000, 6000, "pending")
    here.tell(LEAD, "/v1/limits/early-day/proposals", wanted, 409)
    pending = here.ask(LEAD, "/v1/limits")["limits"][1]["pending"]
    assert (pending["amount"], pending["reason"], pending["proposed_by"]) == (
        6000,
        "They are through.",
        "lia",
    )
    here.tell(LEAD, f"/v1/proposals/{made['proposal']}/approve", None, 403)
    told = here.tell(WELLBEING, f"/v1/proposals/{made['proposal']}/approve")
    assert (told["state"], told["before"], told["amount"]) == ("approved", 5000, 6000)
    limit = here.ask(LEAD, "/v1/limits")["limits"][1]
    assert (limit["amount"], limit["pending"], limit["may"]) == (6000, None, ["lower"])
    assert "nobody may raise it" in limit["who"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": 6001, "reason": "x"}, "amount"),
        ({"amount": 5000, "reason": "x"}, "amount"),
        ({"amount": 6000}, "reason"),
        ({"amount": 6000, "reason": ""}, "reason"),
        ({"amount": 6000, "reason": "x" * 501}, "reason"),
    ],
)
def test_a_proposal_that_is_none_is_refused(here: Served, body: object, field: str) -> None:
    problem = here.tell(LEAD, "/v1/limits/early-day/proposals", body, 422)
    assert (problem["type"], problem["field"]) == ("/problems/invalid", field)


def test_wellbeing_decides_but_never_its_own(here: Served) -> None:
    here.tell(WELLBEING, "/v1/limits/severe-day/proposals", {"amount": 7201, "reason": "because"}, 201)
    (mine,) = here.ask(WELLBEING, "/v1/proposals")["proposals"]
    (other,) = here.ask(SECOND, "/v1/proposals")["proposals"]
    assert (mine["yours"], other["yours"], other["amount_now"]) == (True, False, 7200)
    address = f"/v1/proposals/{mine['proposal']}"
    assert here.tell(WELLBEING, f"{address}/approve", None, 403)["type"] == "/problems/not-yours"
    # The same person with a lead's token proposes, and still does not decide.
    both = Actor("lead", "wim", ("early",))
    made = here.tell(both, "/v1/limits/early-day/proposals", {"amount": 5001, "reason": "x"}, 201)["proposal"]
    assert here.tell(WELLBEING, f"/v1/proposals/{made}/approve", None, 403)["type"] == "/problems/not-yours"
    assert here.tell(SECOND, f"{address}/refuse") == {
        "proposal": mine["proposal"],
        "state": "refused",
        "key": "severe-day",
    }
    assert here.tell(SECOND, f"{address}/approve", None, 409)["type"] == "/problems/conflict"
    assert len(here.ask(SECOND, "/v1/proposals", state="refused")["proposals"]) == 1
    here.tell(SECOND, "/v1/proposals/999/approve", None, 404)
    here.ask(LEAD, "/v1/proposals", 403)
