"""A call: something that somebody asks of the product, with what it needs but the time; and its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import psycopg
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError

from models.refusal import Refusal
from tests.live.told import Said

Way = Literal["normal", "broken", "killed"]
"""How a call goes: as it should; an exception instead of its commit; its connection ended instead."""


class Broken(Exception):  # noqa: N818 - it is meant to happen
    """Raised where a commit would be."""


@dataclass(slots=True)
class Call:
    """`act` takes the engine and the time. `who` is the auditor whose doing it is, `slot` and `item` what it
    is about, `words` what is said of a review's end. `must` says that it may not be refused just now."""

    kind: str
    said: str
    act: Callable[[Engine, Any], Any]
    who: str | None = None
    slot: int | None = None
    item: str | None = None
    words: Said | None = None
    must: bool = False
    repeatable: bool = True
    changes_nothing: bool = False
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Answer:
    """`how` is `done`, `lost` (nothing was committed), or `refused`."""

    how: Literal["done", "refused", "lost"]
    result: Any = None
    refusal: Refusal | None = None

    @property
    def kind(self) -> str:
        return self.how if self.refusal is None else f"refused: {self.refusal.kind}"

    def same_as(self, other: Answer) -> bool:
        if self.refusal is not None or other.refusal is not None:
            return self.kind == other.kind
        return self.how == other.how


def make(call: Call, engine: Engine, now: Any, way: Way, administration: psycopg.Connection) -> Answer:
    """The call, made. Any other exception than these is a breach, and is the caller's to say."""
    try:
        with _ending(engine, way, administration):
            return Answer("done", call.act(engine, now))
    except Refusal as refusal:
        return Answer("refused", refusal=refusal)
    except Broken:
        return Answer("lost")
    except (DBAPIError, psycopg.Error):
        if way != "killed":
            raise
        return Answer("lost")


@contextmanager
def _ending(engine: Engine, way: Way, administration: psycopg.Connection) -> Iterator[None]:
    if way == "normal":
        yield
        return

    def instead_of_commit(connection: Connection) -> None:
        if way == "broken":
            raise Broken
        driver = connection.connection.dbapi_connection
        assert isinstance(driver, psycopg.Connection)
        # Waits until it is gone: else the commit could be quicker.
        administration.execute("select pg_terminate_backend(%s, 5000)", [driver.info.backend_pid])

    event.listen(engine, "commit", instead_of_commit, insert=True)
    try:
        yield
    finally:
        event.remove(engine, "commit", instead_of_commit)
