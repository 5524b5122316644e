"""The live day: reviews that are paused, leased and given back; notices; escalations that wait for a place.

Revision ID: live_0002
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "live_0002"
down_revision = "spine_0001"
branch_labels = None
depends_on = None

SCRIPTS = Path(__file__).with_name("live_0002")


def upgrade() -> None:
    for name in ("tables", "looked", "rights"):
        # Straight to psycopg: SQLAlchemy would take the percent signs of format() for parameters.
        cursor = op.get_bind().connection.cursor()
        cursor.execute((SCRIPTS / f"{name}.sql").read_text(encoding="utf-8"))
