"""What is killed loses and doubles nothing: a round on each kind of Redis, and a slice of the long run under
load (`python -m tests.workers.kills`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, text

from config.embedded import Servers
from config.embedded.roles import database_url
from models.connection import application_engine
from models.refusal import Kind, Refusal
from tests.conftest import KINDS, Database
from tests.days_in_database.steps import engine_of
from tests.workers.dates import FIRST, faults_of, load
from tests.workers.havoc import LATE, Havoc, Result, installation, run_havoc
from tests.workers.kills import missing
from tests.workers.load import Load
from tests.workers.nursery import CRASHED, nursery
from tests.workers.processes import wait_for
from tests.workers.scenes import scene, trouble


@pytest.mark.parametrize("kind", [*KINDS][:2])
def test_a_day_is_planned_once_whatever_is_killed_or_emptied(
    database: Database, redis_of_kind: Callable[[str], str], kind: str, tmp_path: Path
) -> None:
    with scene(database.url, redis_of_kind(kind), tmp_path) as there:
        faults = trouble(there, turn=3)
        assert not any(faults.values()), faults


def test_nothing_is_lost_or_doubled_under_load(
    database: Database, cluster: Servers, redis_of_kind: Callable[[str], str], tmp_path: Path
) -> None:
    name = database.url.partition("?")[0].rpartition("/")[2]
    eyes = database_url(cluster.folder, "super", name)
    said: list[str] = []
    with installation(database.url, eyes, redis_of_kind("valkey"), tmp_path, seed=7) as there:
        wrong = run_havoc(there, kills=6, wipes=1, lanes=3, tell=said.append)
        assert wrong == [], said
        assert [result.faults for result in there.results] == [[]] * 7, said
        # The 99th percentile is for the long run; here a busy machine may take its time.
        assert max(result.seconds for result in there.results) <= 2 * LATE, said
        assert there.load.accepted
        assert there.load.reviewed


def test_a_day_that_is_not_planned_is_noticed(database: Database) -> None:
    engine = application_engine(database.url)
    loaded = load(engine, FIRST)
    with engine.begin() as connection:
        assert len(faults_of(connection, loaded)) >= 4
    engine.dispose()


def test_a_run_in_which_nothing_happened_is_no_good_run() -> None:
    one = Result("", 1.0, [])
    assert missing([one] * 3, 3, accepted=1, reviewed=1) == []
    assert len(missing([one] * 2, 3, accepted=1, reviewed=1)) == 1
    assert len(missing([], 3, accepted=0, reviewed=0)) == 3


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    with engine_of(database) as made:
        yield made


def unanswered(engine: Engine, **tokens: str) -> Load:
    """What goes on, where nobody answers."""
    return Load(engine, "http://127.0.0.1:9", tokens, FIRST, seed=1)


def test_a_load_that_dies_is_noticed(engine: Engine) -> None:
    with unanswered(engine) as there:  # and has no token to send
        wait_for(lambda: len(there.troubles) == 2, "both that send something have died")
    assert sorted(there.troubles) == [
        "escalate_on died: KeyError('upstream')",
        "plan_on died: KeyError('operations')",
    ]


def test_what_is_never_taken_is_noticed(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.workers.load.UNANSWERED", 0.3)
    there = unanswered(engine, upstream="token")
    there.accept(there.submission(Random(1)))
    assert there.accepted == []
    [said] = there.troubles
    assert said.startswith("case-1 was not taken: ConnectError")


@pytest.mark.parametrize(("kind", "troubles"), [("stale", []), ("not-found", ["at work: not-found: no"])])
def test_a_refusal_that_nobody_expects_is_noticed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, kind: Kind, troubles: list[str]
) -> None:
    there = unanswered(engine)

    def refuse(*_: object) -> None:
        there.over.set()
        raise Refusal(kind, "no")

    planned = (
        "select 1 as id, 'planned' as state where cast(:auditor as text) <> '' and :day > date '2000-1-1'"
    )
    monkeypatch.setattr("tests.workers.load.NEXT", text(planned))
    monkeypatch.setattr("tests.workers.load.start", refuse)
    there.kept_up(there.work_on)
    assert there.troubles == troubles


class Broken(Havoc):
    """A kill goes wrong where nobody looks for it."""

    def do(self, *_: object) -> Result:
        raise RuntimeError("gone")

    def settle(self) -> list[str]:
        return []


def test_a_lane_that_dies_is_noticed(engine: Engine) -> None:
    nothing: Any = None
    load = unanswered(engine)
    load.threads.clear()  # none of them has begun
    there = Broken(engine, engine, nothing, nothing, nothing, load, {}, Random(1))
    wrong = run_havoc(there, kills=5, wipes=0, lanes=2, tell=lambda _: None)
    assert wrong == ["a lane died: RuntimeError('gone')"] * 2


def test_a_process_that_crashes_is_noticed(tmp_path: Path) -> None:
    with nursery(tmp_path, {"DATABASE_URL": "no address"}) as born:
        unknown, refused, raising = (born.bear(what) for what in ("no such thing", "clock", "client"))
        wait_for(lambda: len(born.crashed()) == 3, "they have crashed, each in its way")
    said = {line.removeprefix(CRASHED).split(": ")[0]: line for line in born.crashed()}
    ends = ((unknown, 1), (refused, 2), (raising, 1))
    assert set(said) == {f"{child.process} with {code}" for child, code in ends}
    assert "no such thing" in said[f"{unknown.process} with 1"]


def test_whoever_is_born_is_seen_at_once(tmp_path: Path) -> None:
    """And not taken for one that has ended already."""
    nowhere = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none", "REDIS_URL": "redis://127.0.0.1:9"}
    with nursery(tmp_path, nowhere) as born:
        assert all(born.bear("serve").members() for _ in range(10))
