"""One round of tests/workers/kills.py on Valkey and on Redis, if it is here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from models.connection import application_engine
from tests.conftest import KINDS, Database
from tests.workers.dates import FIRST, faults_of, load
from tests.workers.scenes import scene, trouble


@pytest.mark.parametrize("kind", [*KINDS][:2])
def test_a_day_is_planned_once_whatever_is_killed_or_emptied(
    database: Database, redis_of_kind: Callable[[str], str], kind: str, tmp_path: Path
) -> None:
    with scene(database.url, redis_of_kind(kind), tmp_path) as there:
        faults = trouble(there, turn=3)
        assert not any(faults.values()), faults


def test_a_day_that_is_not_planned_is_noticed(database: Database) -> None:
    engine = application_engine(database.url)
    loaded = load(engine, FIRST)
    with engine.begin() as connection:
        assert len(faults_of(connection, loaded)) >= 4
    engine.dispose()
