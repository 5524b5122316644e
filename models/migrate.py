"""Bringing a database to the newest revision."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from models.connection import driver_url

MIGRATIONS = Path(__file__).with_name("migrations")
ONE_AT_A_TIME = 20_261_122
"""Advisory lock: of two that migrate at once the second waits, and finds nothing left to do."""


def migrate(url: str) -> None:
    """Bring the database behind this URL (its owner's) to the newest revision; safe to repeat."""
    engine = create_engine(driver_url(url), poolclass=NullPool)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    with engine.connect() as connection:
        connection.execute(text("select pg_advisory_lock(:key)"), {"key": ONE_AT_A_TIME})
        connection.commit()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
