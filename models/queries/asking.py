"""One way to ask the database, whether inside an action's transaction or through a connection for reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import Connection

Ask = Callable[[str, Mapping[str, Any]], Sequence[Any]]
"""A statement with `%(name)s` and what stands for the names, to the rows with a name for each column."""


def within(connection: Connection) -> Ask:
    """Part of the transaction of this connection."""
    return lambda statement, given: connection.exec_driver_sql(statement, dict(given)).all()


def through(connection: psycopg.Connection[Any]) -> Ask:
    """Each statement by itself, prepared."""

    def ask(statement: str, given: Mapping[str, Any]) -> Sequence[Any]:
        with connection.cursor(row_factory=namedtuple_row) as cursor:
            return cursor.execute(statement, given, prepare=True).fetchall()

    return ask
