"""Refusals: what was asked cannot be done, and why, in a sentence for whoever asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from psycopg.errors import Diagnostic
from sqlalchemy.exc import DBAPIError

Kind = Literal[
    "not-found",
    "not-yours",
    "limit-reached",
    "already-started",
    "not-started",
    "too-early",
    "too-soon",
    "conflict",
    "key-reused",
    "invalid",
    "stale",
]
LIMIT_PASSED = "BW001"
"""SQLSTATE of the ledger's guard, see migrations/versions/spine_0001/guard.sql."""
UNIQUE = "23505"
LOCK_TIMEOUT = "55P03"
"""PostgreSQL's own."""


class Refusal(Exception):  # noqa: N818 - an answer, not a slip
    """An action was not done; its transaction is rolled back. `field` is what of the request is at fault,
    `more` what else the answer holds."""

    def __init__(
        self, kind: Kind, sentence: str, field: str | None = None, more: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.sentence = sentence
        self.field = field
        self.more = dict(more or {})


def sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def diagnostic(error: DBAPIError) -> Diagnostic | None:
    """What PostgreSQL says of an error; its detail can hold exposure, which belongs in no log."""
    return getattr(error.orig, "diag", None)


def whose_limit(error: DBAPIError) -> set[str]:
    """The people whose limits the guard says would be passed."""
    said = diagnostic(error)
    detail = None if said is None else said.message_detail
    return {passed["auditor"] for passed in json.loads(detail)} if detail else set()
