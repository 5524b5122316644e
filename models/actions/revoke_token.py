"""A token ends before it expires, at once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, text

from models import audit
from models.actor import Actor
from models.refusal import Refusal

REVOKE = text("update token set revoked_at = :now where prefix = :prefix and revoked_at is null returning id")
KNOWN = text("select 1 from token where prefix = :prefix")


def revoke_token(engine: Engine, actor: Actor, prefix: str, now: datetime) -> bool:
    """Whether it was valid until now; revoking twice does no harm. The next request with it is refused.

    Raises:
        Refusal: `not-found` if no token has this prefix.
    """
    with engine.begin() as connection:
        if connection.execute(REVOKE, {"prefix": prefix, "now": now}).first() is not None:
            audit.record(connection, actor, "revoke_token", f"token:{prefix}", now)
            return True
        if connection.execute(KNOWN, {"prefix": prefix}).first() is None:
            raise Refusal("not-found", "There is no token with this prefix.", "prefix")
        return False
