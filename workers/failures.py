"""Why a task was not done, as it is counted and named."""

from __future__ import annotations

from typing import NamedTuple

from models.actions.return_task import Why
from models.refusal import Refusal


class NotLegal(Exception):  # noqa: N818 - says what the plan is
    """The verifier found a violation or a false claim in a plan that was just made."""


class UnknownKind(Exception):  # noqa: N818 - says what the task is
    """Nobody here knows what this task asks for."""


class Failure(NamedTuple):
    """Why a task was not done: for counting, and by name."""

    why: Why
    error: str


def failure_of(error: Exception) -> Failure:
    if isinstance(error, Refusal):
        return Failure("stale" if error.kind == "stale" else "error", error.kind)
    if isinstance(error, NotLegal):
        return Failure("not-legal", "not-legal")
    if isinstance(error, UnknownKind):
        return Failure("unknown-kind", "unknown-kind")
    return Failure("error", type(error).__name__)
