"""Log lines that cannot tell who saw what.

What somebody was exposed to concerns that person. So a line does not hold what it was given; it holds what is
on a list: which verb, which task, how long, with what status. Anything else is left out and counted. An
exception leaves its kind and the places it came through, without its text, in which the database quotes rows.
A library's line leaves its wording without what was filled in.

    configure("info")
    log = structlog.get_logger()
    log.info("task done", task=task.id, stage="solve", seconds=12.5)
    log.error("task failed", task=task.id, exc_info=error)

The event is a constant: a test reads the code for that, and for names that are not on the list.
"""

from __future__ import annotations

import datetime
import logging
import sys
import threading
import traceback
import uuid
from collections.abc import MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Any

import structlog

ALLOWED = frozenset(
    {
        "event",
        "level",
        "timestamp",
        # what runs
        "verb",
        "version",
        "revision",
        "worker",
        "queue",
        "logger",
        # what it works on: numbers of tasks and plans, never of people or items
        "task",
        "plan",
        "job",
        "kind",
        "work_date",
        # how it went
        "stage",
        "seconds",
        "attempt",
        "count",
        # a request: the route's template, not the path that was asked for
        "request_id",
        "method",
        "route",
        "status",
        # an exception
        "error",
        "sqlstate",
        "where",
    }
)
LONGEST = 200
"""Signs of a value. A longer one is no name of anything."""
PLACES = 8
"""How many places an exception leaves, the innermost ones."""
CHECKOUT = Path(__file__).resolve().parents[1]

Line = MutableMapping[str, Any]
ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def plain(value: object) -> object:
    """A value as it may be written; None for what is no plain value."""
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return "".join(sign if sign.isprintable() else " " for sign in value[:LONGEST])
    if isinstance(value, uuid.UUID | datetime.date):
        return str(value)
    return None


def only_allowed(logger: object, method: str, line: Line) -> Line:  # noqa: ARG001
    """Keep plain values under names on the list; `left_out` counts the others, without their names."""
    kept = {name: plain(value) for name, value in line.items() if name in ALLOWED}
    kept = {name: value for name, value in kept.items() if value is not None}
    left_out = sum(value is not None and name not in kept for name, value in line.items())
    return kept | ({"left_out": left_out} if left_out else {})


def without_words(logger: object, method: str, line: Line) -> Line:  # noqa: ARG001
    """Replace an exception by its kind and its places."""
    info = line.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    elif isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    if info and info[0] is not None:
        line["error"] = f"{info[0].__module__}.{info[0].__qualname__}"
        line["sqlstate"] = getattr(getattr(info[1], "orig", info[1]), "sqlstate", None)
        line["where"] = places(info[2])
    return line


def places(trace: TracebackType | None) -> str:
    """`models/store.py:88 save < workers/plan.py:40 run`: innermost first."""
    frames = traceback.extract_tb(trace)[-PLACES:]
    return " < ".join(f"{short(frame.filename)}:{frame.lineno} {frame.name}" for frame in reversed(frames))


def short(filename: str) -> str:
    """A source file without the folders above the project or the package."""
    path = Path(filename)
    if path.is_relative_to(CHECKOUT) and ".venv" not in path.parts:
        return str(path.relative_to(CHECKOUT))
    return "/".join(path.parts[-2:])


def library_line(logger: object, method: str, line: Line) -> Line:  # noqa: ARG001
    """A line of the standard library's logging: its wording before anything was filled in, and its logger.

    Wording that came ready-made may have been filled in by its author, so it is left out.
    """
    record: logging.LogRecord = line.pop("_record")
    filled_in = line.pop("positional_args", None)
    line.pop("_from_structlog")
    if not filled_in:
        line["event"] = "a library's line"
    line["logger"] = record.name
    if not line.get("exc_info"):
        line["where"] = f"{short(record.pathname)}:{record.lineno}"
    return line


def log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:  # pragma: no cover - the interpreter calls it
    if not issubclass(kind, Exception):
        sys.__excepthook__(kind, error, trace)
        return
    structlog.get_logger().critical("uncaught exception", exc_info=(kind, error, trace))


def to_stderr(*_: object) -> structlog.WriteLogger:
    """Whatever stderr is at the moment: a test may have put another in its place."""
    return structlog.WriteLogger(sys.stderr)


class StderrHandler(logging.Handler):
    """The same for the standard library's logging."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
        except Exception:
            self.handleError(record)


def configure(level: str, *, terminal: bool | None = None) -> None:
    """Send this process's log to stderr: JSON lines, or short lines for a person on a terminal.

    `level` is a setting's value: debug, info, warning or error. Libraries are heard from `warning` on.
    """
    for_person = sys.stderr.isatty() if terminal is None else terminal
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer()
        if for_person
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    last: list[Any] = [without_words, only_allowed, renderer]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=to_stderr,
        cache_logger_on_first_use=False,
    )
    handler = StderrHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[library_line, *last],
            use_get_message=False,
            pass_foreign_args=True,
        )
    )
    logging.raiseExceptions = False  # A line that cannot be written would be printed with all its values.
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(max(number, logging.WARNING))
    # Here too: a library that sets a level of its own, as RQ does, passes the root's by.
    handler.setLevel(logging.root.level)
    sys.excepthook = log_uncaught
    threading.excepthook = lambda thrown: log_uncaught(
        thrown.exc_type, thrown.exc_value or thrown.exc_type(), thrown.exc_traceback
    )
