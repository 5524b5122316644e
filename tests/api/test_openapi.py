"""The description is whole: a summary, examples and problems for every route, and the examples are true."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from starlette.testclient import TestClient

from api.access import Allow, public
from api.openapi import declared, describe, routes_of
from api.problems import BY_NAME, MEDIA_TYPE
from tests.api import rows
from tests.api.conftest import Tokens
from tests.conftest import Database

Operation = dict[str, Any]
NO_BODY = {"204", "304"}


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    answer = client.get("/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, Operation]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        found: dict[str, Any] = document
        for name in schema["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        return found
    return schema


def examples(document: dict[str, Any], media: dict[str, Any]) -> list[Any]:
    """Beside the schema or in it."""
    if "example" in media:
        return [media["example"]]
    if "examples" in media:
        return [example["value"] for example in media["examples"].values()]
    schema = media.get("schema", {})
    # A body that may be left out is one of two, itself or null.
    either = [resolved(document, one) for one in schema.get("anyOf", [schema])]
    return [example for one in either for example in one.get("examples", [])]


def bodies(operation: Operation) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Where it stands, the media type and what is said of it, for the request and each answer."""
    for media_type, media in operation.get("requestBody", {}).get("content", {}).items():
        yield "request", media_type, media
    for status, response in operation["responses"].items():
        for media_type, media in response.get("content", {}).items():
            yield status, media_type, media


def gaps(document: dict[str, Any]) -> list[str]:
    """What is missing from the description, a line each."""
    found = []
    for name, operation in operations(document):
        if not operation.get("summary") or operation["summary"] == operation["operationId"]:
            found.append(f"{name}: no summary")
        if not operation.get("description"):
            found.append(f"{name}: no description")
        if not operation.get("tags"):
            found.append(f"{name}: no tag")
        found += [
            f"{name}: no example for {place}"
            for place, _, media in bodies(operation)
            if not examples(document, media)
        ]
        found += [
            f"{name}: {status} has no body described"
            for status, response in operation["responses"].items()
            if status not in NO_BODY and not response.get("content")
        ]
    return found


def test_every_route_has_a_summary_and_examples(document: dict[str, Any]) -> None:
    assert gaps(document) == []
    assert len(list(operations(document))) >= 8


def test_a_route_without_them_is_found(app: FastAPI) -> None:
    @app.post("/bare", dependencies=[Depends(public)])
    def bare(given: dict[str, int]) -> dict[str, int]:
        return given

    found = gaps(describe(app))
    assert {line for line in found if line.startswith("POST /bare")} == {
        "POST /bare: no description",
        "POST /bare: no tag",
        "POST /bare: no example for request",
        "POST /bare: no example for 200",
    }


def test_summaries_are_written_and_not_derived(app: FastAPI) -> None:
    derived = [route.path for route in routes_of(app) if route.include_in_schema and not route.summary]
    assert derived == []


def test_examples_are_what_their_schemas_say(document: dict[str, Any]) -> None:
    checked = 0
    for name, operation in operations(document):
        for place, media_type, media in bodies(operation):
            if "json" not in media_type or "schema" not in media:
                continue
            schema = media["schema"] | {"components": document["components"]}
            for example in examples(document, media):
                faults = [error.message for error in Draft202012Validator(schema).iter_errors(example)]
                assert faults == [], (name, place, example)
                checked += 1
    assert checked > 20


def test_examples_of_requests_are_accepted(
    document: dict[str, Any], client: TestClient, tokens: Tokens, database: Database
) -> None:
    rows.policy(database.owner_url)
    rows.auditor(database.owner_url)
    for path, persona in (("/v1/escalations", "upstream"), ("/v1/plans", "operations")):
        headers = tokens(persona) | {"Idempotency-Key": "k"}  # type: ignore[arg-type]
        media = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        for example in examples(document, media):
            assert client.post(path, json=example, headers=headers).status_code == 202


def test_what_a_token_is_and_where_it_is_needed(app: FastAPI, document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    assert {name: (scheme["type"], scheme["scheme"]) for name, scheme in schemes.items()} == {
        "token": ("http", "bearer")
    }
    for route in routes_of(app):
        allowed = declared(route)[0]
        for method in route.methods or ():
            if not route.include_in_schema:
                continue
            operation = document["paths"][route.path_format][method.lower()]
            if isinstance(allowed, Allow):
                assert operation["security"] == [{"token": []}], route.path
                assert operation["x-personas"] == list(allowed.personas)
                assert {"401", "403"} <= set(operation["responses"])
            else:
                assert "security" not in operation


def test_every_failure_is_described_as_a_problem(document: dict[str, Any]) -> None:
    assert "HTTPValidationError" not in str(document)
    for name, operation in operations(document):
        assert {"500", "503"} <= set(operation["responses"]), name
        if "requestBody" in operation:
            assert {"400", "413", "415", "422"} <= set(operation["responses"]), name
        for status, response in operation["responses"].items():
            if status < "400":
                continue
            assert list(response["content"]) == [MEDIA_TYPE], (name, status)
            for kind, example in response["content"][MEDIA_TYPE]["examples"].items():
                assert str(BY_NAME[kind].status) == status
                assert example["value"]["type"] == f"/problems/{kind}"
