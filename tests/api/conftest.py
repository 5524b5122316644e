"""The server for tests: in this process with a clock of its own (`client`), or a process (`live_server`)."""

from __future__ import annotations

import logging
import os
import re
import select
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from fastapi import FastAPI
from redis import Redis
from sqlalchemy import Engine

from api.app import create_app
from config.settings import Settings
from models.actions.issue_token import issue_token
from models.actor import SYSTEM, Persona
from tests.conftest import Database

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # httpx is to be followed by another package
    from starlette.testclient import TestClient

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
STARTS_WITHIN = 60.0
"""Seconds; a machine that is busy takes its time."""
Headers = dict[str, str]


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, by: timedelta) -> None:
        self.now += by


@pytest.fixture(autouse=True)
def plain_log() -> Iterator[None]:
    """Errors only, without the boxes that structlog draws around every local variable."""
    structlog.configure(
        processors=[structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
    )
    yield
    structlog.reset_defaults()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def doorbell(redis_of_kind: Callable[[str], str]) -> str:
    """The URL of an empty Redis; what the queue makes of each kind is tried elsewhere."""
    url = redis_of_kind("valkey")
    with Redis.from_url(url) as redis:
        redis.flushall()
    return url


@pytest.fixture
def app(database: Database, doorbell: str, clock: Clock) -> Iterator[FastAPI]:
    app = create_app(Settings(database_url=database.url, redis_url=doorbell), clock)
    yield app
    app.state.parts.engine.dispose()
    app.state.parts.redis.close()


@pytest.fixture
def engine(app: FastAPI) -> Engine:
    """The server's own, with the application's rights."""
    engine: Engine = app.state.parts.engine
    return engine


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:
        yield client


@dataclass(frozen=True, slots=True)
class Tokens:
    """Makes tokens, and gives them as the header that carries them."""

    engine: Engine
    clock: Callable[[], datetime]

    def __call__(
        self, persona: Persona, subject: str = "somebody", teams: tuple[str, ...] = (), days: int = 1
    ) -> Headers:
        if persona == "lead" and not teams:
            teams = ("id-early",)
        issued = issue_token(self.engine, SYSTEM, persona, subject, teams, days, self.clock())
        return {"Authorization": f"Bearer {issued.token}"}


@pytest.fixture
def tokens(engine: Engine, clock: Clock) -> Tokens:
    return Tokens(engine, clock)


@dataclass(frozen=True, slots=True)
class LiveServer:
    url: str
    process: subprocess.Popen[str]


@pytest.fixture
def serve(database: Database, doorbell: str) -> Iterator[Callable[..., LiveServer]]:
    """Starts `breakwater serve` with these arguments, and waits until it says where it answers."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, module: str = "config.cli") -> LiveServer:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("BREAKWATER_")}
        process = subprocess.Popen(
            [sys.executable, "-m", module, "serve", "--port", "0", *arguments],
            env=environment | {"DATABASE_URL": database.url, "REDIS_URL": doorbell},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], STARTS_WITHIN)
        assert ready, "the server says nothing"
        line = process.stdout.readline()
        found = re.fullmatch(r"Breakwater answers at (http://127\.0\.0\.1:\d+)\n", line)
        assert found, line
        return LiveServer(found[1], process)

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
        process.communicate()


@pytest.fixture
def live_server(serve: Callable[..., LiveServer]) -> LiveServer:
    """A process of its own, with the wall's clock: tokens for it are issued with `datetime.now(UTC)`."""
    return serve()
