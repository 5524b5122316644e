"""Who may call what: declared by every route, and kept."""

from __future__ import annotations

import hashlib
import math
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import Engine
from starlette.testclient import TestClient

import api
from api.access import Allow, allow, public
from api.openapi import declared, routes_of
from models.actions.issue_token import MOST_DAYS, issue_token
from models.actions.revoke_token import revoke_token
from models.actor import PERSONAS, SYSTEM, Persona
from models.refusal import Refusal
from tests.api import rows
from tests.api.conftest import NOW, Clock, Tokens
from tests.conftest import Database

PUBLIC = {"/healthz", "/readyz", "/problems/{kind}", "/openapi.json"}
"""All that is shown without a token; whoever adds to it says so here too."""
STREAMS = {"/v1/events"}


def undeclared(app: FastAPI) -> list[str]:
    return [route.path for route in routes_of(app) if len(declared(route)) != 1]


def test_every_route_declares_who_may_call_it_once(app: FastAPI) -> None:
    assert undeclared(app) == []
    assert {route.path for route in routes_of(app) if declared(route) == [None]} == PUBLIC


def test_the_readme_says_who_may_call_what(app: FastAPI) -> None:
    readme = Path(api.__file__).with_name("README.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `([A-Z]+) (/\S+)` \| ([a-z, ]+) \|$", readme, re.MULTILINE))
    there_are = {
        (method, route.path, ", ".join(allowed.personas) if allowed else "public")
        for route in routes_of(app)
        for allowed in declared(route)
        for method in route.methods or ()
    }
    assert told == there_are


def test_a_route_that_declares_nothing_or_twice_is_found(app: FastAPI) -> None:
    @app.get("/forgotten")
    def forgotten() -> None: ...

    @app.get("/both", dependencies=[Depends(public), Depends(allow("lead"))])
    def both() -> None: ...

    assert undeclared(app) == ["/forgotten", "/both"]


def test_nobody_is_no_persona() -> None:
    with pytest.raises(ValueError, match="persona"):
        allow()


def guarded(app: FastAPI) -> list[tuple[str, str, Allow]]:
    """Method, an address and who may call it, for each route that is not public."""
    found = []
    for route in routes_of(app):
        allowed = declared(route)[0]
        if allowed is not None:
            found += [(method, address(route), allowed) for method in sorted(route.methods or ())]
    return found


def address(route: APIRoute) -> str:
    # A stream has no end, which this client would wait for: what it asks for is malformed.
    query = "?after=x" if route.path in STREAMS else ""
    return re.sub(r"\{\w+\}", "1", route.path) + query


def test_without_a_token_every_guarded_route_answers_401(app: FastAPI, client: TestClient) -> None:
    calls = guarded(app)
    assert len(calls) >= 5
    for method, path, _ in calls:
        answer = client.request(method, path)
        assert answer.status_code == 401, (method, path)
        assert answer.json()["type"] == "/problems/unauthenticated"
        assert answer.headers["www-authenticate"] == 'Bearer realm="breakwater"'


def test_each_route_is_for_its_personas_and_no_other(
    app: FastAPI, client: TestClient, database: Database, tokens: Tokens
) -> None:
    rows.auditor(database.owner_url)
    headers = {persona: tokens(persona, "aud-01") for persona in PERSONAS}
    seen: set[Persona] = set()
    for method, path, allowed in guarded(app):
        for persona in PERSONAS:
            answer = client.request(method, path, headers=headers[persona])
            if persona in allowed.personas:
                seen.add(persona)
                assert answer.status_code not in (401, 403, 405, 500), (method, path, persona)
            else:
                assert answer.status_code == 403, (method, path, persona)
                assert answer.json()["type"] == "/problems/not-allowed"
    assert {"upstream", "operations"} <= seen


CALL = "/v1/plans?date=2026-11-23"


def test_a_token_ends_when_it_expires(client: TestClient, tokens: Tokens, clock: Clock) -> None:
    headers = tokens("operations", days=2)
    clock.forward(timedelta(days=2) - timedelta(seconds=1))
    assert client.get(CALL, headers=headers).status_code == 200
    clock.forward(timedelta(seconds=1))
    answer = client.get(CALL, headers=headers)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_token_ends_with_the_request_after_it_was_revoked(client: TestClient, engine: Engine) -> None:
    issued = issue_token(engine, SYSTEM, "operations", "op", (), 1, NOW)
    other = issue_token(engine, SYSTEM, "operations", "op", (), 1, NOW)
    headers = {"Authorization": f"Bearer {issued.token}"}
    assert client.get(CALL, headers=headers).status_code == 200
    assert revoke_token(engine, SYSTEM, issued.prefix, NOW) is True
    assert client.get(CALL, headers=headers).status_code == 401
    assert client.get(CALL, headers={"Authorization": f"Bearer {other.token}"}).status_code == 200
    assert revoke_token(engine, SYSTEM, issued.prefix, NOW) is False


def test_revoking_a_token_that_is_not_there(engine: Engine) -> None:
    with pytest.raises(Refusal) as refused:
        revoke_token(engine, SYSTEM, "nothere", NOW)
    assert refused.value.kind == "not-found"


NO_TOKENS = [
    "",
    "Bearer",
    "Bearer ",
    "Basic {token}",
    "{token}",
    "Bearer {token}x",
    "Bearer x{token}",
    "Bearer {prefix}",
    "Bearer bwk_{prefix}_",
    "Bearer {upper}",
    "Bearer \xff\xfe",
    "Bearer ' or 1=1 --",
    "Bearer " + "a" * 20_000,
]


def test_what_is_not_the_token_is_no_token(client: TestClient, engine: Engine) -> None:
    issued = issue_token(engine, SYSTEM, "operations", "op", (), 1, NOW)
    for header in NO_TOKENS:
        said = header.format(token=issued.token, prefix=issued.prefix, upper=issued.token.upper())
        answer = client.get(CALL, headers={"Authorization": said.encode("latin-1")})
        assert answer.status_code == 401, header
        assert issued.token not in answer.text


def test_a_token_in_an_address_is_no_token(client: TestClient, engine: Engine) -> None:
    issued = issue_token(engine, SYSTEM, "operations", "op", (), 1, NOW)
    for name in ("token", "access_token", "authorization"):
        answer = client.get(f"{CALL}&{name}={issued.token}")
        assert answer.status_code in (401, 422)
        assert issued.token not in answer.text


def test_only_the_digest_of_a_token_is_kept(engine: Engine, database: Database) -> None:
    issued = issue_token(engine, SYSTEM, "lead", "lead-1", ("id-early", "id-late"), 30, NOW)
    mark, prefix, secret = issued.token.split("_")
    assert (mark, prefix) == ("bwk", issued.prefix)
    assert math.log2(32) * len(secret) >= 256
    with psycopg.connect(database.owner_url) as connection:
        row = connection.execute("select digest, token::text from token").fetchone()
        audited = connection.execute("select audit::text from audit").fetchall()
    assert row is not None
    assert row[0] == hashlib.sha256(issued.token.encode()).digest()
    for kept in (row[1], str(audited), repr(issued)):
        assert secret not in kept
        assert secret[-4:] not in kept.replace(row[0].hex(), "")
    assert f"token:{prefix}" in str(audited)


def test_two_tokens_have_nothing_in_common(engine: Engine) -> None:
    secrets = {issue_token(engine, SYSTEM, "upstream", "tool", (), 1, NOW).token for _ in range(20)}
    assert len({token.split("_")[1] for token in secrets}) == 20
    assert len({token.split("_")[2] for token in secrets}) == 20


NOT_ISSUED: list[tuple[Any, str, tuple[str, ...], int, str, str]] = [
    ("auditor", "aud-99", (), 1, "not-found", "subject"),
    ("lead", "lead-1", (), 1, "invalid", "teams"),
    ("lead", "lead-1", ("a", "a"), 1, "invalid", "teams"),
    ("lead", "lead-1", ("",), 1, "invalid", "teams"),
    ("wellbeing", "w", ("a",), 1, "invalid", "teams"),
    ("upstream", "", (), 1, "invalid", "subject"),
    ("upstream", " tool", (), 1, "invalid", "subject"),
    ("upstream", "to\nol", (), 1, "invalid", "subject"),
    ("upstream", "\0", (), 1, "invalid", "subject"),
    ("upstream", "t" * 201, (), 1, "invalid", "subject"),
    ("upstream", "tool", (), 0, "invalid", "expires"),
    ("upstream", "tool", (), MOST_DAYS + 1, "invalid", "expires"),
    ("root", "tool", (), 1, "invalid", "persona"),
]


def test_tokens_that_are_not_issued(engine: Engine, database: Database) -> None:
    for persona, subject, teams, days, kind, field in NOT_ISSUED:
        with pytest.raises(Refusal) as refused:
            issue_token(engine, SYSTEM, persona, subject, teams, days, NOW)
        assert (refused.value.kind, refused.value.field) == (kind, field), (persona, subject, teams, days)
    with psycopg.connect(database.owner_url) as connection:
        rows = connection.execute("select (select count(*) from token) + (select count(*) from audit)")
        assert rows.fetchone() == (0,)
