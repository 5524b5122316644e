"""What is killed loses and doubles nothing: a round on each kind of Redis, and a slice of the long run under
load (`python -m tests.workers.kills`)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from config.embedded import Servers
from config.embedded.roles import database_url
from models.connection import application_engine
from tests.conftest import KINDS, Database
from tests.workers.dates import FIRST, faults_of, load
from tests.workers.havoc import LATE, installation, run_havoc
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
