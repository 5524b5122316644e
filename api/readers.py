"""Reading through the pool for reading."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from psycopg import Connection, OperationalError

from models.connection import Readers

Found = TypeVar("Found")


def read(readers: Readers, question: Callable[[Connection[Any]], Found]) -> Found:
    """The answer to a question that is one transaction. Asked twice if the connection broke while it lay
    idle, as after a restart of the database: the next one holds."""
    readers.open()
    try:
        with readers.connection() as connection:
            return question(connection)
    except OperationalError:
        readers.check()
        with readers.connection() as connection:
            return question(connection)
