"""Tokens: whom one stands for, and which there are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from models.actor import Actor, Persona

HOLDER = text("""
    select persona, subject, teams from token
    where digest = :digest and revoked_at is null and expires_at > :now
""")
VALID = """
    select digest from token
    where digest = any (%(digests)s) and revoked_at is null and expires_at > %(now)s
"""
"""Which of several count now; for a driver's connection."""
ALL = text("""
    select prefix, persona, subject, teams, created_at, expires_at, revoked_at from token
    order by created_at, id
""")
UNKNOWN_TEAMS = text("""
    select name from unnest(cast(:teams as text[])) with ordinality as asked (name, number)
    where not exists (select 1 from auditor where team = name)
      and not exists (select 1 from shift where team = name)
    order by number
""")


@dataclass(frozen=True, slots=True)
class KnownToken:
    """A token without its secret, which nobody can read again."""

    prefix: str
    persona: Persona
    subject: str
    teams: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


def holder(connection: Connection, digest: bytes, now: datetime) -> Actor | None:
    """Who acts with the token of this SHA-256; nobody if it is unknown, expired or revoked."""
    row = connection.execute(HOLDER, {"digest": digest, "now": now}).one_or_none()
    return None if row is None else Actor(row.persona, row.subject, tuple(row.teams))


def tokens(connection: Connection) -> list[KnownToken]:
    """All there are and were, the oldest first."""
    return [KnownToken(**{**row._mapping, "teams": tuple(row.teams)}) for row in connection.execute(ALL)]


def unknown_teams(connection: Connection, teams: Iterable[str]) -> list[str]:
    """Those of the teams that no known auditor is in, nor was on any shift."""
    return list(connection.execute(UNKNOWN_TEAMS, {"teams": list(teams)}).scalars())
