"""Actions that meet: none waits for the other for good, and none writes what is no longer so."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from models.actions import end_day, place_escalation
from models.actions.carry_over import carry_over
from models.actions.claim_task import claim_next
from models.actions.place_again import place_again
from models.actions.retry_waiting import PARKED, retry_waiting
from models.actions.return_task import MOST_ATTEMPTS, return_task
from models.actor import SYSTEM, Actor
from models.queries import placing
from tests.conftest import Database
from tests.days.build import NINE, WORK_DATE, Day, auditor, escalation, instance, policy, sample
from tests.days_in_database.steps import engine_of, load, planned, rows, write
from tests.workers.processes import wait_for
from tests.workers.test_waiting import NOW, TOO_LONG, submit
from tests.workers.world import rules

LOCKED = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
ADA, BEN = auditor("ada"), auditor("ben")


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    with engine_of(database, connections=8) as made:
        yield made


def somebody_waits(engine: Engine) -> bool:
    return bool(rows(engine, LOCKED))


def both(
    inside: threading.Event, first: Callable[[], object], second: Callable[[], object]
) -> list[BaseException | None]:
    """The second is begun once the first is `inside` its transaction; how each ends."""
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(first)
        assert inside.wait(20)
        other = pool.submit(second)
        return [one.exception(30), other.exception(30)]


def paused_in(monkeypatch: pytest.MonkeyPatch, module: object, name: str, engine: Engine) -> threading.Event:
    """That function goes on only when somebody waits for a lock; the event says that it was called."""
    inside, real = threading.Event(), getattr(module, name)

    def slowly(*given: object) -> object:
        if not inside.is_set():
            inside.set()
            wait_for(lambda: somebody_waits(engine), "the other waits for a lock")
        return real(*given)

    monkeypatch.setattr(module, name, slowly)
    return inside


def test_a_date_is_over_while_its_escalation_is_being_placed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(engine, instance(Day(policy(), (ADA,), (sample("s1"), escalation("e1", seconds=TOO_LONG)))))
    planned(engine, WORK_DATE, NOW)
    with engine.begin() as connection:
        place_again(connection, ["e1"], NOW)
    over = datetime.fromtimestamp(NINE + 3601, UTC)
    claim = claim_next(engine, SYSTEM, "place", 60, over)
    assert claim is not None
    inside = paused_in(monkeypatch, place_escalation, "_check_still_so", engine)
    ends = both(
        inside,
        lambda: place_escalation.place_escalation(engine, SYSTEM, claim, over),
        lambda: carry_over(engine, SYSTEM, over),
    )
    assert ends == [None, None]
    assert rows(engine, "select work_date from item where id = 'e1'") == [(None,)]
    assert rows(engine, "select count(*) from task where kind = 'place' and state = 'waiting'") == [(1,)]


def test_a_day_is_ended_while_another_is_loaded(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was seen elsewhere takes Ben's half of an escalation, whose other half was Ada's."""
    items = (sample("s1"), escalation("e1", reviews=2))
    load(engine, instance(Day(rules(), (ADA, BEN), items)))
    planned(engine, WORK_DATE, NOW)
    held = "select auditor from slot where item = 'e1' and state = 'planned' order by auditor"
    assert rows(engine, held) == [("ada",), ("ben",)]
    at = datetime.fromtimestamp(NINE + 1, UTC)
    seen = {"auditor": "ben", "work_date": WORK_DATE, "category": "hate", "severity": 3}
    history = ({**seen, "modality": "image", "seconds": 1900, "items": 1},)
    inside = paused_in(monkeypatch, end_day, "let_go", engine)
    ends = both(
        inside,
        lambda: end_day.end_day(engine, Actor("auditor", "ada"), at),
        lambda: load(engine, instance(Day(rules(), (BEN,), items, history)), at),
    )
    assert ends == [None, None]
    assert rows(engine, held) == []
    assert rows(engine, "select count(*) from task where kind = 'place' and state = 'waiting'") == [(1,)]


def test_what_was_parked_is_filed_by_another_just_when_it_is_revived(engine: Engine) -> None:
    load(engine, instance(Day(policy(), (ADA,), (sample("s1"),))))
    planned(engine, WORK_DATE, NOW)
    submit(engine, "e-1", TOO_LONG)
    for _ in range(MOST_ATTEMPTS):
        write(engine, "update task set run_after = :now where state = 'waiting'", now=NOW)
        claim = claim_next(engine, SYSTEM, "place", 60, NOW)
        assert claim is not None
        return_task(engine, SYSTEM, claim, "error", "KeyError", 1, NOW)
    later = NOW + PARKED
    with ThreadPoolExecutor(1) as pool, engine.begin() as connection:
        place_again(connection, ["e-1"], later)
        retried = pool.submit(retry_waiting, engine, SYSTEM, later)
        wait_for(lambda: somebody_waits(engine), "who tries again waits for who files")
    assert retried.result(20) == 0
    assert rows(engine, "select state from task where kind = 'place' order by id") == [
        ("parked",),
        ("waiting",),
    ]


def test_an_escalation_that_has_become_another_is_placed_as_it_is_now(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was chosen may not take it any more."""
    load(engine, instance(Day(policy(), (ADA, BEN), (sample("s1"), escalation("e1", seconds=TOO_LONG)))))
    planned(engine, WORK_DATE, NOW)
    load(engine, instance(Day(policy(), (ADA, BEN), (sample("s1"), escalation("e1", severity=0)))), NOW)
    with engine.begin() as connection:
        place_again(connection, ["e1"], NOW)
    claim = claim_next(engine, SYSTEM, "place", 60, NOW)
    assert claim is not None
    real, chosen = placing.find_places, list[str]()

    def find(*given: object, **named: object) -> object:
        found = real(*given, **named)  # type: ignore[arg-type]
        if not chosen:
            chosen.append(found.places[0].placement.auditor)
            other = escalation("e1", severity=4, seconds=1200, excluded=chosen[:])
            load(engine, instance(Day(policy(), (ADA, BEN), (sample("s1"), other))), NOW)
        return found

    monkeypatch.setattr(place_escalation, "find_places", find)
    place_escalation.place_escalation(engine, SYSTEM, claim, NOW)
    (placed,) = rows(
        engine,
        "select auditor, extract(epoch from planned_end - planned_start)::int from slot"
        " where item = 'e1' and state = 'planned'",
    )
    assert placed[0] not in chosen
    assert placed[1] == 1200
