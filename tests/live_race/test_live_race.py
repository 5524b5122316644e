"""A short race of a live day: `python -m tests.live_race.race` is the long one."""

from __future__ import annotations

import psycopg
import pytest

from tests.conftest import Database
from tests.live_race.invariants import NEVER, faults
from tests.live_race.race import race, table

OPERATIONS = 600
KINDS = {"start", "beat", "pause", "resume", "complete", "skip", "hand_back", "escalate", "place", "lower"}


def test_nothing_is_passed_doubled_or_lost(database: Database) -> None:
    outcome = race(database.url, database.owner_url, OPERATIONS, processes=8, seed=1, persons=8, items=400)
    said = "\n".join([*table(outcome), *outcome.troubles[:3]])
    assert outcome.faults == [], said
    assert (outcome.breaches, outcome.wrong_sums, outcome.errors) == ([], {}, 0), said
    assert sum(outcome.ends.values()) == OPERATIONS
    done = {kind for (kind, end), _ in outcome.ends.items() if end == "done"}
    assert done >= KINDS, said


@pytest.mark.parametrize(
    ("fault", "spoil"),
    [
        ("a limit is passed", "update exposure_limit set amount = 1"),
        ("sums that are not", "update limit_day set reserved = reserved + 1"),
        ("without exactly its reservation", "update slot set planned_end = planned_end + interval '1 s'"),
        ("still holds something", "update slot set state = 'withdrawn' where state = 'planned'"),
        ("in force", "update plan set state = 'superseded'"),
        (
            "nobody looks after",
            "update slot set state = 'withdrawn' where item like 'e%' and state = 'planned'",
        ),
    ],
)
def test_what_may_never_be_is_seen(database: Database, fault: str, spoil: str) -> None:
    race(database.url, database.owner_url, 8, processes=2, seed=2, persons=3, items=100)
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        assert faults(owner) == []
        owner.execute(spoil.encode())
        assert any(fault in found for found in faults(owner))


def test_every_question_can_be_asked_of_an_empty_database(database: Database) -> None:
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        assert faults(owner) == []
    assert len(NEVER) > 10
