"""The verb `ready`: whether what runs here could work, for a container's health check."""

from __future__ import annotations

import argparse
import sys

from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from config.settings import SettingsRefused, refuse, settings
from models.connection import application_engine
from models.queries.readiness import is_newest

ANSWERS_IN = 5.0
"""Seconds that Redis has for an answer."""


def ready(arguments: list[str]) -> int:
    """`breakwater ready`"""
    argparse.ArgumentParser(
        prog="breakwater ready",
        description="Ask the database and Redis of the settings whether they answer, and the database "
        "whether it is at this version's revision.",
        epilog="Exit code 0: both are well. 1: one is not, and which. 2: the settings were refused.",
    ).parse_args(arguments)
    try:
        here = settings().connections()
    except SettingsRefused as refused:
        return refuse(refused)
    faults = [*database_faults(here.database_url), *redis_faults(here.redis_url)]
    for fault in faults:
        print(f"breakwater ready: {fault}", file=sys.stderr)
    if not faults:
        print("The database is at the newest revision, and Redis answers.")
    return 1 if faults else 0


def database_faults(url: str) -> list[str]:
    engine = application_engine(url, pool_size=1)
    try:
        with engine.connect() as connection:
            newest = is_newest(connection)
    except SQLAlchemyError:  # whose text may hold the address with its password
        return ["the database of DATABASE_URL does not answer, or was never migrated"]
    finally:
        engine.dispose()
    return [] if newest else ["the database is not at this version's revision; run 'breakwater migrate'"]


def redis_faults(url: str) -> list[str]:
    redis = Redis.from_url(url, socket_timeout=ANSWERS_IN, socket_connect_timeout=ANSWERS_IN)
    try:
        redis.ping()
    except RedisError:
        return ["the Redis of REDIS_URL does not answer"]
    finally:
        redis.close()
    return []
