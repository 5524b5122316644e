"""The guard of one person's exposure, held to the end of the transaction."""

from __future__ import annotations

from sqlalchemy import Connection, text

LOCK = text("select lock_guards(array[cast(:auditor as text)])")


def hold_person(connection: Connection, auditor: str) -> None:
    """From here on nobody else starts, ends or plans anything of this person, and no limit changes.

    What is read after this stands still; what was read before it may not.
    """
    connection.execute(LOCK, {"auditor": auditor})
