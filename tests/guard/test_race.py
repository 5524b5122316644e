"""Nobody gets past a limit, however many try at once; and the race would see it if they did."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from tests.conftest import Database
from tests.guard.mutations import MUTATIONS, Mutation, mutate
from tests.guard.race import Course, number_statements, race
from tests.guard.racer import OLD_SNAPSHOT, REFUSED

EFFORTS = 6
"""Each twice the one before."""


def test_nobody_is_reserved_past_a_limit(database: Database) -> None:
    number_statements(database.owner_url)
    outcome = race(database.url, database.owner_url, Course(2000, 16, seed=1))
    assert outcome.breaches == []
    assert outcome.wrong_sums == {}
    assert outcome.unexpected == {}
    assert outcome.attempts == 2000
    assert outcome.outcomes[REFUSED] > 2000 / 3
    assert outcome.outcomes[OLD_SNAPSHOT] > 0
    assert {"new limit", "lowered", "raised", "auditor", "shift"} <= outcome.changes.keys()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_race_fails_without(mutation: Mutation, database: Database) -> None:
    number_statements(database.owner_url)
    whole = race(database.url, database.owner_url, mutation.course)
    assert whole.sound
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        mutate(owner, mutation)
    for effort in range(EFFORTS):
        course = replace(
            mutation.course, attempts=mutation.course.attempts * 2**effort, seed=mutation.course.seed + effort
        )
        if mutation.caught(race(database.url, database.owner_url, course)):
            return
    pytest.fail(f"{course.attempts} attempts did not show that {mutation.name} was gone")
