"""Somebody gets a token: a password for a program, shown once and stored nowhere."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, text

from models import audit
from models.actor import PERSONAS, Actor, Persona
from models.refusal import Refusal

MARK = "bwk"
"""All tokens begin with it, so that scanners for lost secrets know one when they see it."""
PREFIX_BYTES = 5
SECRET_BYTES = 32
MOST_DAYS = 366
LONGEST_NAME = 200

INSERT = text("""
    insert into token (prefix, digest, persona, subject, teams, created_at, expires_at)
    values (:prefix, :digest, :persona, :subject, :teams, :now, :expires_at)
    on conflict (prefix) do nothing returning id
""")
KNOWN = text("select 1 from auditor where id = :id")


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """`token` is the only copy of the secret there will ever be."""

    prefix: str
    token: str = field(repr=False)
    expires_at: datetime


def issue_token(
    engine: Engine,
    actor: Actor,
    persona: Persona,
    subject: str,
    teams: tuple[str, ...],
    days: int,
    now: datetime,
) -> IssuedToken:
    """A token with which `subject` acts as `persona`, for this many days.

    `subject` is an auditor's id for an auditor; a lead has teams, and nobody else.

    Raises:
        Refusal: `invalid`, or `not-found` for an auditor who is not known.
    """
    check(persona, subject, teams, days)
    expires_at = now + timedelta(days=days)
    with engine.begin() as connection:
        if persona == "auditor" and connection.execute(KNOWN, {"id": subject}).first() is None:
            raise Refusal(
                "not-found", "There is no auditor with this id; load a day that has them first.", "subject"
            )
        prefix, token = insert(
            connection,
            {
                "persona": persona,
                "subject": subject,
                "teams": list(teams),
                "now": now,
                "expires_at": expires_at,
            },
        )
        audit.record(
            connection,
            actor,
            "issue_token",
            f"token:{prefix}",
            now,
            persona=persona,
            holder=subject,
            teams=list(teams),
            expires_at=expires_at.isoformat(),
        )
    return IssuedToken(prefix, token, expires_at)


def check(persona: Persona, subject: str, teams: tuple[str, ...], days: int) -> None:
    if persona not in PERSONAS:
        raise Refusal("invalid", f"The persona is one of {', '.join(PERSONAS)}.", "persona")
    if not is_name(subject):
        raise Refusal("invalid", "The subject is printable text, without blanks at its ends.", "subject")
    if persona == "lead" and not teams:
        raise Refusal("invalid", "A lead's token names at least one team.", "teams")
    if persona != "lead" and teams:
        raise Refusal("invalid", "Only a lead's token names teams.", "teams")
    if not all(is_name(team) for team in teams) or len(set(teams)) != len(teams):
        raise Refusal("invalid", "Teams are printable texts, each named once.", "teams")
    if not 1 <= days <= MOST_DAYS:
        raise Refusal("invalid", f"A token expires after 1 to {MOST_DAYS} days.", "expires")


def is_name(name: str) -> bool:
    return 0 < len(name) <= LONGEST_NAME and name.isprintable() and name == name.strip()


def insert(connection: Connection, row: dict[str, object]) -> tuple[str, str]:
    """The new token's prefix and the token. A prefix that is taken already is drawn again."""
    while True:
        prefix, token = draw()
        values = row | {"prefix": prefix, "digest": digest(token)}
        if connection.execute(INSERT, values).first() is not None:
            return prefix, token


def draw() -> tuple[str, str]:
    """`bwk_` prefix `_` secret: small letters and digits, 256 random bits in the secret."""
    prefix, secret = letters(PREFIX_BYTES), letters(SECRET_BYTES)
    return prefix, f"{MARK}_{prefix}_{secret}"


def letters(count: int) -> str:
    """This many random bytes in Base32."""
    return base64.b32encode(secrets.token_bytes(count)).decode().rstrip("=").lower()


def digest(token: str) -> bytes:
    """What is stored. A fast hash is enough: nobody can try 2**256 secrets."""
    return hashlib.sha256(token.encode()).digest()
