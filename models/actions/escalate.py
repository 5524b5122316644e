"""Somebody asks for a decision to be audited: an escalation, for the next plan to place."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, Engine, text

from models import audit
from models.actor import Actor
from models.refusal import Refusal

UNKNOWN_SEVERITY = 4
"""Where nobody knows how bad it is, it is planned as the worst."""

# A second request with the same key waits here until the first is through.
REMEMBER = text("""
    insert into idempotency (subject, key, request, response, at)
    values (:subject, :key, :request, :response, :now)
    on conflict (subject, key) do nothing returning key
""")
REMEMBERED = text("select request, response from idempotency where subject = :subject and key = :key")
CATEGORIES = text("""
    select policy.document::json -> 'categories' as categories
    from installation join policy on policy.id = installation.policy
""")
ADD = text("""
    insert into item (
        id, work_date, kind, market, language, category, severity, modality, seconds, reviews, priority,
        release, due, excluded, only_for, submitted_by, submitted_at
    ) values (
        :id, null, 'escalation', :market, :language, :category, :severity, :modality, :seconds, :reviews,
        :priority, :release, :due, :excluded, '{}', :submitted_by, :now
    ) on conflict (id) do nothing returning id
""")


@dataclass(frozen=True, slots=True)
class Escalation:
    """The rule book's columns. `id` None: one is made; `severity` None: nobody knows."""

    id: str | None
    market: str
    language: str
    category: str
    severity: int | None
    modality: str
    seconds: int
    reviews: int
    priority: int
    release: datetime | None
    due: datetime | None
    excluded: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Escalated:
    """`repeated`: it had been accepted before, under the same key."""

    id: str
    repeated: bool


def escalate(engine: Engine, actor: Actor, key: str, escalation: Escalation, now: datetime) -> Escalated:
    """Accept an escalation once for each `key` of this actor, however often and fast it comes.

    Raises:
        Refusal: `invalid`, or `conflict` where the id is taken or no policy is in force, or `key-reused`
            where the key came with another escalation.
    """
    if escalation.release and escalation.due and escalation.due < escalation.release:
        raise Refusal("invalid", "It is due before it is released.", "due")
    wanted = {"subject": actor.name, "key": key}
    request = fingerprint(escalation)
    item = escalation.id or made_id()
    with engine.begin() as connection:
        row = wanted | {"request": request, "response": Jsonb({"id": item}), "now": now}
        if connection.execute(REMEMBER, row).first() is None:
            before = connection.execute(REMEMBERED, wanted).one()
            if before.request != request:
                raise Refusal(
                    "key-reused", "This key came with another escalation before.", "Idempotency-Key"
                )
            return Escalated(before.response["id"], repeated=True)
        check_category(connection, escalation.category)
        values = asdict(escalation) | {
            "id": item,
            "severity": UNKNOWN_SEVERITY if escalation.severity is None else escalation.severity,
            "excluded": list(escalation.excluded),
            "submitted_by": actor.name,
            "now": now,
        }
        if connection.execute(ADD, values).first() is None:
            raise Refusal("conflict", "There is an item with this id already.", "id")
        audit.record(connection, actor, "escalate", f"item:{item}", now, priority=escalation.priority)
    return Escalated(item, repeated=False)


def check_category(connection: Connection, category: str) -> None:
    policy = connection.execute(CATEGORIES).first()
    if policy is None:
        raise Refusal("conflict", "No policy is in force yet: nothing can be planned before a day is loaded.")
    if policy.categories is not None and category not in policy.categories:
        raise Refusal("invalid", f"The category is one of {', '.join(policy.categories)}.", "category")


def fingerprint(escalation: Escalation) -> bytes:
    """SHA-256 of what was asked: equal for requests that mean the same, however they are written."""
    return hashlib.sha256(json.dumps(asdict(escalation), sort_keys=True, default=str).encode()).digest()


def made_id() -> str:
    return f"esc-{base64.b32encode(secrets.token_bytes(10)).decode().lower()}"
