"""An item is not wanted any more."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from models.actions.withdraw_item import withdraw_item
from models.actor import Actor
from models.refusal import Refusal
from tests.conftest import Database
from tests.days.build import NINE, WORK_DATE, Day, auditor, instance, policy, sample
from tests.days_in_database.steps import (
    contents,
    engine_of,
    inputs_of,
    load,
    make,
    planned,
    publish,
    rows,
    write,
)

TOOL = Actor("upstream", "tool")
OTHER_TOOL = Actor("upstream", "other")
OPERATIONS = Actor("operations", "olga")
NOW = datetime.fromtimestamp(NINE - 600, UTC)


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    """A sample of two reviews, and an escalation that a tool has submitted; both planned."""
    day = instance(
        Day(policy=policy(), auditors=(auditor("ada"), auditor("bo")), items=(sample("s1", reviews=2),))
    )
    with engine_of(database) as made:
        load(made, day)
        write(
            made,
            """
            insert into item (id, kind, market, language, category, severity, modality, seconds, reviews,
                              priority, excluded, only_for, submitted_by, submitted_at)
            values ('up-1', 'escalation', 'ID', 'en', 'adult', 0, 'image', 60, 1, 1, '{}', '{}',
                    'upstream:tool', now())
            """,
        )
        planned(made, WORK_DATE)
        yield made


def test_who_had_it_planned_is_told_and_it_counts_no_more(engine: Engine) -> None:
    found = withdraw_item(engine, OPERATIONS, "s1", NOW)
    assert len(found.slots) == 2
    assert rows(engine, "select count(*) from slot where item = 's1' and state = 'withdrawn'") == [(2,)]
    sums = "select sum(case entry when 'reserve' then seconds else -seconds end) from ledger"
    assert rows(engine, f"{sums} where slot in (select id from slot where item = 's1')") == [(0,)]
    assert rows(engine, "select addressee, kind from notice order by 1") == [
        ("auditor:ada", "item-withdrawn"),
        ("auditor:bo", "item-withdrawn"),
    ]
    assert rows(engine, "select state, reason from plan order by id") == [
        ("published", None),
        ("waiting", "item-withdrawn"),
    ]
    assert "s1" not in inputs_of(engine, WORK_DATE, NOW).instance.items["id"].to_list()
    before = contents(engine)
    assert withdraw_item(engine, OPERATIONS, "s1", NOW).slots == ()
    assert contents(engine) == before


def test_what_runs_goes_on(engine: Engine) -> None:
    write(
        engine,
        """
        update slot set state = 'started', started_at = planned_start where item = 's1' and auditor = 'ada'
        """,
    )
    assert len(withdraw_item(engine, OPERATIONS, "s1", NOW).slots) == 1
    assert rows(engine, "select state from slot where item = 's1' and auditor = 'ada'") == [("started",)]
    assert "s1" in inputs_of(engine, WORK_DATE, NOW).instance.items["id"].to_list()
    planned(engine, WORK_DATE, NOW)


def test_of_what_runs_no_further_review_is_planned(engine: Engine) -> None:
    ((slot,),) = rows(engine, "select min(id) from slot where item = 's1'")
    write(engine, f"update slot set state = 'started', started_at = planned_start where id = {slot}")
    withdraw_item(engine, OPERATIONS, "s1", NOW)
    later = datetime.fromtimestamp(NINE + 60, UTC)
    items = inputs_of(engine, WORK_DATE, later).instance.items
    assert items.filter(items["id"] == "s1")["reviews"].to_list() == [1]


def test_a_tool_withdraws_its_own_escalations_alone(engine: Engine) -> None:
    for actor, item in ((OTHER_TOOL, "up-1"), (TOOL, "s1"), (TOOL, "nothing"), (OPERATIONS, "nothing")):
        with pytest.raises(Refusal) as refused:
            withdraw_item(engine, actor, item, NOW)
        assert refused.value.kind == "not-found"
    assert len(withdraw_item(engine, TOOL, "up-1", NOW).slots) == 1


def test_one_that_waits_for_a_place_waits_no_more(engine: Engine) -> None:
    write(engine, "update slot set state = 'withdrawn' where item = 'up-1'")
    write(
        engine,
        """
        insert into waiting_escalation (item, since, tried_at, tries, missing, ruled_out, sentence)
        values ('up-1', now(), now(), 1, 1, '{}', 'Nobody.')
        """,
    )
    withdraw_item(engine, TOOL, "up-1", NOW)
    assert rows(engine, "select count(*) from waiting_escalation") == [(0,)]


def test_no_plan_that_holds_it_is_published_afterwards(engine: Engine) -> None:
    made = make(engine, WORK_DATE, NOW)
    withdraw_item(engine, TOOL, "up-1", NOW)
    with pytest.raises(Refusal) as refused:
        publish(engine, made, NOW)
    assert refused.value.kind == "stale"


def test_nor_a_first_plan(database: Database) -> None:
    day = instance(Day(policy=policy(), auditors=(auditor("ada"),), items=(sample("s1"),)))
    with engine_of(database) as engine:
        load(engine, day)
        made = make(engine, WORK_DATE, NOW)
        withdraw_item(engine, OPERATIONS, "s1", NOW)
        with pytest.raises(Refusal):
            publish(engine, made, NOW)


def test_it_is_taken_from_whoever_is_given_it_meanwhile(engine: Engine) -> None:
    """Somebody else is given it between the look and the lock: they lose it too."""
    write(engine, "update slot set state = 'withdrawn' where item = 'up-1'")
    with ThreadPoolExecutor(1) as aside, engine.begin() as giving:
        giving.execute(text("select lock_guards('{ada}')"))
        giving.execute(text("select id from item where id = 'up-1' for share"))
        withdrawn = aside.submit(withdraw_item, engine, TOOL, "up-1", NOW)
        with pytest.raises(TimeoutError):
            withdrawn.result(0.5)
        giving.execute(
            text("""
                insert into slot (plan, auditor, work_date, kind, item, review_no, planned_start, planned_end)
                select plan, 'ada', work_date, 'work', 'up-1', 1, planned_start, planned_end
                from slot where item = 's1' limit 1
            """)
        )
        giving.commit()
        assert len(withdrawn.result(20).slots) == 1
    assert rows(engine, "select count(*) from slot where item = 'up-1' and state = 'planned'") == [(0,)]
