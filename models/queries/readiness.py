"""Whether the database is the one that this program was written for."""

from __future__ import annotations

from functools import cache

from sqlalchemy import Connection, text

REVISION = text("select version_num from alembic_version")


def is_newest(connection: Connection) -> bool:
    """Whether the database is at the newest revision; an empty one, or a newer one, is not.

    Raises:
        DBAPIError: there is no such table, or no database.
    """
    return connection.execute(REVISION).scalars().all() == [newest_revision()]


@cache
def newest_revision() -> str | None:
    from alembic.script import ScriptDirectory  # takes a moment, and is asked for once

    from models.migrate import MIGRATIONS

    return ScriptDirectory(str(MIGRATIONS)).get_current_head()
