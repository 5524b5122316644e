"""Where schedules are lived: real servers, one database a schedule, made from a migrated template."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

import psycopg
from psycopg import sql
from redis import Redis
from sqlalchemy import Engine

from config.embedded import Servers, servers
from config.embedded.roles import database_url
from models.connection import application_engine
from models.migrate import migrate

TEMPLATE = "lived"
QUEUE = "live"


@dataclass(slots=True)
class Arena:
    """`administration` makes and drops databases, ends connections, and reads what nobody else may."""

    cluster: Servers
    administration: psycopg.Connection
    redis: Redis
    numbers: Iterator[int] = field(default_factory=lambda: count(1))


@dataclass(slots=True)
class Stage:
    """One schedule's database: `engine` with the application's rights, `eyes` that see every table."""

    arena: Arena
    name: str
    engine: Engine
    eyes: psycopg.Connection


@contextmanager
def arena(cluster: Servers | None = None, redis: Redis | None = None) -> Iterator[Arena]:
    """Servers of one's own, unless they are given; their Redis is emptied at will."""
    if cluster is None:
        with servers(durable=False) as own, arena(own, redis) as made:
            yield made
        return
    with psycopg.connect(database_url(cluster.folder, "super", "postgres"), autocommit=True) as connection:
        exists = "select 1 from pg_database where datname = %s"
        if connection.execute(exists, [TEMPLATE]).fetchone() is None:
            connection.execute(f"create database {TEMPLATE} owner breakwater_owner")
            migrate(database_url(cluster.folder, "owner", TEMPLATE))
            connection.execute(f"alter database {TEMPLATE} allow_connections false")
        with Redis.from_url(cluster.redis_url) if redis is None else redis as bell:
            yield Arena(cluster, connection, bell)


@contextmanager
def stage(place: Arena) -> Iterator[Stage]:
    """A fresh database, and an empty Redis."""
    name = f"lived_{next(place.numbers)}"
    made = sql.SQL("create database {} owner breakwater_owner template {} strategy file_copy")
    place.administration.execute(made.format(sql.Identifier(name), sql.Identifier(TEMPLATE)))
    place.redis.flushall()
    engine = application_engine(database_url(place.cluster.folder, "app", name), pool_size=2)
    try:
        with psycopg.connect(
            database_url(place.cluster.folder, "super", name), autocommit=True, options="-c timezone=UTC"
        ) as eyes:
            yield Stage(place, name, engine, eyes)
    finally:
        engine.dispose()
        place.administration.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
