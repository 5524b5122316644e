"""A connection with the application's rights, and a database whose statements are numbered."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import Database
from tests.guard.racer import as_application


@pytest.fixture
def app(database: Database) -> Iterator[psycopg.Connection]:
    with as_application(database.url) as connection:
        yield connection
