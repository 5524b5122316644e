"""The spine: people, days, plans, the ledger with its guard, tasks, tokens.

Revision ID: spine_0001
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "spine_0001"
down_revision = None
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).with_name("spine_0001")


def upgrade() -> None:
    for name in ("tables", "guard", "queue", "rights"):
        # Straight to psycopg: SQLAlchemy would take the percent signs of format() for parameters.
        cursor = op.get_bind().connection.cursor()
        cursor.execute((SCRIPTS / f"{name}.sql").read_text(encoding="utf-8"))
