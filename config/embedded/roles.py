"""The accounts inside PostgreSQL, and the database `breakwater`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import psycopg
from psycopg import sql

from config.embedded.answers import run_folder
from config.embedded.children import SUPERUSER

DATABASE = "breakwater"
ROLES = {
    # May log in and nothing else: what the application may do is granted by the migrations.
    "breakwater_app": "LOGIN",
    # Owns the database and everything in it. No superuser: migrations run as in a real installation.
    "breakwater_owner": "LOGIN CREATEDB CREATEROLE",
}


def database_url(folder: Path, account: Literal["app", "owner", "super"], database: str = DATABASE) -> str:
    """A URL for libpq and SQLAlchemy alike. `super` is for making databases and for nothing else."""
    role = SUPERUSER if account == "super" else f"breakwater_{account}"
    return f"postgresql://{role}@/{quote(database)}?host={quote(os.fspath(run_folder(folder)))}"


def prepare_cluster(folder: Path) -> None:
    """Make the roles and the database where they are missing: an earlier start may have been cut short."""
    with psycopg.connect(database_url(folder, "super", "postgres"), autocommit=True) as connection:
        there = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
        for role, rights in ROLES.items():
            if role not in there:
                connection.execute(sql.SQL("CREATE ROLE {} {}").format(sql.Identifier(role), sql.SQL(rights)))
        # The owner may step down to the application's rights, and may end its connections.
        connection.execute("GRANT breakwater_app TO breakwater_owner")
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute("CREATE DATABASE breakwater OWNER breakwater_owner")
