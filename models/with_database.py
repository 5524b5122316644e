"""A database that cannot be used: why, in a sentence for whoever runs a verb. SQL and its parameters, among
them people and digests of tokens, are never part of it."""

from __future__ import annotations

import sys
from collections.abc import Callable

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from config.settings import Settings, SettingsRefused, refuse, settings
from models.connection import application_engine
from models.queries.readiness import is_newest
from models.refusal import Refusal, sqlstate

REFUSED = 2
NO_ANSWER = "the database of {} does not answer"
SILENT = NO_ANSWER.format("DATABASE_URL")
NO_TABLES = "the database has no tables yet; 'breakwater migrate' makes them"
OTHER_REVISION = "the database is not at this version's revision; run 'breakwater migrate'"
UNDEFINED_TABLE = "42P01"
"""SQLSTATE."""
ANSWERS_IN = 5
"""Seconds that the database has to take a connection."""


def database_fault(url: str) -> str | None:
    """Why the database cannot be used, looked at now; None if it can."""
    engine = application_engine(url, pool_size=1, answers_in=ANSWERS_IN)
    try:
        with engine.connect() as connection:
            return None if is_newest(connection) else OTHER_REVISION
    except OperationalError:
        return SILENT
    except DBAPIError as error:
        if sqlstate(error) == UNDEFINED_TABLE:
            return NO_TABLES
        return f"the database of DATABASE_URL answers with an error, SQLSTATE {sqlstate(error)}"
    finally:
        engine.dispose()


def with_database(verb: str, act: Callable[[Engine, Settings], int]) -> int:
    """Do something with the application's rights; say what is wrong with settings, database or request."""
    try:
        configured = settings()
        url = configured.need("database_url")
    except SettingsRefused as refused:
        return refuse(refused)
    engine = application_engine(url)
    try:
        return act(engine, configured)
    except Refusal as refusal:
        sentence = refusal.sentence
    except DBAPIError as error:
        # An error of a database that is well is this program's own slip, and not for a sentence.
        fault = database_fault(url) or (SILENT if error.connection_invalidated else None)
        if fault is None:
            raise
        sentence = fault
    finally:
        engine.dispose()
    print(f"breakwater {verb}: {sentence}", file=sys.stderr)
    return REFUSED
