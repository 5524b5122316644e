"""docker-compose.yml, as far as it can be tried without an engine.

It has the schema's form, holds no secret, and every service of ours runs: its command, with its environment
and nothing else, against real servers, until its own health check says so.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from config.cli import VERBS
from config.embedded import Servers
from config.embedded.roles import database_url
from tests.conftest import Database

CHECKOUT = Path(__file__).resolve().parents[2]
FILE = CHECKOUT / "docker-compose.yml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if service.get("image") == "breakwater")
LASTING = ("api", "worker", "urgent", "clock")
BIN = Path(sys.executable).parent
IN_IMAGE = "/breakwater/.venv/bin"


def test_it_has_the_form_that_compose_reads() -> None:
    done = subprocess.run(
        [BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_parts_are_there() -> None:
    assert SERVICES["postgres"]["image"] == "postgres:18"
    assert SERVICES["redis"]["image"] == "redis:8"
    assert set(OURS) == {"migrate", "command", "files", *LASTING}
    for name in ("postgres", "redis", *LASTING):
        assert "healthcheck" in SERVICES[name], name
    for name in LASTING:
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        # Scaled with --scale, so it may have neither a name nor a port of its own.
        assert "container_name" not in SERVICES[name]
    assert not any("ports" in SERVICES[name] for name in ("worker", "urgent", "clock"))
    assert SERVICES["urgent"]["command"] == ["worker", "--urgent"]


def test_every_command_is_a_verb() -> None:
    verbs = {verb.name for verb in VERBS}
    for name in ("migrate", *LASTING):
        assert SERVICES[name]["command"][0] in verbs
    assert SERVICES["worker"]["healthcheck"]["test"][-1] in verbs


def test_passwords_come_from_outside_and_have_no_default() -> None:
    text = FILE.read_text(encoding="utf-8")
    taken = re.findall(r"(?<!\$)\$\{(\w+)(:?[-?])?", text)
    assert {name for name, _ in taken} == {"OWNER_PASSWORD", "APP_PASSWORD", "BREAKWATER_PUBLISH"}
    assert all(kind == ":?" for name, kind in taken if name.endswith("PASSWORD"))
    for address in re.findall(r"postgresql://\w+:([^@]*)@", text):
        assert re.fullmatch(r"\$\{\w+_PASSWORD:\?[^}]+\}", address), "a password in the file"


def test_the_owners_password_is_for_the_migrations_alone() -> None:
    holders = {name for name in OURS if "OWNER_PASSWORD" in str(SERVICES[name].get("environment"))}
    assert holders == {"migrate"}


@contextmanager
def started(name: str, environment: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (tmp_path / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [BIN / "breakwater", *SERVICES[name]["command"]],
            env=environment,
            cwd=tmp_path,
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def environment_of(name: str, here: dict[str, str]) -> dict[str, str]:
    """The service's own environment with the addresses of real servers, and nothing of this process."""
    declared: dict[str, str] = SERVICES[name].get("environment", {})
    assert set(declared) <= {*here, "BREAKWATER_HOST"}
    return {"PATH": os.defpath} | {key: here.get(key, value) for key, value in declared.items()}


def is_healthy(name: str, environment: dict[str, str], port: int) -> bool:
    test = [part.replace(IN_IMAGE, str(BIN)) for part in SERVICES[name]["healthcheck"]["test"]]
    assert test[0] == "CMD"
    # The port inside a container is always the default one; here it has to be a free one.
    test = [part.replace(":8000/", f":{port}/") for part in test]
    return subprocess.run(test[1:], env=environment, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("redis_url", ["valkey"], indirect=True)
@pytest.mark.parametrize("name", LASTING)
def test_each_service_runs_and_its_health_check_says_so(
    name: str, database: Database, redis_url: str, tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = environment_of(name, {"DATABASE_URL": database.url, "REDIS_URL": redis_url})
    if name == "api":
        assert not is_healthy(name, environment, port), "the health check holds without the server"
        environment["BREAKWATER_PORT"] = str(port)
    with started(name, environment, tmp_path) as process:
        until = time.monotonic() + 60
        # Each says on its first line that it has come up; before that a signal finds nothing to end in order.
        while not (log := tmp_path / f"{name}.log").read_text() or not is_healthy(name, environment, port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until
        assert process.poll() is None
    assert process.returncode == 0


@pytest.fixture
def empty(cluster: Servers, administration: psycopg.Connection) -> Iterator[Database]:
    """A database without a table, as a new installation has it."""
    administration.execute("create database never_migrated owner breakwater_owner")
    urls = (database_url(cluster.folder, who, "never_migrated") for who in ("app", "owner"))
    yield Database(*urls)
    administration.execute("drop database never_migrated with (force)")


@pytest.mark.parametrize("redis_url", ["valkey"], indirect=True)
def test_the_migrations_service_makes_an_empty_database_ready(
    empty: Database, redis_url: str, tmp_path: Path
) -> None:
    ready = environment_of("worker", {"DATABASE_URL": empty.url, "REDIS_URL": redis_url})
    assert not is_healthy("worker", ready, 0)
    environment = environment_of("migrate", {"OWNER_DATABASE_URL": empty.owner_url})
    with started("migrate", environment, tmp_path) as process:
        assert process.wait(60) == 0
    assert is_healthy("worker", ready, 0)
