"""Connections to PostgreSQL, always with the application's rights and nothing more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import URL, make_url

APPLICATION_ROLE = "breakwater_app"
OPTIONS = f"-c role={APPLICATION_ROLE} -c timezone=UTC -c default_transaction_isolation=read\\ committed"
# Statements are prepared and few: none is planned anew, and none is worth compiling.
READING = f"{OPTIONS} -c default_transaction_read_only=on -c plan_cache_mode=force_generic_plan -c jit=off"
Readers = ConnectionPool[psycopg.Connection[Any]]


def driver_url(url: str) -> URL:
    """The URL of a database as SQLAlchemy wants it, with psycopg 3 for a driver."""
    return make_url(url).set(drivername="postgresql+psycopg")


def application_engine(url: str, pool_size: int = 5, answers_in: int | None = None) -> Engine:
    """An engine whose connections have the application's role, whoever logs in.

    What may write the ledger's sums or change what it holds is another role, the owner; a slip in this code
    then is refused by the database. `answers_in` is how many seconds it has to take a connection. An error's
    text holds no parameters: they are people, and the digests of their tokens.
    """
    within = {} if answers_in is None else {"connect_timeout": answers_in}
    return create_engine(
        driver_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args={"options": OPTIONS, **within},
        hide_parameters=True,
    )


def reading_pool(url: str, pool_size: int = 5) -> Readers:
    """Connections for single prepared reads, each its own transaction; an engine takes twice the time.
    It is opened by its first user, and closed by whoever made it.

    They do not ask beforehand whether the server is still there. Who meets a broken one lets the pool `check`
    all, and asks again.
    """
    return ConnectionPool(
        driver_url(url).set(drivername="postgresql").render_as_string(hide_password=False),
        kwargs={"options": READING, "autocommit": True},
        min_size=1,
        max_size=pool_size,
        open=False,
        timeout=5,
        name="readers",
    )


async def hearing_connection(url: str) -> psycopg.AsyncConnection[Any]:
    """A connection of its own to hear of what others commit. It finds out within seconds that the network or
    the server is gone, as nobody may ask it anything for hours.

    Raises:
        psycopg.OperationalError: it does not come about.
    """
    return await psycopg.AsyncConnection.connect(
        driver_url(url).set(drivername="postgresql").render_as_string(hide_password=False),
        autocommit=True,
        connect_timeout=5,
        options=OPTIONS,
        tcp_user_timeout=10_000,
        keepalives_idle=10,
        keepalives_interval=3,
        keepalives_count=3,
        application_name="breakwater-events",
    )


@contextmanager
def snapshot_transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads, and sees one moment all along."""
    with engine.connect() as connection:
        reading = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with reading.begin():
            yield reading
