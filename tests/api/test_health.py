"""Alive and ready are two things; Redis is neither."""

from __future__ import annotations

import psycopg
from starlette.testclient import TestClient

from api.app import create_app
from config.settings import Settings
from tests.conftest import Database

NOWHERE = "postgresql://breakwater_app@/none?host=/nonexistent"
NO_REDIS = "unix:///nonexistent/redis.sock"


def test_alive_and_ready(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"state": "alive"}
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (
        200,
        {"state": "ready", "database": "ready", "doorbell": "answers"},
    )


def test_without_a_database_it_lives_and_is_not_ready(doorbell: str) -> None:
    app = create_app(Settings(database_url=NOWHERE, redis_url=doorbell))
    with TestClient(app, raise_server_exceptions=False) as client:
        assert client.get("/healthz").status_code == 200
        for path in ("/readyz", "/v1/plans?date=2026-11-23"):
            answer = client.get(path, headers={"Authorization": "Bearer x"})
            assert answer.status_code == 503
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["retry-after"]
            assert answer.json()["type"] == "/problems/unavailable"
            assert "nonexistent" not in answer.text


def test_a_database_at_another_revision_is_not_ready(client: TestClient, database: Database) -> None:
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("update alembic_version set version_num = 'another'")
    assert client.get("/readyz").status_code == 503
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("drop table alembic_version")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
    assert "breakwater migrate" in answer.json()["detail"]


def test_without_redis_it_is_ready_and_says_so(database: Database) -> None:
    app = create_app(Settings(database_url=database.url, redis_url=NO_REDIS))
    with TestClient(app) as client:
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["doorbell"]) == (200, "silent")
    app.state.parts.engine.dispose()
