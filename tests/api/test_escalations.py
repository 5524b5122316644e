"""An escalation is accepted once, and its submitter learns what became of it, not who reviews it."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from fastapi import FastAPI
from psycopg.rows import dict_row
from sqlalchemy import Engine
from starlette.testclient import TestClient

from api.routes.escalations import ASKED
from models.actions.escalate import Escalation, escalate
from models.actor import Actor
from models.queries import escalations as query
from models.queries.expected_placement import NEXT_PLAN, NOT_FORETOLD, WOULD_WAIT
from models.refusal import Refusal
from tests.api import rows
from tests.api.conftest import NOW, Clock, Tokens
from tests.conftest import Database

URL = "/v1/escalations"
PLAIN = {"market": "ID", "language": "id", "category": "violence", "modality": "text", "seconds": 60}


@pytest.fixture
def tool(tokens: Tokens, database: Database) -> dict[str, str]:
    rows.policy(database.owner_url)
    return tokens("upstream", "tool-1")


def submit(client: TestClient, tool: dict[str, str], body: Any, key: str = "key-1") -> Any:
    headers = tool | {"Idempotency-Key": key, "Content-Type": "application/json"}
    return client.post(URL, content=json.dumps(body), headers=headers)


def items(database: Database) -> list[dict[str, Any]]:
    with psycopg.connect(database.owner_url, row_factory=dict_row) as connection:
        return connection.execute("select * from item order by position").fetchall()


def test_it_is_stored_for_any_day_as_it_was_asked_for(
    client: TestClient, tool: dict[str, str], database: Database
) -> None:
    answer = submit(client, tool, ASKED)
    assert answer.status_code == 202
    here = f"{URL}/case-4711"
    assert answer.json() == {
        "id": "case-4711",
        "state": "accepted",
        "expected": None,
        "sentence": NOT_FORETOLD,
        "links": {"self": here},
    }
    assert answer.headers["location"] == here
    [item] = items(database)
    told = {name: item[name] for name in ASKED if name != "due"}
    assert told == {name: value for name, value in ASKED.items() if name != "due"}
    assert item["due"] == rows.at(9)
    assert (item["kind"], item["work_date"], item["only_for"], item["reviews"]) == ("escalation", None, [], 1)
    assert (item["submitted_by"], item["submitted_at"]) == ("upstream:tool-1", NOW)
    with psycopg.connect(database.owner_url) as connection:
        audited = connection.execute("select actor, subject from audit where verb = 'escalate'").fetchall()
    assert audited == [("upstream:tool-1", "item:case-4711")]


def test_defaults_are_the_rule_books(client: TestClient, tool: dict[str, str], database: Database) -> None:
    nulls = dict.fromkeys(("id", "severity", "reviews", "priority", "release", "due", "excluded"))
    first = submit(client, tool, PLAIN, "key-1")
    second = submit(client, tool, PLAIN | nulls, "key-2")
    assert first.status_code == second.status_code == 202
    assert first.json()["id"] != second.json()["id"]
    for item in items(database):
        assert (item["severity"], item["reviews"], item["priority"], item["excluded"]) == (4, 1, 4, [])
        assert (item["release"], item["due"]) == (None, None)


def test_without_a_plan_the_next_one_can_take_it_up(client: TestClient, tool: dict[str, str]) -> None:
    said = submit(client, tool, PLAIN).json()
    assert (said["expected"], said["sentence"]) == (None, NEXT_PLAN)


def test_the_same_again_is_the_same_answer(
    client: TestClient, tool: dict[str, str], database: Database
) -> None:
    first = submit(client, tool, PLAIN)
    again = submit(client, tool, {**dict(reversed(PLAIN.items())), "priority": None})
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["location"] == first.headers["location"]
    assert len(items(database)) == 1


def test_the_key_with_something_else_is_refused(
    client: TestClient, tool: dict[str, str], database: Database
) -> None:
    submit(client, tool, PLAIN)
    answer = submit(client, tool, PLAIN | {"seconds": 61})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/key-reused")
    assert answer.json()["field"] == "Idempotency-Key"
    assert len(items(database)) == 1


def test_a_key_belongs_to_whoever_sent_it(
    client: TestClient, tool: dict[str, str], tokens: Tokens, database: Database
) -> None:
    assert submit(client, tool, PLAIN).status_code == 202
    assert submit(client, tokens("upstream", "tool-2"), PLAIN | {"seconds": 90}).status_code == 202
    assert len(items(database)) == 2


def test_a_key_of_a_request_that_was_refused_is_free(client: TestClient, tool: dict[str, str]) -> None:
    assert submit(client, tool, PLAIN | {"category": "unknown"}).status_code == 422
    assert submit(client, tool, PLAIN).status_code == 202


def test_many_at_once_with_one_key_make_one(engine: Engine, database: Database) -> None:
    rows.policy(database.owner_url)
    actor = Actor("upstream", "tool-1")
    asked = Escalation(None, "ID", "id", "violence", None, "text", 60, 1, 4, None, None, ())
    at_once = 8
    start = threading.Barrier(at_once)

    def one(round_: int) -> tuple[str, bool]:
        start.wait()
        done = escalate(engine, actor, f"key-{round_}", asked, NOW)
        return done.id, done.repeated

    with ThreadPoolExecutor(at_once) as pool:
        for round_ in range(10):
            done = list(pool.map(one, [round_] * at_once))
            assert len({id_ for id_, _ in done}) == 1
            assert sorted(repeated for _, repeated in done) == [False] + [True] * (at_once - 1)
    assert len(items(database)) == 10


def test_many_at_once_with_one_key_and_different_bodies(engine: Engine, database: Database) -> None:
    rows.policy(database.owner_url)
    actor = Actor("upstream", "tool-1")
    start = threading.Barrier(4)

    def one(seconds: int) -> str:
        start.wait()
        try:
            asked = Escalation(None, "ID", "id", "violence", None, "text", seconds, 1, 4, None, None, ())
            escalate(engine, actor, "key", asked, NOW)
        except Refusal as refusal:
            return refusal.kind
        return "accepted"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(one, [60, 61, 62, 63])) == ["accepted"] + ["key-reused"] * 3
    assert len(items(database)) == 1


def test_an_id_that_is_taken_is_refused(client: TestClient, tool: dict[str, str], tokens: Tokens) -> None:
    assert submit(client, tool, ASKED).status_code == 202
    for sender in (tool, tokens("upstream", "tool-2")):
        answer = submit(client, sender, ASKED, "key-2")
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")
        assert answer.json()["field"] == "id"


FIELDS: list[tuple[str, object, str | None]] = [
    ("market", "Indonesia", "has more than 2 signs"),
    ("market", "id", "is not a market of two capital letters such as ID"),
    ("language", "i d", "is not a BCP 47 language tag such as pt-BR"),
    ("category", "Violence!", "is not a word of the letters a-z, digits and hyphens"),
    ("category", "arson", None),
    ("severity", 5, "is above 4"),
    ("severity", "3", "is not a whole number"),
    ("severity", 3.0, "is not a whole number"),
    ("severity", True, "is not a whole number"),
    ("modality", "smell", "is none of 'text', 'image', 'audio', 'video' or 'live'"),
    ("seconds", 0, "is below 1"),
    ("seconds", 57_601, "is above 57600"),
    ("seconds", 10**40, "is above 57600"),
    ("reviews", 0, "is below 1"),
    ("priority", 0, "is below 1"),
    ("due", 0, "is no instant in whole seconds with its offset, such as 2026-11-23T08:00:00Z"),
    ("due", "2026-11-23", "is no instant in whole seconds with its offset, such as 2026-11-23T08:00:00Z"),
    ("due", "2026-11-23T08:00:00", None),
    ("due", "2026-11-23T08:00:00.5Z", None),
    ("due", "2026-02-30T08:00:00Z", "is no instant of the calendar"),
    ("due", "2026-02-20T08:00:60Z", "is no instant of the calendar"),
    ("due", "0001-01-01T00:00:00+23:59", "is not between the years 2001 and 2098"),
    ("due", "9999-12-31T23:59:59-23:59", "is not between the years 2001 and 2098"),
    ("due", "2026-11-23T08:00:00+25:00", "is no instant of the calendar"),
    ("excluded", ["a", "a"], "holds an entry twice"),
    ("excluded", "a", "is not a list"),
    ("excluded", ["a\0"], "holds signs that cannot be printed"),
    ("excluded", ["a"] * 101, "has more than 100 entries"),
    ("excluded", ["\ud800"], None),
    ("id", "a/b", "is not written as described"),
    ("id", "", "is empty"),
    ("id", "a" * 101, "has more than 100 signs"),
    ("id", "a\n", "is not written as described"),
    ("note", "x", "is not known here"),
    ("only", ["aud-01"], "is not known here"),
]
"""A field, what is wrong with it, and the sentence where it is ours to choose."""


def test_each_field_is_looked_at(client: TestClient, tool: dict[str, str], database: Database) -> None:
    for field, value, sentence in FIELDS:
        answer = submit(client, tool, PLAIN | {field: value})
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid"), (field, value)
        said = answer.json()
        assert said["field"].startswith(field), (field, value)
        if sentence is not None:
            assert said["faults"][0]["sentence"] == sentence, (field, value)
    assert items(database) == []


def test_every_field_at_fault_is_named(client: TestClient, tool: dict[str, str]) -> None:
    secret = "Anna-Lena"
    answer = submit(client, tool, {"market": secret, "excluded": [1, "b", secret + "\n"], secret: 1})
    fields = {fault["field"] for fault in answer.json()["faults"]}
    assert {"market", "excluded[0]", "excluded[2]", "language", "category", "modality", "seconds"} <= fields
    assert answer.text.count(secret) <= 1  # the unknown field's name, no value


def test_the_key_is_needed(client: TestClient, tool: dict[str, str]) -> None:
    for key in (None, "", " ", "a b", "ä", "k" * 201):
        sent: dict[str, Any] = {} if key is None else {"Idempotency-Key": key.encode("latin-1")}
        answer = client.post(URL, json=PLAIN, headers=tool | sent)
        assert answer.status_code == 422, key
        assert answer.json()["field"] == "Idempotency-Key", key


def test_several_keys_are_refused(client: TestClient, tool: dict[str, str], database: Database) -> None:
    """Under which of them it is known, nobody could say."""
    for first, second in (("key-1", "key-2"), ("key-1", "key-1")):
        keys = [("Idempotency-Key", first), ("idempotency-key", second)]
        answer = client.post(URL, json=PLAIN, headers=[*tool.items(), *keys])
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json() == {
            "type": "/problems/invalid",
            "title": answer.json()["title"],
            "status": 422,
            "detail": "Idempotency-Key is given twice.",
            "field": "Idempotency-Key",
            "faults": [{"field": "Idempotency-Key", "sentence": "is given twice"}],
        }
    assert items(database) == []
    # Who may not call it at all is told only that.
    assert client.post(URL, json=PLAIN, headers=keys).status_code == 401


def test_due_before_release(client: TestClient, tool: dict[str, str]) -> None:
    times = {"release": "2026-11-23T08:00:00Z", "due": "2026-11-23T08:59:59+01:00"}
    answer = submit(client, tool, PLAIN | times)
    assert (answer.status_code, answer.json()["field"]) == (422, "due")
    times["due"] = "2026-11-23T09:00:00+01:00"
    assert submit(client, tool, PLAIN | times).status_code == 202


def test_without_a_policy_nothing_is_accepted(client: TestClient, tokens: Tokens) -> None:
    answer = submit(client, tokens("upstream"), PLAIN)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")


def test_a_policy_without_a_list_knows_every_category(
    client: TestClient, tokens: Tokens, database: Database
) -> None:
    rows.policy(database.owner_url, None)
    assert submit(client, tokens("upstream"), PLAIN | {"category": "arson"}).status_code == 202


# ------------------------------------------------------------------------------------------ what became of it


def accepted(client: TestClient, tool: dict[str, str], **more: Any) -> str:
    answer = submit(client, tool, PLAIN | {"id": "e-1"} | more)
    assert answer.status_code == 202
    return f"{URL}/e-1"


def test_it_is_accepted_until_a_plan_has_seen_it(client: TestClient, tool: dict[str, str]) -> None:
    here = accepted(client, tool)
    answer = client.get(here, headers=tool)
    assert answer.status_code == 200
    assert answer.json() == {
        "id": "e-1",
        "state": "accepted",
        "submitted_at": "2026-11-22T15:00:00Z",
        "reviews": 1,
        "missing": 0,
        "sentence": None,
        "planned": [],
    }


def test_from_planned_to_done(client: TestClient, tool: dict[str, str], database: Database) -> None:
    here = accepted(client, tool, reviews=2)
    owner = database.owner_url
    rows.auditor(owner, "aud-01")
    rows.auditor(owner, "aud-02")
    plan = rows.published(owner)
    rows.slot(owner, plan, "e-1", "aud-01", review_no=1)
    rows.slot(owner, plan, "e-1", "aud-02", review_no=2)
    answer = client.get(here, headers=tool)
    assert answer.json()["state"] == "planned"
    assert answer.json()["planned"] == [
        {"start": "2026-11-23T02:01:00Z", "end": "2026-11-23T02:05:00Z", "state": "planned"},
        {"start": "2026-11-23T02:02:00Z", "end": "2026-11-23T02:06:00Z", "state": "planned"},
    ]
    steps = [
        ("started", "aud-01", "started"),
        ("done", "aud-01", "started"),
        ("started", "aud-02", "started"),
        ("done", "aud-02", "done"),
    ]
    for state, name, told in steps:
        with psycopg.connect(owner) as connection:
            connection.execute(
                "update slot set state = %(state)s, started_at = %(at)s,"
                " ended_at = case when %(state)s = 'done' then %(at)s end,"
                " seen_seconds = case when %(state)s = 'done' then 4321 end where auditor = %(name)s",
                {"state": state, "at": rows.at(3), "name": name},
            )
        answer = client.get(here, headers=tool)
        assert answer.json()["state"] == told
        assert "aud-" not in answer.text  # nobody's name,
        assert "4321" not in answer.text  # what nobody saw,
        assert "T03:00" not in answer.text  # and when nobody really did


def test_left_out_without_a_figure_of_anybody(
    client: TestClient, tool: dict[str, str], database: Database
) -> None:
    here = accepted(client, tool)
    owner = database.owner_url
    plan = rows.published(owner)
    rows.left_out(owner, plan, "e-1", {"language": 5, "protected": 1, "shift": 2, "capacity": 6})
    said = client.get(here, headers=tool).json()
    assert (said["state"], said["missing"]) == ("left-out", 1)
    assert said["sentence"] == query.NOBODY_FREE
    assert not set(said["sentence"]) & set("0123456789")
    # Another plan, and its word counts.
    rows.published(owner, version=2)
    assert client.get(here, headers=tool).json()["state"] == "accepted"


def test_planned_in_part(client: TestClient, tool: dict[str, str], database: Database) -> None:
    here = accepted(client, tool, reviews=3)
    owner = database.owner_url
    rows.auditor(owner)
    plan = rows.published(owner)
    rows.slot(owner, plan, "e-1", "aud-01")
    rows.left_out(owner, plan, "e-1", {"has-it": 1}, missing=2)
    said = client.get(here, headers=tool).json()
    assert (said["state"], said["reviews"], said["missing"]) == ("planned", 3, 2)
    assert said["sentence"] == query.NOBODY_FREE


def test_withdrawn(client: TestClient, tool: dict[str, str], database: Database) -> None:
    here = accepted(client, tool)
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("update item set withdrawn_at = now()")
    assert client.get(here, headers=tool).json()["state"] == "withdrawn"


def test_slots_that_were_taken_back_do_not_count(
    client: TestClient, tool: dict[str, str], database: Database
) -> None:
    here = accepted(client, tool)
    rows.auditor(database.owner_url)
    rows.slot(database.owner_url, rows.published(database.owner_url), "e-1", "aud-01", state="withdrawn")
    said = client.get(here, headers=tool).json()
    assert (said["state"], said["planned"]) == ("accepted", [])


def test_what_is_not_theirs_is_not_there(client: TestClient, tool: dict[str, str], tokens: Tokens) -> None:
    accepted(client, tool)
    other = tokens("upstream", "tool-2")
    for item in ("e-1", "none", "%00", "a%2Fb", "x" * 5000):
        answer = client.get(f"{URL}/{item}", headers=other)
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found"), item


def test_a_sample_is_no_escalation(client: TestClient, tool: dict[str, str], database: Database) -> None:
    accepted(client, tool)
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("update item set kind = 'sample', stratum = 's', draw = 1")
    assert client.get(f"{URL}/e-1", headers=tool).status_code == 404


def test_accepting_has_it_placed(client: TestClient, tool: dict[str, str], database: Database) -> None:
    accepted(client, tool)
    with psycopg.connect(database.owner_url) as connection:
        filed = connection.execute("select kind, payload, dedupe_key, state from task").fetchall()
    assert filed == [("place", {"item": "e-1"}, "place:e-1", "waiting")]


@pytest.fixture
def on_shift(database: Database) -> str:
    """Two people on shift, and a plan in force that leaves them free."""
    owner = database.owner_url
    rows.auditor(owner, "aud-01")
    rows.auditor(owner, "aud-02")
    rows.published(owner)
    return owner


PREVIEW = f"{URL}:preview"


@pytest.mark.usefixtures("on_shift")
def test_it_says_where_it_is_to_go_and_the_same_later(
    client: TestClient, tool: dict[str, str], clock: Clock
) -> None:
    first = submit(client, tool, PLAIN).json()
    expected = {"start": "2026-11-23T01:00:00Z", "end": "2026-11-23T01:01:00Z", "late": False}
    assert (first["expected"], first["sentence"]) == (expected, None)
    clock.forward(timedelta(hours=12))
    assert submit(client, tool, PLAIN).json() == first


@pytest.mark.usefixtures("on_shift")
def test_a_preview_says_where_it_would_go_and_stores_nothing(
    client: TestClient, tool: dict[str, str], tokens: Tokens, database: Database
) -> None:
    for who in (tool, tokens("lead", "lead-1")):
        answer = client.post(PREVIEW, json=PLAIN, headers=who)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {
            "expected": {"start": "2026-11-23T01:00:00Z", "end": "2026-11-23T01:01:00Z", "late": False},
            "sentence": None,
            "ruled_out": None,
            "earliest": None,
        }
    assert items(database) == []
    with psycopg.connect(database.owner_url) as connection:
        assert connection.execute("select 1 from task").fetchone() is None


def test_where_nobody_can_a_lead_is_told_what_binds_and_a_tool_is_not(
    client: TestClient, tool: dict[str, str], tokens: Tokens, on_shift: str
) -> None:
    with psycopg.connect(on_shift) as connection:
        connection.execute("update shift set opt_outs = '{violence}' where auditor = 'aud-01'")
        connection.execute("update shift set languages = '{en}' where auditor = 'aud-02'")
    answer = client.post(PREVIEW, json=PLAIN, headers=tool).json()
    assert answer == {
        "expected": None, "sentence": WOULD_WAIT, "ruled_out": None, "earliest": None
    }  # fmt: skip
    lead = tokens("lead", "lead-1")
    told = client.post(PREVIEW, json=PLAIN, headers=lead).json()
    assert told["ruled_out"] == {"language": 1, "not-free": 1}
    assert told["sentence"] == "2 auditors: 1 does not speak id, 1 is not free for it."
    assert "protected" not in json.dumps(told)


@pytest.mark.usefixtures("on_shift")
def test_nobody_can_ask_about_the_one_who_is_left(
    client: TestClient, tool: dict[str, str], tokens: Tokens
) -> None:
    for who in (tool, tokens("lead", "lead-1")):
        for excluded in (["aud-02"], ["nobody-at-all"], ["aud-01", "aud-02"]):
            answer = client.post(PREVIEW, json=PLAIN | {"excluded": excluded}, headers=who)
            assert (answer.status_code, answer.json()["field"]) == (422, "excluded")
            assert answer.json()["detail"] == (
                "excluded is not for a preview: whoever may leave people out could ask about the one who is "
                "left."
            )
        emptied: tuple[dict[str, Any], ...] = ({"excluded": []}, {"excluded": None})
        for body in emptied:
            assert client.post(PREVIEW, json=PLAIN | body, headers=who).status_code == 200


def test_where_people_are_excluded_no_place_is_foretold(
    client: TestClient, tool: dict[str, str], on_shift: str, database: Database
) -> None:
    """The answer is one and the same, whatever the one who is left takes and however much room they have."""
    asked = PLAIN | {"excluded": ["aud-02"]}

    def answer(number: int) -> dict[str, Any]:
        told = submit(client, tool, asked, f"key-{number}")
        assert told.status_code == 202
        again = submit(client, tool, asked, f"key-{number}")
        assert (again.status_code, again.json()) == (202, told.json())
        return {name: told.json()[name] for name in ("state", "expected", "sentence")}

    free = answer(1)
    with psycopg.connect(on_shift) as connection:
        connection.execute("update shift set opt_outs = '{violence}' where auditor = 'aud-01'")
    opted_out = answer(2)
    with psycopg.connect(on_shift) as connection:
        connection.execute("update plan set state = 'superseded'")
    without_plan = answer(3)
    assert free == opted_out == without_plan
    assert free == {"state": "accepted", "expected": None, "sentence": NOT_FORETOLD}
    # It is kept away from whoever is named all the same.
    assert [item["excluded"] for item in items(database)] == [["aud-02"]] * 3


@pytest.mark.usefixtures("on_shift")
def test_a_preview_refuses_what_would_be_refused(
    client: TestClient, tool: dict[str, str], tokens: Tokens
) -> None:
    late = {"release": "2026-11-23T08:00:00Z", "due": "2026-11-23T07:59:59Z"}
    for change, field in (({"category": "arson"}, "category"), (late, "due")):
        body = PLAIN | change
        sent = submit(client, tool, body)
        assert (sent.status_code, sent.json()["field"]) == (422, field)
        for who in (tool, tokens("lead", "lead-1")):
            asked = client.post(PREVIEW, json=body, headers=who)
            assert (asked.status_code, asked.json()) == (422, sent.json())


def test_without_a_policy_a_preview_says_so_too(client: TestClient, tokens: Tokens) -> None:
    upstream = tokens("upstream")
    sent = submit(client, upstream, PLAIN)
    asked = client.post(PREVIEW, json=PLAIN, headers=upstream)
    assert (asked.status_code, asked.json()) == (sent.status_code, sent.json())


def test_a_preview_promises_nothing_for_what_is_not_sent(
    client: TestClient, tool: dict[str, str], database: Database
) -> None:
    """Nothing is stored, so nothing takes it up or tries it again."""
    assert client.post(PREVIEW, json=PLAIN, headers=tool).json()["sentence"] == (
        "No plan is in force that it could go into; the next plan can take it up."
    )
    rows.auditor(database.owner_url)
    rows.published(database.owner_url)
    said = client.post(PREVIEW, json=PLAIN | {"language": "en"}, headers=tool).json()["sentence"]
    assert said.startswith("Nobody who could take it is free for it at present; sent now, ")


def test_the_description_shows_a_preview_without_people_who_are_excluded(client: TestClient) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    preview = schemas["PreviewRequest"]
    assert preview["properties"]["excluded"]["anyOf"][0]["maxItems"] == 0
    assert [example for example in preview["examples"] if "excluded" in example] == []
    assert schemas["EscalationRequest"]["properties"]["excluded"]["anyOf"][0]["maxItems"] == 100


def test_what_is_taken_back_is_withdrawn(client: TestClient, tool: dict[str, str], tokens: Tokens) -> None:
    here = accepted(client, tool)
    assert client.delete(here, headers=tokens("upstream", "tool-2")).status_code == 404
    for _ in range(2):
        answer = client.delete(here, headers=tool)
        assert (answer.status_code, answer.json()) == (200, {"id": "e-1", "state": "withdrawn"})
    assert client.get(here, headers=tool).json()["state"] == "withdrawn"


def test_with_too_much_to_do_nothing_is_stored(
    client: TestClient, app: FastAPI, tool: dict[str, str], database: Database
) -> None:
    parts = app.state.parts
    app.state.parts = replace(parts, settings=parts.settings.model_copy(update={"most_waiting": 2}))
    for number in range(3):
        assert submit(client, tool, PLAIN, f"key-{number}").status_code == 202
    answer = submit(client, tool, PLAIN, "key-3")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/overloaded")
    assert int(answer.headers["Retry-After"]) > 0
    assert len(items(database)) == 3
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("update task set state = 'done', ended_at = now()")
    assert submit(client, tool, PLAIN, "key-3").status_code == 202


def test_leads_see_what_waits_and_nobody_is_singled_out(
    client: TestClient, tool: dict[str, str], tokens: Tokens, database: Database
) -> None:
    here = accepted(client, tool)
    with psycopg.connect(database.owner_url) as connection:
        connection.execute(
            "insert into waiting_escalation (item, since, tried_at, tries, work_date, missing, earliest,"
            " ruled_out, sentence, told_at)"
            " values ('e-1', %(now)s, %(now)s, 1, %(day)s, 1, %(later)s, %(why)s, '-', %(now)s)",
            {
                "now": NOW,
                "day": rows.DAY,
                "later": rows.at(20),
                "why": json.dumps({"language": 4, "protected": 1, "capacity": 9}),
            },
        )
    lead = tokens("lead", "lead-1")
    answer = client.get("/v1/coverage/escalations", headers=lead)
    assert answer.status_code == 200, answer.text
    [waiting] = answer.json()["waiting"]
    assert (waiting["item"], waiting["missing"], waiting["earliest"]) == ("e-1", 1, "2026-11-23T20:00:00Z")
    assert waiting["ruled_out"] == {"language": 4, "not-free": 10}
    assert waiting["sentence"].startswith("14 auditors: 4 do not speak")
    assert client.get("/v1/coverage/escalations", headers=tool).status_code == 403
    told = client.get(here, headers=tool).json()
    assert (told["state"], told["missing"], told["sentence"]) == ("left-out", 1, query.NOBODY_FREE)
