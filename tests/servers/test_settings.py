"""What the environment may say, and what is said about the rest."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from config.settings import VARIABLES, Settings, SettingsRefused, refuse, settings
from tests.servers.programs import CHECKOUT

SECRET = "hunter2"
GOOD = {
    "DATABASE_URL": f"postgresql://app:{SECRET}@db.example:5433/breakwater?sslmode=require",
    "OWNER_DATABASE_URL": f"postgresql+psycopg://owner:{SECRET}@db.example/breakwater",
    "REDIS_URL": f"rediss://:{SECRET}@queue.example:6380/1",
    "BREAKWATER_PORT": "80",
    "BREAKWATER_RECONCILE_SECONDS": "0.25",
    "BREAKWATER_LOG_LEVEL": "WARNING",
    "BREAKWATER_REVIEW_TOOL_URL": "https://tool.example/?queue=7&id={item}#top",
}
BAD = {
    "DATABASE_URL": [
        "",
        f"mysql://root:{SECRET}@host/db",
        f"postgresql://app:{SECRET}@host",
        f"postgresql://app:{SECRET}@host:port/db",
        f"postgresql://app:{SECRET}@host/db?nonsense={SECRET}",
        f"postgresql://app:{SECRET}@[host/db",
        f" postgresql://app:{SECRET}@host/db",
    ],
    "OWNER_DATABASE_URL": [SECRET],
    "REDIS_URL": [
        "",
        f"http://:{SECRET}@host/0",
        f"redis://:{SECRET}@host:99999/0",
        f"redis://:{SECRET}@host/{SECRET}",
        f"redis://:{SECRET}@/0",
        f"redis://host/0?socket_timeout={SECRET}",
        "unix://",
    ],
    "BREAKWATER_HOST": ["", SECRET + " ", "http://host"],
    "BREAKWATER_PORT": ["", "0", "65536", "8000.0", " 8000", "8_000", "٨٠", "-1", "true", SECRET],
    "BREAKWATER_DATA": [""],
    "BREAKWATER_REVIEW_TOOL_URL": [
        "",
        "https://tool.example/",
        "https://tool.example/{item}/{item}",
        "https://tool.example/{item}/{other}",
        "https://tool.example/{item:>9}",
        f"https://user:{SECRET}@tool.example/{{item}}",
        "javascript:alert({item})",
        "https:///{item}",
        "/items/{item}",
    ],
    "BREAKWATER_QUEUE": ["", "A", "a b", "a:b", "q" * 65],
    "BREAKWATER_LEASE_SECONDS": ["", "0", "0.0", "nan", "inf", "1e3", "-1", "86401", SECRET],
    "BREAKWATER_LOG_LEVEL": ["", "loud", "critical", SECRET],
    "BREAKWATER_POOL_MAX": ["0", "201"],
}


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name in VARIABLES or name.upper().startswith("BREAKWATER_"):
            monkeypatch.delenv(name)


def refused() -> list[str]:
    with pytest.raises(SettingsRefused) as caught:
        settings()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value.faults


def test_nothing_need_be_set() -> None:
    found = settings()
    assert (found.host, found.port, found.queue, found.reconcile_seconds) == (
        "127.0.0.1",
        8000,
        "breakwater",
        2.0,
    )
    assert found.review_url("a/b c") == "https://review.example/items/a%2Fb%20c"


def test_what_is_missing_is_said_with_what_to_do() -> None:
    with pytest.raises(SettingsRefused) as caught:
        settings().connections()
    advice = "not set; set it, or start servers of your own with 'breakwater servers --data DIR'"
    assert caught.value.faults == [f"DATABASE_URL: {advice}", f"REDIS_URL: {advice}"]
    with pytest.raises(SettingsRefused, match=r"^OWNER_DATABASE_URL: not set"):
        settings().need("owner_database_url")


def test_good_values_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    found = settings()
    assert found.connections() == (
        GOOD["DATABASE_URL"],
        f"postgresql://owner:{SECRET}@db.example/breakwater",
        GOOD["REDIS_URL"],
    )
    assert (found.port, found.reconcile_seconds, found.log_level) == (80, 0.25, "warning")
    assert found.review_url("e-1") == "https://tool.example/?queue=7&id=e-1#top"
    assert SECRET not in repr(found) + str(found)


def test_the_owner_is_the_application_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg:///breakwater?host=/run/sockets")
    assert settings().need("owner_database_url") == "postgresql:///breakwater?host=/run/sockets"


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD.items() for value in values]
)
def test_a_malformed_value_is_one_line_that_does_not_repeat_it(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    (fault,) = refused()
    assert fault.startswith(f"{name}: ")
    assert SECRET not in fault
    assert "\n" not in fault


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("BREAKWATER_PRT", "did you mean BREAKWATER_PORT?"),
        ("breakwater_port", "did you mean BREAKWATER_PORT?"),
        ("Breakwater_Lease_Second", "did you mean BREAKWATER_LEASE_SECONDS?"),
        ("BREAKWATER_XYZZY_QUUX", "the settings are in config/README.md"),
    ],
)
def test_an_unknown_setting_is_refused(name: str, advice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, SECRET)
    assert refused() == [f"{name}: there is no such setting; {advice}"]


def test_all_faults_are_told_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BREAKWATER_PRT", SECRET)
    monkeypatch.setenv("BREAKWATER_PORT", SECRET)
    monkeypatch.setenv("REDIS_URL", SECRET)
    with pytest.raises(SettingsRefused) as caught:
        settings()
    assert refuse(caught.value) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert [line.partition(":")[0] for line in said.err.splitlines()] == [
        "BREAKWATER_PRT",
        "REDIS_URL",
        "BREAKWATER_PORT",
    ]


def test_nothing_is_shown_of_a_secret_even_by_a_crash() -> None:
    code = "from config.settings import settings; settings()"
    environment = {**os.environ, "DATABASE_URL": f"postgresql://app:{SECRET}@host"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "DATABASE_URL: names no database" in done.stderr
    assert SECRET not in done.stderr


def test_code_is_held_to_the_same_rules() -> None:
    with pytest.raises(ValueError, match="whole number"):
        Settings(port=0)
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 1
