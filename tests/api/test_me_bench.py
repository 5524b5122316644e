"""The measurement of the queue itself, small: everything answers as it should, and the figures are there."""

from __future__ import annotations

import pytest

from config.settings import Connections
from tests.bench.queue.__main__ import run, told
from tests.conftest import Database


def test_a_small_measurement(database: Database, doorbell: str, capsys: pytest.CaptureFixture[str]) -> None:
    where = Connections(database.url, database.owner_url, doorbell)
    assert told(run(where, people=5, days=8, clients=4, rounds=1, seconds=0.2)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "5 people, 500 slots, 1090 ledger entries over 9 dates"
    assert [line.partition(":")[0] for line in lines[-2:]] == ["queue", "next"]
    assert all("as wanted" in line for line in lines[-2:])
    assert [line[:18].strip() for line in lines[2:-2]] == [
        "queue",
        "queue, unchanged",
        "next",
        "row",
        "row by engine",
        "constant",
    ]
