"""The server over a day that a test has made, asked as one persona or another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.testclient import TestClient

from models.actor import Actor
from tests.actions.limits_day import NOW, LimitsDay, limits_day
from tests.api.conftest import Clock, Headers, Tokens
from tests.conftest import Database


@dataclass(slots=True)
class Served:
    """`clock` is the server's, and stands at `NOW`."""

    day: LimitsDay
    client: TestClient
    clock: Clock
    tokens: Tokens
    issued: dict[Actor, Headers] = field(default_factory=dict)

    def header(self, actor: Actor) -> Headers:
        if actor not in self.issued:
            self.issued[actor] = self.tokens(actor.persona, actor.subject, actor.teams, days=300)
        return self.issued[actor]

    def ask(
        self, actor: Actor, address: str, status: int = 200, purpose: str | None = None, **query: Any
    ) -> Any:
        """GET. `from_` in the query is `from`."""
        sent = self.header(actor) | ({} if purpose is None else {"Breakwater-Purpose": purpose})
        headers = {name.encode(): value.encode() for name, value in sent.items()}
        params = {name.rstrip("_"): str(value) for name, value in query.items()}
        answer = self.client.get(address, headers=headers, params=params)
        assert answer.status_code == status, answer.text
        return answer.json()

    def tell(self, actor: Actor, address: str, body: object = None, status: int = 200) -> Any:
        """POST."""
        answer = self.client.post(address, headers=self.header(actor), json=body)
        assert answer.status_code == status, answer.text
        if status >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
        return answer.json()


@contextmanager
def served(database: Database, client: TestClient, clock: Clock, tokens: Tokens) -> Iterator[Served]:
    clock.now = NOW
    with limits_day(database.url, database.owner_url) as day:
        yield Served(day, client, clock, tokens)
