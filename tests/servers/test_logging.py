"""The log cannot tell who saw what."""

from __future__ import annotations

import ast
import json
import logging
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import structlog

from config.logging import ALLOWED, LONGEST, configure
from tests.servers.programs import CHECKOUT

SECRET = "aud-17"
METHODS = {"debug", "info", "warning", "error", "exception", "critical"}
Lines = Callable[[], list[dict[str, object]]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """The log of this process so far, line by line; afterwards logging is as it was."""
    handlers, level = logging.root.handlers[:], logging.root.level
    monkeypatch.setattr(logging, "raiseExceptions", True)
    hooks = sys.excepthook, threading.excepthook
    configure("info", terminal=False)

    def read() -> list[dict[str, object]]:
        text = capsys.readouterr().err
        assert SECRET not in text
        return [json.loads(line) for line in text.splitlines()]

    yield read
    sys.excepthook, threading.excepthook = hooks
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()


def test_a_line_holds_what_is_on_the_list_and_counts_the_rest(lines: Lines) -> None:
    task = uuid.uuid4()
    structlog.get_logger().info(
        "task done", task=task, seconds=1.5, work_date=date(2026, 11, 23), auditor=SECRET, item=SECRET
    )
    (line,) = lines()
    assert line.pop("timestamp")
    assert line == {
        "event": "task done",
        "level": "info",
        "task": str(task),
        "seconds": 1.5,
        "work_date": "2026-11-23",
        "left_out": 2,
    }


@pytest.mark.parametrize(
    "value",
    [{SECRET: 1}, [SECRET], (SECRET,), {SECRET}, object(), Decimal(1), b"x"],
    ids=lambda value: type(value).__name__,
)
def test_only_plain_values_are_written(lines: Lines, value: object) -> None:
    structlog.get_logger().info("done", task=value)
    (line,) = lines()
    assert "task" not in line
    assert line["left_out"] == 1


def test_a_value_is_one_short_line(lines: Lines) -> None:
    structlog.get_logger().info("done", stage="a\nb\x1b[2J" + "x" * 999, task=None)
    (line,) = lines()
    assert str(line["stage"]).startswith("a b [2Jx")
    assert len(str(line["stage"])) == LONGEST
    assert "left_out" not in line


def test_what_is_bound_to_the_context_is_held_to_the_list_too(lines: Lines) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r-1", person=SECRET):
        structlog.get_logger("api").warning("slow")
    (line,) = lines()
    assert (line["request_id"], line["left_out"]) == ("r-1", 1)


def fail() -> None:
    raise ValueError(f"duplicate key: {SECRET}")


def test_an_exception_leaves_its_kind_and_its_places(lines: Lines) -> None:
    try:
        fail()
    except ValueError as error:
        structlog.get_logger().exception("failed")
        structlog.get_logger().error("failed", exc_info=error)
        logging.getLogger("library").exception("it happened to %s", SECRET)
    for line in lines():
        assert line["error"] == "builtins.ValueError"
        assert str(line["where"]).startswith("tests/servers/test_logging.py:")
        assert " fail < " in str(line["where"])


def test_the_database_s_kind_of_error_is_kept(lines: Lines) -> None:
    import psycopg.errors

    structlog.get_logger().error("failed", exc_info=psycopg.errors.UniqueViolation(f"key {SECRET}"))
    (line,) = lines()
    assert (line["error"], line["sqlstate"]) == ("psycopg.errors.UniqueViolation", "23505")


def test_a_library_is_heard_without_what_it_filled_in(lines: Lines) -> None:
    library = logging.getLogger("rq.worker")
    library.setLevel(logging.INFO)  # as RQ does for its own
    library.warning("job %s of %s failed", SECRET, SECRET)
    library.warning(f"job of {SECRET} failed")
    library.info("job of %s started", SECRET)
    first, second = lines()
    assert (first["event"], first["logger"]) == ("job %s of %s failed", "rq.worker")
    assert second["event"] == "a library's line"
    assert str(second["where"]).startswith("tests/servers/test_logging.py:")


def test_a_crash_says_no_more() -> None:
    code = f"from config.logging import configure; configure('info'); int('{SECRET}')"
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert SECRET not in done.stderr
    assert json.loads(done.stderr)["error"] == "builtins.ValueError"


def test_a_thread_s_crash_says_no_more(lines: Lines) -> None:
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    (line,) = lines()
    assert (line["event"], line["error"]) == ("uncaught exception", "builtins.ValueError")


def test_the_level_is_kept(lines: Lines) -> None:
    structlog.get_logger().debug("too fine")
    configure("error", terminal=False)
    structlog.get_logger().warning("not bad enough")
    logging.getLogger("library").warning("not bad enough")
    assert lines() == []


def test_on_a_terminal_the_same_is_left_out(lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", terminal=True)
    structlog.get_logger().info("task done", stage="solve", auditor=SECRET)
    text = capsys.readouterr().err
    assert "task done" in text
    assert "solve" in text
    assert SECRET not in text
    assert lines() == []


def test_a_line_that_cannot_be_written_is_not_shown_otherwise(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("config.logging.only_allowed", full)
    configure("info", terminal=False)
    logging.getLogger("library").warning("job of %s failed", SECRET)
    assert lines() == []


def log_calls() -> Iterator[tuple[Path, ast.Call]]:
    """Every call in the project that writes a line: of a method of something called `log`."""
    for part in ("api", "workers", "models", "config"):
        for path in sorted((CHECKOUT / part).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr in METHODS
                    and isinstance(node.func.value, ast.Name)
                    and node.func.value.id in ("log", "logger")
                ):
                    yield path.relative_to(CHECKOUT), node


def test_the_project_s_own_lines_are_constant_and_use_names_on_the_list() -> None:
    for path, call in log_calls():
        where = f"{path}:{call.lineno}"
        assert len(call.args) == 1, where
        assert isinstance(call.args[0], ast.Constant), f"{where}: the event is not a constant"
        for keyword in call.keywords:
            assert keyword.arg is not None, f"{where}: names that cannot be read here"
            assert keyword.arg in ALLOWED | {"exc_info"}, f"{where}: {keyword.arg} would be left out"
