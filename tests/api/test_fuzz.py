"""Whatever comes in, nothing breaks: no 5xx, and every error is a problem that repeats nothing long."""

from __future__ import annotations

import copy
import json
import re
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from api.openapi import declared, describe, routes_of
from api.problems import BY_NAME, MEDIA_TYPE
from models.actor import PERSONAS
from tests.api import rows
from tests.api.conftest import Headers, Tokens
from tests.conftest import Database

TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
NUMBERS = st.one_of(st.integers(), st.sampled_from([0, -1, 2**31, 2**63, 2**64, 10**30, 1.5, -0.0, 1e308]))
ODD = st.sampled_from(
    [
        "",
        "\0",
        "\ud800",
        "2026-11-23",
        "0",
        "1e5",
        "9999-12-31",
        "2026-11-23T08:00:00Z",
        "0001-01-01T00:00:00Z",
        "*",
    ]
)
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, st.floats(), TEXT, ODD)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
)
SEGMENTS = st.one_of(st.integers().map(str), st.sampled_from(["1", "severe-day", "x", ".", "%00"]), TEXT)
EXAMPLES = 400


class Call:
    """One of the server's operations: how to call it, and a body that it describes."""

    def __init__(self, method: str, path: str, operation: dict[str, Any], persona: str | None) -> None:
        self.method = method
        self.path = path
        self.persona = persona
        self.query = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
        self.headers = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "header"]

    def __repr__(self) -> str:
        return f"{self.method} {self.path}"


def calls(app: FastAPI) -> list[Call]:
    document = describe(app)
    found = []
    for route in routes_of(app):
        if route.include_in_schema:
            allowed = declared(route)[0]
            for method in sorted(route.methods or ()):
                operation = document["paths"][route.path_format][method.lower()]
                if "text/event-stream" in str(operation["responses"]):
                    continue  # it does not end, which this client would wait for
                found.append(
                    Call(method, route.path_format, operation, allowed.personas[0] if allowed else None)
                )
    return found


def example(app: FastAPI, call: Call) -> Any:
    """A body that the description gives as an example; an empty object where it has none."""
    document = describe(app)
    operation = document["paths"][call.path][call.method.lower()]
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    for one in schema.get("anyOf", [schema]):
        if "$ref" in one:
            named = document["components"]["schemas"][one["$ref"].rpartition("/")[2]]
            return copy.deepcopy(named.get("examples", [{}])[0])
    return {}


def changed(data: st.DataObject, body: Any) -> Any:
    """The body with one of its values, or one more, made up."""
    if not isinstance(body, dict):
        return data.draw(VALUES)
    name = data.draw(st.sampled_from([*body, "another"]))
    return body | {name: data.draw(VALUES)}


def header_text(text: str) -> bytes:
    return re.sub(r"[\r\n\0]", "", text).strip().encode("utf-8", "replace")


def test_nothing_that_comes_in_breaks_it(
    app: FastAPI, client: TestClient, tokens: Tokens, database: Database
) -> None:
    rows.policy(database.owner_url)
    rows.auditor(database.owner_url)
    known = calls(app)
    bodies = {repr(call): example(app, call) for call in known}
    headers: dict[str | None, Headers] = {persona: tokens(persona, "aud-01") for persona in PERSONAS}
    headers[None] = {}
    seen: set[int] = set()

    @seed(20261123)
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
    )
    @given(st.data())
    def try_one(data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(known))
        path = re.sub(
            r"\{\w+\}", lambda _: quote(data.draw(SEGMENTS).encode("utf-8", "replace"), safe="%"), call.path
        )
        query = {
            name: data.draw(TEXT | ODD).encode("utf-8", "replace")
            for name in call.query
            if data.draw(st.booleans())
        }
        sent: list[tuple[str, Any]] = list(headers[call.persona].items())
        for name in call.headers:
            for _ in range(data.draw(st.integers(0, 2))):
                sent.append((name, header_text(data.draw(st.just("k") | TEXT))))
        content: bytes | None = None
        if call.method != "GET":
            sent.append(("Content-Type", "application/json"))
            how = data.draw(st.sampled_from(["changed", "made up", "bytes"]))
            if how == "bytes":
                content = data.draw(st.binary(max_size=30))
            else:
                body = changed(data, bodies[repr(call)]) if how == "changed" else data.draw(VALUES)
                content = json.dumps(body).encode()
        answer = client.request(call.method, path, params=query, headers=sent, content=content)
        seen.add(answer.status_code)
        assert answer.status_code < 500, (call, path, query, content)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == MEDIA_TYPE
            problem = answer.json()
            assert BY_NAME[problem["type"].rpartition("/")[2]].status == answer.status_code
            assert len(answer.text) < 5_000

    try_one()
    assert {200, 400, 404, 422} <= seen  # it came beyond the door, and inside
