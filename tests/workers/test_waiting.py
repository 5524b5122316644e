"""Escalations that wait: kept in mind from the first moment on, and tried again at a pace."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from models.actions.claim_task import claim_next, claim_task
from models.actions.escalate import Escalation, escalate
from models.actions.place_again import place_again
from models.actions.place_escalation import place_escalation
from models.actions.retry_waiting import MOST_LIVE, PARKED, RETRY, SLOWEST, SURGE, retry_waiting
from models.actions.return_task import MOST_ATTEMPTS, return_task
from models.actions.wait_for_place import UNABLE
from models.actor import SYSTEM, Actor
from models.queries.escalations import waiting_escalations
from models.refusal import Refusal
from tests.conftest import Database
from tests.days.build import NINE, WORK_DATE, Day, auditor, escalation, instance, policy, sample
from tests.days_in_database.steps import engine_of, load, make, planned, publish, rows, write
from tests.workers.processes import wait_for
from workers.clock import tick

TOOL = Actor("upstream", "tool-1")
NOW = datetime.fromtimestamp(NINE - 3600, UTC)
A_DAY = 86_400
TOO_LONG = 50_000
"""Seconds; no shift is so long."""
TOLD_LEADS = "select addressee, kind from notice where addressee like 'team:%' order by id"


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    with engine_of(database, connections=6) as made:
        load(made, instance(Day(policy(), (auditor("ada"),), (sample("s1"),))))
        yield made


def submit(engine: Engine, item: str, seconds: int = 60, priority: int = 1) -> None:
    asked = Escalation(item, "ID", "en", "hate", 0, "image", seconds, 1, priority, None, None, ())
    escalate(engine, TOOL, item, asked, NOW)


def place_all(engine: Engine, now: datetime) -> list[str]:
    """What a worker does, as long as something waits; the items in the order in which it does them."""
    done = []
    while (claim := claim_next(engine, SYSTEM, "place", 60, now)) is not None:
        place_escalation(engine, SYSTEM, claim, now)
        done.append(str(claim.payload["item"]))
    return done


def kept_untold(engine: Engine, item: str) -> None:
    """It was looked at while no plan was in force; now one is, which does not know of it."""
    planned(engine, WORK_DATE, NOW)
    write(engine, "update plan set state = 'superseded'")
    submit(engine, item)
    place_all(engine, NOW)
    write(engine, "update plan set state = 'published'")


def test_without_a_plan_it_waits_untold_and_is_not_tried_in_vain(engine: Engine) -> None:
    submit(engine, "e-1")
    assert place_all(engine, NOW) == ["e-1"]
    waiting = rows(engine, "select item, missing, tries, told_at from waiting_escalation")
    assert waiting == [("e-1", 1, 1, None)]
    with engine.connect() as connection:
        assert waiting_escalations(connection, NOW) == []
    for minutes in range(60):
        assert retry_waiting(engine, SYSTEM, NOW + timedelta(minutes=minutes)) == 0


def test_a_plan_that_was_begun_before_it_came_does_not_lose_it(engine: Engine) -> None:
    """It finds no plan, and the plan that is published then does not know of it."""
    kept_untold(engine, "e-1")
    assert retry_waiting(engine, SYSTEM, NOW + RETRY) == 1
    place_all(engine, NOW + RETRY)
    assert rows(engine, "select state from slot where item = 'e-1'") == [("planned",)]
    assert rows(engine, "select from waiting_escalation") == []
    assert rows(engine, TOLD_LEADS) == []  # they have never heard that it waits


def test_the_longer_it_waits_the_less_often_it_is_tried(engine: Engine) -> None:
    planned(engine, WORK_DATE, NOW)
    submit(engine, "e-1", TOO_LONG)
    place_all(engine, NOW)
    now, gaps = NOW, []
    for _ in range(SLOWEST + 2):
        for seconds in range(1, 1000):
            if retry_waiting(engine, SYSTEM, now + timedelta(seconds=seconds)):
                break
        gaps.append(seconds)
        now += timedelta(seconds=seconds)
        place_all(engine, now)
    pause = round(RETRY.total_seconds())
    assert gaps == [pause * min(number, SLOWEST) for number in range(1, SLOWEST + 3)]


def test_what_is_new_comes_before_what_is_tried_again(engine: Engine) -> None:
    planned(engine, WORK_DATE, NOW)
    for number in range(3):
        submit(engine, f"old-{number}", TOO_LONG, priority=3 - number)
    place_all(engine, NOW)
    later = NOW + RETRY
    assert retry_waiting(engine, SYSTEM, later) == 3
    submit(engine, "new")
    assert place_all(engine, later) == ["new", "old-2", "old-1", "old-0"]


def test_no_more_is_tried_again_than_can_be_done(engine: Engine) -> None:
    planned(engine, WORK_DATE, NOW)
    write(
        engine,
        """
        insert into item (id, kind, market, language, category, severity, modality, seconds, reviews,
                          priority, excluded, only_for)
        select 'e-' || number, 'escalation', 'ID', 'en', 'hate', 0, 'image', 60, 1, 1, '{}', '{}'
        from generate_series(1, :most + 20) number
        """,
        most=MOST_LIVE,
    )
    write(
        engine,
        """
        insert into waiting_escalation (item, since, tried_at, tries, missing, ruled_out, sentence)
        select id, :at, :at, 1, 1, '{}', '-' from item where kind = 'escalation'
        """,
        at=NOW - RETRY,
    )
    assert retry_waiting(engine, SYSTEM, NOW) == MOST_LIVE
    assert retry_waiting(engine, SYSTEM, NOW) == 0


def test_what_was_parked_is_in_the_list_and_is_taken_up_again(engine: Engine) -> None:
    planned(engine, WORK_DATE, NOW)
    submit(engine, "e-1")
    ((task,),) = rows(engine, "select id from task where kind = 'place'")
    for _ in range(MOST_ATTEMPTS):
        write(engine, "update task set run_after = :now", now=NOW)
        claim = claim_task(engine, SYSTEM, task, 60, NOW)
        assert claim is not None
        return_task(engine, SYSTEM, claim, "error", "KeyError", 1, NOW)
    with engine.connect() as connection:
        [waiting] = waiting_escalations(connection, NOW)
    assert waiting.sentence.startswith("It could not be placed")
    assert retry_waiting(engine, SYSTEM, NOW + PARKED - timedelta(seconds=1)) == 0
    later = NOW + PARKED
    assert retry_waiting(engine, SYSTEM, later) == 1
    assert place_all(engine, later) == ["e-1"]
    assert rows(engine, "select id, state from task where kind = 'place'") == [(task, "done")]
    assert rows(engine, "select from waiting_escalation") == []


def test_while_everybodys_day_is_being_planned_it_steps_back_in_order(engine: Engine) -> None:
    planned(engine, WORK_DATE, NOW)
    submit(engine, "e-1")
    claim = claim_next(engine, SYSTEM, "place", 60, NOW)
    assert claim is not None
    with engine.begin() as publishing:
        publishing.execute(text("select lock_guards('{ada}')"))
        with pytest.raises(Refusal) as refused:
            place_escalation(engine, SYSTEM, claim, NOW)
        assert refused.value.kind == "stale"
    place_escalation(engine, SYSTEM, claim, NOW)
    assert rows(engine, "select state from slot where item = 'e-1'") == [("planned",)]


def test_whoever_files_tasks_does_not_block_those_who_try_again(engine: Engine) -> None:
    """Two items, by urgency the other way round than by arrival, filed by two at once."""
    planned(engine, WORK_DATE, NOW)
    submit(engine, "first", TOO_LONG, priority=4)
    submit(engine, "second", TOO_LONG, priority=1)
    place_all(engine, NOW)
    with ThreadPoolExecutor(1) as pool, engine.begin() as connection:
        place_again(connection, ["first"], NOW)
        retried = pool.submit(retry_waiting, engine, SYSTEM, NOW + RETRY)
        waits = (
            "select from pg_stat_activity where datname = current_database() and wait_event = 'transactionid'"
        )
        wait_for(lambda: bool(rows(engine, waits)) or retried.done(), "who tries again waits, or is through")
        place_again(connection, ["second"], NOW)
    assert retried.result(20) <= 1
    live = "select count(*) from task where kind = 'place' and state = 'waiting' group by dedupe_key"
    assert rows(engine, live) == [(1,), (1,)]


def test_leads_hear_that_what_waited_is_in_a_plan(engine: Engine) -> None:
    planned(engine, WORK_DATE, NOW)
    submit(engine, "e-1", TOO_LONG)
    place_all(engine, NOW)
    write(engine, "update item set seconds = 60 where id = 'e-1'")
    planned(engine, WORK_DATE, NOW)
    assert rows(engine, "select state from slot where item = 'e-1'") == [("planned",)]
    assert rows(engine, TOLD_LEADS) == [
        ("team:t1", "escalation-waits"),
        ("team:t1", "escalation-no-longer-waits"),
    ]


def test_a_surge_asks_for_no_plan_beside_one_that_is_being_made(engine: Engine) -> None:
    """Else none would ever be done."""
    planned(engine, WORK_DATE, NOW)
    for number in range(SURGE + 1):
        submit(engine, f"e-{number}", TOO_LONG)
    place_all(engine, NOW)
    made = make(engine, WORK_DATE, NOW)
    for seconds in range(0, 8, 2):
        tick(engine, timedelta(hours=1), NOW + timedelta(seconds=seconds))
    publish(engine, made, NOW + timedelta(seconds=8))
    tick(engine, timedelta(hours=1), NOW + timedelta(seconds=10))
    assert rows(engine, "select reason from plan where state = 'waiting'") == [("surge",)]


@pytest.mark.parametrize("after", [-1, 5400], ids=["just before the first", "between two"])
def test_what_is_loaded_while_nobody_is_on_shift_is_planned(database: Database, after: int) -> None:
    people = (auditor("ada"), auditor("ben", shift_start=NINE + 7200, shift_end=NINE + 10800))
    between = datetime.fromtimestamp(NINE + after, UTC)
    with engine_of(database) as engine:
        load(engine, instance(Day(policy(), people, (sample("s1"),))))
        planned(engine, WORK_DATE, NOW)
        load(engine, instance(Day(policy(), people, (sample("s1"), escalation("e1", severity=0)))), between)
        assert rows(engine, "select reason from plan where state = 'waiting'") == [("day-loaded",)]


def test_what_was_kept_untold_says_why_it_waits_once_it_is_told(engine: Engine) -> None:
    kept_untold(engine, "e-1")
    later = NOW + RETRY
    assert retry_waiting(engine, SYSTEM, later) == 1
    for _ in range(MOST_ATTEMPTS):
        write(engine, "update task set run_after = :now where state = 'waiting'", now=later)
        claim = claim_next(engine, SYSTEM, "place", 60, later)
        assert claim is not None
        return_task(engine, SYSTEM, claim, "error", "KeyError", 1, later)
    with engine.connect() as connection:
        [waiting] = waiting_escalations(connection, later)
    assert waiting.sentence == UNABLE


@pytest.mark.parametrize("opt_outs", [[], ["hate"]])
def test_what_leads_are_told_says_nothing_of_what_protects_anybody(
    database: Database, opt_outs: list[str]
) -> None:
    """Ada alone speaks the language: whether she has opted out is nowhere to be seen."""
    ada = auditor("ada", team="t1", languages=["id"], opt_outs=opt_outs)
    morrow = auditor(
        "ada", languages=["id"], opt_outs=opt_outs, shift_start=NINE + A_DAY, shift_end=NINE + A_DAY + 7200
    )
    with engine_of(database) as engine:
        load(engine, instance(Day(policy(), (ada, auditor("ben", team="t2")), (sample("s1"),))))
        planned(engine, WORK_DATE, NOW)
        next_date = WORK_DATE + timedelta(days=1)
        load(engine, instance(Day(policy(), (morrow,), (sample("s2"),), work_date=next_date)))
        asked = Escalation("e-1", "ID", "id", "hate", 0, "image", 5400, 1, 1, None, None, ())
        escalate(engine, TOOL, "e-1", asked, NOW)
        place_all(engine, NOW)
        with engine.connect() as connection:
            [waiting] = waiting_escalations(connection, NOW)
        assert waiting.earliest == datetime.fromtimestamp(NINE + A_DAY, UTC)
        assert rows(engine, TOLD_LEADS) == [("team:t1", "escalation-waits")]
