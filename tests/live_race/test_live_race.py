"""A short race of a live day: `python -m tests.live_race.race` is the long one."""

from __future__ import annotations

from collections import Counter
from multiprocessing import Value
from random import Random

import psycopg
import pytest
from sqlalchemy import create_engine

from models.refusal import Kind, Refusal
from tests.conftest import Database
from tests.live_race import race as racing
from tests.live_race.invariants import AT_REST, NEVER, faults
from tests.live_race.race import Outcome, Watcher, race, table
from tests.live_race.racer import EVERYTHING, EXPECTED, FREE, PAUSED, RESTING, RUNNING, Clock, Racer
from tests.live_race.spoilt import COMES_LATE, HAS_BEGUN, LOOKED_AFTER, LOST, SPOILT

OPERATIONS = 600
KINDS = {"start", "beat", "pause", "complete", "escalate", "place", "load", "absent", "fail"}
ROUNDS = {"close", "retry", "shifts_over", "carry_over", "take_back"}
"""Done also where there was nothing to do."""
LOSES = {fault: query for fault, query in NEVER.items() if fault == "an escalation that nobody looks after"}


def test_nothing_is_passed_doubled_or_lost(database: Database) -> None:
    outcome = race(
        database.url,
        database.owner_url,
        OPERATIONS,
        processes=8,
        seed=1,
        persons=8,
        items=400,
        every=0.5,
        turmoil=4,
    )
    said = "\n".join([*table(outcome), *outcome.troubles[:3]])
    assert outcome.faults == [], said
    assert (outcome.breaches, outcome.wrong_sums, outcome.errors) == ([], {}, 0), said
    assert sum(outcome.ends.values()) == OPERATIONS
    assert outcome.looked > 1, "nobody looked while they raced"
    assert outcome.sound
    done = {kind for (kind, end), _ in outcome.ends.items() if end == "done"}
    assert done >= KINDS | ROUNDS, said


@pytest.fixture
def raced(database: Database) -> Database:
    race(database.url, database.owner_url, 8, processes=2, seed=2, persons=3, items=100)
    return database


@pytest.mark.parametrize("fault", NEVER)
def test_what_may_never_be_is_seen(raced: Database, fault: str) -> None:
    with psycopg.connect(raced.owner_url, autocommit=True) as owner:
        assert faults(owner) == []
        for statement in SPOILT[fault]:
            owner.execute(statement.encode())
        assert any(found.startswith(f"{fault} (") for found in faults(owner))


@pytest.mark.parametrize("how", LOST)
def test_it_is_seen_however_an_escalation_is_lost(raced: Database, how: str) -> None:
    assert_lost(raced, LOST[how], lost=True)


@pytest.mark.parametrize("how", LOOKED_AFTER)
def test_who_is_looked_after_is_not_lost(raced: Database, how: str) -> None:
    assert_lost(raced, LOOKED_AFTER[how], lost=False)


def assert_lost(raced: Database, statements: tuple[str, ...], lost: bool) -> None:
    with psycopg.connect(raced.owner_url, autocommit=True) as owner:
        assert faults(owner, LOSES) == []
        for statement in statements:
            owner.execute(statement.encode())
        assert bool(faults(owner, LOSES)) == lost


def test_what_stays_behind_with_a_date_that_is_over_is_seen(raced: Database) -> None:
    with psycopg.connect(raced.owner_url, autocommit=True) as owner:
        assert faults(owner, AT_REST) == []
        for statement in (COMES_LATE, HAS_BEGUN):
            owner.execute(statement.encode())
        assert faults(owner, AT_REST) == []
        owner.execute("update shift set available_until = shift_start")
        assert len(faults(owner, AT_REST)) == len(AT_REST)


def test_every_question_can_be_asked_of_an_empty_database(database: Database) -> None:
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        assert faults(owner) == []
    assert len(NEVER) > 10


def test_who_watches_fails_aloud(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_connection: object) -> list[str]:
        raise ZeroDivisionError("the question is wrong")

    monkeypatch.setattr(racing, "faults", fails)
    watcher = Watcher(database.owner_url, every=0.01)
    watcher.start()
    with pytest.raises(ZeroDivisionError, match="the question is wrong"):
        watcher.end()


def test_who_has_not_looked_has_found_nothing() -> None:
    assert Outcome(Counter(), {}, 1.0, 1, [], [], {}, []).sound
    assert not Outcome(Counter(), {}, 1.0, 0, [], [], {}, []).sound


@pytest.mark.parametrize(
    ("kind", "refused", "end"),
    [
        ("beat", "limit-reached", "refused: limit-reached"),
        ("pause", "limit-reached", "error: refused: limit-reached"),
        ("unheard", "limit-reached", "error: refused: limit-reached"),
    ],
)
def test_other_refusals_than_expected_are_errors(
    monkeypatch: pytest.MonkeyPatch, kind: str, refused: Kind, end: str
) -> None:
    def is_refused() -> None:
        raise Refusal(refused, "For some reason.")

    racer = Racer(create_engine("sqlite://"), Random(1), ["p01"], Clock(Value("q", 0), 1.0), "one")
    monkeypatch.setattr(racer, "operation", lambda: (kind, is_refused))
    course = racer.run(3)
    assert course.ends == {(kind, end): 3}
    assert len(course.troubles) == 3 * end.startswith("error")


def test_of_every_operation_its_refusals_are_known() -> None:
    assert set(EXPECTED) == {*EVERYTHING, *RUNNING, *PAUSED, *RESTING, *FREE, "end_day"} - {"person"}
