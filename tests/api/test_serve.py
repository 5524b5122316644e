"""The verb `serve`: a process, or several, and how they begin and end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from api.cli import address, listen
from api.cli import serve as verb
from models.actions.issue_token import issue_token
from models.actor import SYSTEM
from models.connection import application_engine
from tests.api import rows
from tests.api.conftest import STARTS_WITHIN, LiveServer
from tests.conftest import Database

CHECKOUT = Path(__file__).resolve().parents[2]


def test_a_server_answers_logs_no_address_and_stops(live_server: LiveServer, database: Database) -> None:
    rows.auditor(database.owner_url)
    engine = application_engine(database.url)
    token = issue_token(engine, SYSTEM, "operations", "op", (), 1, datetime.now(UTC)).token
    engine.dispose()
    with httpx.Client(base_url=live_server.url, headers={"Authorization": f"Bearer {token}"}) as client:
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["state"]) == (200, "ready")
        assert "server" not in ready.headers
        assert client.post("/v1/plans", json={"work_date": "2026-11-23"}).status_code == 202
        assert client.get("/v1/plans", params={"date": "2026-11-23"}).status_code == 200
        assert client.get("/secret-person?name=secret").status_code == 404
    live_server.process.send_signal(signal.SIGTERM)
    said, log = live_server.process.communicate(timeout=30)
    assert live_server.process.returncode == 0
    assert said == ""
    assert "secret" not in log
    assert "2026-11-23" not in log.replace("2026-11-23T", "")
    assert token not in log
    lines = [json.loads(line) for line in log.splitlines()]
    requests = [(line["method"], line.get("route"), line["status"]) for line in lines if "method" in line]
    assert requests == [
        ("GET", "/readyz", 200),
        ("POST", "/v1/plans", 202),
        ("GET", "/v1/plans", 200),
        ("GET", None, 404),
    ]
    assert not any("left_out" in line for line in lines)


def test_a_request_that_is_under_way_is_answered_before_the_server_stops(
    live_server: LiveServer, database: Database
) -> None:
    rows.auditor(database.owner_url)
    engine = application_engine(database.url)
    token = issue_token(engine, SYSTEM, "operations", "op", (), 1, datetime.now(UTC)).token
    engine.dispose()
    header = {"Authorization": f"Bearer {token}"}
    asking: dict[str, Any] = {"json": {"work_date": "2026-11-23"}, "headers": header, "timeout": 30}
    with ThreadPoolExecutor(1) as pool, psycopg.connect(database.owner_url) as holding:
        holding.execute("lock table audit in exclusive mode")
        asked = pool.submit(lambda: httpx.post(f"{live_server.url}/v1/plans", **asking))
        waiting = "select count(*) from pg_locks where relation = 'audit'::regclass and not granted"
        until = time.monotonic() + 20
        while holding.execute(waiting).fetchone() != (1,):
            assert time.monotonic() < until, "the request does not come as far as its audit entry"
            time.sleep(0.02)
        live_server.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)  # it has heard of it
        holding.commit()
        assert asked.result(30).status_code == 202
        live_server.process.communicate(timeout=30)
        assert live_server.process.returncode == 0
        assert holding.execute("select count(*) from plan").fetchone() == (1,)


def test_several_processes_answer_and_end_together(serve: Callable[..., LiveServer]) -> None:
    server = serve("--processes", "2")
    children = children_of(server.process.pid, at_least=2)
    assert httpx.get(f"{server.url}/readyz", timeout=STARTS_WITHIN).status_code == 200
    os.kill(server.process.pid, signal.SIGKILL)  # nobody is left to stop them
    server.process.wait(30)
    gone = time.monotonic() + 30
    while any(alive(child) for child in children):
        assert time.monotonic() < gone, "a process outlives the one that started it"
        time.sleep(0.05)


def children_of(parent: int, at_least: int) -> list[int]:
    """The processes that serve; Python keeps another beside them."""
    until = time.monotonic() + STARTS_WITHIN
    while True:
        children = [
            int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        ]
        serving = [child for child in children if "spawn_main" in command(child)]
        if len(serving) >= at_least:
            return serving
        assert time.monotonic() < until, "the processes do not start"
        time.sleep(0.05)


def command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql:///none?host=/nonexistent")
    monkeypatch.setenv("REDIS_URL", "unix:///nonexistent/redis.sock")


def test_to_stop_before_the_server_can_hear_it_is_not_forgotten() -> None:
    """The address is said before anything slow is loaded; a stop that comes right then, or a little later, at
    each of some moments until requests are answered, ends the server in order."""
    nowhere = {
        "DATABASE_URL": "postgresql:///none?host=/nonexistent",
        "REDIS_URL": "unix:///nonexistent/redis",
    }
    for wait in (0.0, 0.1, 0.3, 0.6, 1.2):
        process = subprocess.Popen(
            [sys.executable, "-m", "config.cli", "serve", "--port", "0"],
            env={"PATH": os.defpath, **nowhere},
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("Breakwater answers at ")
            time.sleep(wait)
            process.terminate()
            assert process.wait(30) == 0, wait


def test_a_port_that_is_taken(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    environment(monkeypatch)
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert verb(["--port", str(port)]) == 2
    expected = f"breakwater serve: 127.0.0.1:{port} cannot be had: address already in use\n"
    assert capsys.readouterr() == ("", expected)


def test_a_host_that_there_is_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment(monkeypatch)
    assert verb(["--host", "a host"]) == 2
    assert "a host:8000 cannot be had" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["--port", "65536"], ["--port", "x"], ["--processes", "0"], ["now"]])
def test_arguments_that_are_refused(monkeypatch: pytest.MonkeyPatch, wrong: list[str]) -> None:
    environment(monkeypatch)
    with pytest.raises(SystemExit) as stop:
        verb(wrong)
    assert stop.value.code == 2


def test_settings_that_are_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    assert verb([]) == 2
    assert [line.partition(":")[0] for line in capsys.readouterr().err.splitlines()] == [
        "DATABASE_URL",
        "REDIS_URL",
    ]


def test_the_address_of_an_ipv6_host() -> None:
    try:
        listening = listen("::1", 0)
    except OSError:
        pytest.skip("no IPv6 here")
    with listening:
        assert address(listening) == f"http://[::1]:{listening.getsockname()[1]}"
        assert listening.family == socket.AF_INET6
