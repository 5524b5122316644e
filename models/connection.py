"""Connections to PostgreSQL, always with the application's rights and nothing more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import URL, make_url

APPLICATION_ROLE = "breakwater_app"


def driver_url(url: str) -> URL:
    """The URL of a database as SQLAlchemy wants it, with psycopg 3 for a driver."""
    return make_url(url).set(drivername="postgresql+psycopg")


def application_engine(url: str, pool_size: int = 5) -> Engine:
    """An engine whose connections have the application's role, whoever logs in.

    What may write the ledger's sums or change what it holds is another role, the owner; a slip in this code
    then is refused by the database.
    """
    options = f"-c role={APPLICATION_ROLE} -c timezone=UTC -c default_transaction_isolation=read\\ committed"
    return create_engine(
        driver_url(url), pool_size=pool_size, max_overflow=0, pool_pre_ping=True, connect_args={"options": options}
    )


@contextmanager
def snapshot_transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads, and sees one moment all along."""
    with engine.connect() as connection:
        reading = connection.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        with reading.begin():
            yield reading
