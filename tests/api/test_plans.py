"""Asking for a plan files its task and rings; how it stands can be read."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from redis import Redis
from starlette.testclient import TestClient

from api.app import create_app
from config.settings import Settings
from tests.api import rows
from tests.api.conftest import Clock, Tokens
from tests.conftest import Database
from tests.workers.processes import wait_for

URL = "/v1/plans"
WANTED = {"work_date": "2026-11-23"}


@pytest.fixture
def operations(tokens: Tokens) -> dict[str, str]:
    return tokens("operations")


def tasks(database: Database) -> list[Any]:
    with psycopg.connect(database.owner_url) as connection:
        return connection.execute("select id, kind, payload, state from task").fetchall()


def rings(doorbell: str) -> int:
    with Redis.from_url(doorbell) as redis:
        return sum(1 for key in redis.scan_iter("rq:job:*") if redis.type(key) == b"hash")


def test_it_files_one_task_and_rings(
    client: TestClient, operations: dict[str, str], database: Database, doorbell: str
) -> None:
    rows.auditor(database.owner_url)
    answer = client.post(URL, json=WANTED, headers=operations)
    assert answer.status_code == 202
    said = answer.json()
    here = f"{URL}/{said['plan']}"
    assert said == {"plan": said["plan"], "task": said["task"], "state": "waiting", "links": {"plan": here}}
    assert answer.headers["location"] == here
    assert tasks(database) == [(said["task"], "plan", {"plan": said["plan"]}, "waiting")]
    wait_for(lambda: rings(doorbell) == 1, "it is rung for")  # by a thread, aside

    again = client.post(URL, json=WANTED, headers=operations)
    assert (again.status_code, again.json()) == (202, said)
    assert len(tasks(database)) == 1

    told = client.get(here, headers=operations).json()
    assert (told["plan"], told["state"], told["version"], told["work_date"]) == (
        said["plan"],
        "waiting",
        None,
        "2026-11-23",
    )


def test_nobody_on_shift_is_nothing_to_plan(
    client: TestClient, operations: dict[str, str], database: Database
) -> None:
    answer = client.post(URL, json=WANTED, headers=operations)
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
    assert tasks(database) == []


def test_without_redis_it_is_filed_all_the_same(database: Database, clock: Clock) -> None:
    rows.auditor(database.owner_url)
    settings = Settings(database_url=database.url, redis_url="unix:///nonexistent/redis.sock")
    app = create_app(settings, clock)
    with TestClient(app) as client:
        headers = Tokens(app.state.parts.engine, clock)("operations")
        assert client.post(URL, json=WANTED, headers=headers).status_code == 202
    assert len(tasks(database)) == 1


def test_what_is_no_date(client: TestClient, operations: dict[str, str]) -> None:
    texts = [
        "0",
        "20261123",
        "2026-11-31",
        "2026-11-23T00:00:00",
        "2026-11-23 ",
        "0001-01-01",
        "",
        "２０２６-11-23",
    ]
    for date in texts:
        answer = client.get(URL, params={"date": date}, headers=operations)
        assert (answer.status_code, answer.json()["field"]) == (422, "date"), date
    others: list[object] = [*texts, 0, 1e9, True, None, [], {}]
    for value in others:
        answer = client.post(URL, json={"work_date": value}, headers=operations)
        assert (answer.status_code, answer.json()["field"]) == (422, "work_date"), value


def test_a_published_plan_with_its_figures(
    client: TestClient, operations: dict[str, str], database: Database
) -> None:
    old = rows.published(database.owner_url)
    new = rows.published(database.owner_url, version=2)
    told = client.get(f"{URL}/{new}", headers=operations).json()
    assert told == {
        "plan": new,
        "work_date": "2026-11-23",
        "state": "published",
        "stage": None,
        "reason": None,
        "version": 2,
        "requested_at": "2026-11-23T00:00:00Z",
        "published_at": "2026-11-23T00:01:00Z",
        "failure": None,
        "begins_at": None,
        "left_alone": 0,
        "dropped": 0,
        # Of nobody knows how many people, so of fewer than eleven for all that is known.
        "goals": {"escalations": 10, "coverage": 6500.5, "load": 0},
        "bounds": {"escalations": 10, "coverage": 6800},
        "counts": {"reviews_wanted": 3},
        "seconds": {"samples": 0.25},
    }
    listed = client.get(URL, params={"date": "2026-11-23"}, headers=operations).json()["plans"]
    assert [(one["plan"], one["state"]) for one in listed] == [(new, "published"), (old, "superseded")]
    assert listed[0] == told
    assert client.get(URL, params={"date": "2026-11-24"}, headers=operations).json() == {"plans": []}


@pytest.mark.parametrize(("people", "is_told"), [(10, False), (11, True)])
def test_how_heavy_exposure_is_of_few_people_is_nobodys_business(
    client: TestClient, operations: dict[str, str], database: Database, people: int, is_told: bool
) -> None:
    plan = rows.published(database.owner_url)
    with psycopg.connect(database.owner_url) as connection:
        connection.execute(
            "update plan set people = %s, reason = 'absence', begins_at = '2026-11-23T08:00:00Z',"
            " left_alone = 2, dropped = 3 where id = %s",
            [people, plan],
        )
    told = client.get(f"{URL}/{plan}", headers=operations).json()
    assert ("exposure" in told["goals"]) is is_told
    assert (told["reason"], told["begins_at"]) == ("absence", "2026-11-23T08:00:00Z")
    assert (told["left_alone"], told["dropped"]) == (2, 3)


def test_a_failed_plan_says_why(client: TestClient, operations: dict[str, str], database: Database) -> None:
    with psycopg.connect(database.owner_url) as connection:
        connection.execute(
            "insert into plan (work_date, state, stage, requested_by, requested_at, failure)"
            " values ('2026-11-23', 'failed', 'samples', 'test', now(), 'It took too long.')"
        )
    [told] = client.get(URL, params={"date": "2026-11-23"}, headers=operations).json()["plans"]
    assert (told["state"], told["stage"], told["failure"]) == ("failed", "samples", "It took too long.")


def test_plans_that_are_not_there(client: TestClient, operations: dict[str, str]) -> None:
    for plan in ("1", "0", "-1", "x", "1.0", "9" * 30, "9" * 5000, "%00", "٣"):
        answer = client.get(f"{URL}/{plan}", headers=operations)
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found"), plan
