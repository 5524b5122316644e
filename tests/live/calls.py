"""A call: something that somebody asks of the product, with what it needs but the time; and its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from typing import Any, Literal

import psycopg
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError

from models.actions.renew_lease import COVER, REACHED
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

    def shown(self) -> str:
        """All that it says, for whoever has to find out; not every result shows itself."""
        if self.refusal is not None:
            return f"{self.kind} ({self.refusal.sentence} {self.refusal.field} {self.refusal.more})"
        return f"{self.kind} ({_as_dict(self.result) or self.result})"

    def repeats(self, first: Answer) -> bool:
        """Whether this is what must be said when the same is asked once more, at the same moment: the same
        refusal, or the same of what was asked about."""
        if self.refusal is None or first.refusal is None:
            return (self.kind, self.result) == (first.kind, when_repeated(first.result))
        mine, other = self.refusal, first.refusal
        if (mine.kind, mine.field, mine.more) != (other.kind, other.field, other.more):
            return False
        if mine.kind == "limit-reached" and other.sentence.endswith(COVER):
            # Which stretch or edge ended a review is not kept: who asks once more is told that something
            # did, or which limit is full by then.
            return mine.sentence == REACHED or mine.sentence.endswith(COVER)
        return mine.sentence == other.sentence


OF_THE_CALL: Mapping[str, Any] = {"repeated": True, "filed": False, "slots": (), "taken_back": ()}
"""What answers say of this very call, and not of what it is about: how that reads once it is repeated."""


def when_repeated(result: Any) -> Any:
    """The result of the same call, made again, from that of the first. A number is how much was done by the
    call, of which nothing is left; all else reads as before, but for `OF_THE_CALL`."""
    if isinstance(result, int):
        return 0
    told = _as_dict(result)
    said = {name: value for name, value in OF_THE_CALL.items() if name in told}
    return replace(result, **said) if said else result


def _as_dict(result: Any) -> dict[str, Any]:
    """The fields of an answer that has some."""
    return asdict(result) if is_dataclass(result) and not isinstance(result, type) else {}


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
