"""Tasks that are parked are shown to operations, and tried again when they say so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from models.actions.claim_task import claim_task
from models.actions.file_task import file_task
from models.actions.return_task import MOST_ATTEMPTS, return_task
from models.actor import SYSTEM
from tests.api import rows
from tests.api.conftest import NOW, Tokens
from tests.conftest import Database

URL = "/v1/tasks"
LATER = NOW + timedelta(days=1)


@pytest.fixture
def operations(tokens: Tokens) -> dict[str, str]:
    return tokens("operations")


def file(engine: Engine, kind: str, payload: dict[str, Any], key: str | None = None) -> int:
    with engine.begin() as connection:
        return file_task(connection, kind, payload, key, NOW, NOW)[0]


def fail(engine: Engine, task: int, times: int) -> None:
    """It is claimed and fails, so many times."""
    for _ in range(times):
        claim = claim_task(engine, SYSTEM, task, 60, LATER)
        assert claim is not None
        return_task(engine, SYSTEM, claim, "error", "ZeroDivisionError", 0, LATER)


def row(engine: Engine, query: str, **given: Any) -> Any:
    with engine.connect() as connection:
        return connection.execute(text(query), given).one_or_none()


def test_a_parked_task_is_told_shown_and_tried_again(
    client: TestClient, operations: dict[str, str], engine: Engine, database: Database
) -> None:
    rows.auditor(database.owner_url)
    asked = client.post("/v1/plans", json={"work_date": "2026-11-23"}, headers=operations).json()
    task, plan = asked["task"], asked["plan"]
    fail(engine, task, MOST_ATTEMPTS - 1)
    assert client.get(URL, headers=operations).json() == {"tasks": []}
    fail(engine, task, 1)

    told = row(engine, "select addressee, kind, work_date, sentence, detail from notice")
    assert (told.addressee, told.kind, str(told.work_date)) == ("operations", "task-parked", "2026-11-23")
    assert told.detail == {"task": task, "of": "plan", "why": "error"}
    assert f"POST /v1/tasks/{task}/retry" in told.sentence

    (shown,) = client.get(URL, headers=operations).json()["tasks"]
    assert (shown["task"], shown["state"], shown["attempts"]) == (task, "parked", MOST_ATTEMPTS)
    assert (shown["plan"], shown["item"], shown["last_error"]) == (plan, None, "ZeroDivisionError")
    assert client.get(f"/v1/plans/{plan}", headers=operations).json()["state"] == "failed"

    retried = client.post(f"{URL}/{task}/retry", headers=operations)
    assert (retried.status_code, retried.json()["state"], retried.json()["attempts"]) == (200, "waiting", 0)
    again = client.post(f"{URL}/{task}/retry", headers=operations)
    assert again.json() == retried.json()
    audited = row(engine, "select count(*) as times from audit where verb = 'retry_task'")
    assert audited.times == 1
    stands = client.get(f"/v1/plans/{plan}", headers=operations).json()
    assert (stands["state"], stands["failure"]) == ("waiting", None)
    assert client.get(URL, headers=operations, params={"state": "waiting"}).json()["tasks"] == [again.json()]
    fail(engine, task, 1)
    assert row(engine, "select state from task where id = :task", task=task).state == "waiting"


def test_what_has_been_asked_for_again_is_not_tried_twice(
    client: TestClient, operations: dict[str, str], engine: Engine
) -> None:
    task = file(engine, "place", {"item": "e-1"}, "place:e-1")
    fail(engine, task, MOST_ATTEMPTS)
    file(engine, "place", {"item": "e-1"}, "place:e-1")
    answer = client.post(f"{URL}/{task}/retry", headers=operations)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")
    assert row(engine, "select state from task where id = :task", task=task).state == "parked"


def test_tasks_that_are_not_there(client: TestClient, operations: dict[str, str]) -> None:
    for task in ("1", "0", "x", "9" * 30):
        answer = client.post(f"{URL}/{task}/retry", headers=operations)
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found"), task
    answer = client.get(URL, headers=operations, params={"state": "lost"})
    assert (answer.status_code, answer.json()["field"]) == (422, "state")
