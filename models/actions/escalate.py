"""Somebody asks for a decision to be audited: an escalation, for a worker to place."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, Engine, Row, text

from models import audit
from models.actions.place_again import place_again
from models.actor import Actor
from models.queries.expected_placement import NOT_YET, Expected, expected_placement
from models.queries.placing import Asked
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

    def asked(self) -> Asked:
        """As it would be placed."""
        return Asked(
            item=None,
            work_date=None,
            market=self.market,
            language=self.language,
            category=self.category,
            severity=UNKNOWN_SEVERITY if self.severity is None else self.severity,
            modality=self.modality,
            seconds=self.seconds,
            priority=self.priority,
            release=self.release,
            due=self.due,
            kept_away=self.excluded,
            missing=self.reviews,
        )


@dataclass(frozen=True, slots=True)
class Escalated:
    """`expected` is where it was to go when it was accepted; a worker decides. `repeated`: it had been
    accepted before, under the same key."""

    id: str
    repeated: bool
    expected: Expected


def escalate(engine: Engine, actor: Actor, key: str, escalation: Escalation, now: datetime) -> Escalated:
    """Accept an escalation once for each `key` of this actor, however often and fast it comes, and have it
    placed.

    Raises:
        Refusal: `invalid`, or `conflict` where the id is taken or no policy is in force, or `key-reused`
            where the key came with another escalation.
    """
    check_times(escalation)
    wanted = {"subject": actor.name, "key": key}
    request = fingerprint(escalation)
    item = escalation.id or made_id()
    with engine.connect() as connection:
        known = connection.execute(REMEMBERED, wanted).one_or_none()
    if known is not None:
        return repeated(known, request)
    expected = expected_placement(engine, escalation.asked(), now, in_passing=True)
    with engine.begin() as connection:
        response = {"id": item, "expected": as_kept(expected)}
        row = wanted | {"request": request, "response": Jsonb(response), "now": now}
        if connection.execute(REMEMBER, row).first() is None:
            return repeated(connection.execute(REMEMBERED, wanted).one(), request)
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
        place_again(connection, [item], now)
        audit.record(connection, actor, "escalate", f"item:{item}", now, priority=escalation.priority)
    return Escalated(item, repeated=False, expected=expected)


def repeated(before: Row[Any], request: bytes) -> Escalated:
    """The answer that was given before, if this is the same request."""
    if before.request != request:
        raise Refusal("key-reused", "This key came with another escalation before.", "Idempotency-Key")
    return Escalated(before.response["id"], repeated=True, expected=from_kept(before.response))


def as_kept(expected: Expected) -> dict[str, Any]:
    times = {"start": expected.start, "end": expected.end}
    told = {name: None if instant is None else instant.isoformat() for name, instant in times.items()}
    return told | {"late": expected.late, "sentence": expected.sentence}


def from_kept(response: Mapping[str, Any]) -> Expected:
    kept = response.get("expected") or {"sentence": NOT_YET}  # accepted before this was kept

    def instant(name: str) -> datetime | None:
        told = kept.get(name)
        return None if told is None else datetime.fromisoformat(told)

    return Expected(instant("start"), instant("end"), kept.get("late", False), kept.get("sentence"))


def check(engine: Engine, escalation: Escalation) -> None:
    """What is refused of it whoever sends it, and when, for somebody who only asks about it.

    Raises:
        Refusal: `invalid`, or `conflict` where no policy is in force.
    """
    check_times(escalation)
    with engine.connect() as connection:
        check_category(connection, escalation.category)


def check_times(escalation: Escalation) -> None:
    if escalation.release and escalation.due and escalation.due < escalation.release:
        raise Refusal("invalid", "It is due before it is released.", "due")


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
