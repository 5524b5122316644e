"""Publishing: everything of a plan or nothing, and only of the day as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from polars.testing import assert_frame_equal
from sqlalchemy import Engine

from allocator.instance import Instance
from allocator.rules.policy import Limit
from allocator.verify import verify
from models.actions.finish_task import finish_task
from models.refusal import Refusal
from tests.conftest import Database
from tests.days.build import NINE, WORK_DATE, Day, auditor, calibration, escalation, instance, policy, sample
from tests.days.random_day import random_day
from tests.days_in_database.steps import (
    LONG_AGO,
    Made,
    contents,
    engine_of,
    exported,
    inputs_of,
    load,
    make,
    on_other_date,
    planned,
    publish,
    rows,
    write,
)
from tests.days_in_database.working import work_until

SEVERE = Limit(
    "severe", frozenset(), 3, scope="org", measure="seconds", window_days=1, amount=3000, ceiling=9000
)


def small_day() -> Instance:
    return instance(
        Day(
            policy=policy(limits=(SEVERE,)),
            auditors=(auditor("ada"), auditor("bo")),
            items=(
                escalation("e1"),
                sample("s1"),
                sample("s2", draw=2, reviews=2),
                calibration("c1", reviews=2),
            ),
        )
    )


def reserved(engine: Engine) -> dict[int, int]:
    """Seconds that are reserved and not given back, by slot."""
    found = rows(
        engine,
        """
        select slot, sum(case entry when 'reserve' then seconds else -seconds end)::int
        from ledger where entry in ('reserve', 'release') group by slot having
        sum(case entry when 'reserve' then seconds else -seconds end) <> 0
        """,
    )
    return {row[0]: row[1] for row in found}


def planned_seconds(engine: Engine) -> dict[int, int]:
    """Seconds of live reviews, by slot."""
    found = rows(
        engine,
        """
        select id, extract(epoch from planned_end - planned_start)::int
        from slot where kind = 'work' and state in ('planned', 'started')
        """,
    )
    return {row[0]: row[1] for row in found}


def test_a_new_plan_takes_the_place_of_the_one_before(database: Database) -> None:
    with engine_of(database) as engine:
        load(engine, small_day())
        first = planned(engine, WORK_DATE)
        second = planned(engine, WORK_DATE)
        assert (first.version, second.version, second.withdrawn) == (1, 2, 0)
        assert second.told == 0
        assert rows(engine, "select version, state from plan order by id") == [
            (1, "superseded"),
            (2, "published"),
        ]
        assert rows(engine, "select plan, state, count(*)::int from slot group by 1, 2 order by 1") == [
            (second.plan, "planned", second.slots),
        ]
        assert second.slots == first.slots
        assert reserved(engine) == planned_seconds(engine)
        assert rows(engine, "select state, count(*)::int from task group by 1") == [("done", 2)]
        verbs = rows(engine, "select actor, subject from audit where verb = 'publish_plan' order by id")
        assert verbs == [
            ("operations:breakwater", f"plan:{first.plan}"),
            ("operations:breakwater", f"plan:{second.plan}"),
        ]


def test_reviews_of_an_item_are_numbered(database: Database) -> None:
    with engine_of(database) as engine:
        load(engine, small_day())
        planned(engine, WORK_DATE)
        numbers = "select item, review_no from slot where kind = 'work' and state = 'planned' order by 1, 2"
        assert rows(engine, numbers) == [
            ("c1", 1), ("c1", 2), ("e1", 1), ("s1", 1), ("s2", 1), ("s2", 2)
        ]  # fmt: skip


CHANGES: dict[str, Callable[[Engine, Made], object]] = {
    "a limit was lowered": lambda engine, made: write(engine, "select lower_limit('severe', 2999)"),  # noqa: ARG005
    "an item came": lambda engine, made: load(  # noqa: ARG005
        engine, instance(Day(policy=policy(limits=(SEVERE,)), items=(sample("s3", draw=3),)))
    ),
    "the claim was lost": lambda engine, made: write(  # noqa: ARG005
        engine, "update task set fence = fence + 1 where state = 'claimed'"
    ),
    "the task was taken back": lambda engine, made: write(  # noqa: ARG005
        engine, "update task set state = 'waiting', lease_until = null where state = 'claimed'"
    ),
    "the task is done": lambda engine, made: finish(engine, made),
    "another plan was published": lambda engine, made: other_plan(engine),  # noqa: ARG005
    "the plan was given up": lambda engine, made: write(  # noqa: ARG005
        engine, "update plan set state = 'failed' where state <> 'published'"
    ),
}


def finish(engine: Engine, made: Made) -> None:
    with engine.begin() as connection:
        finish_task(connection, made.claim.task, made.claim.fence, LONG_AGO)


def other_plan(engine: Engine) -> None:
    write(engine, "update task set dedupe_key = 'aside' where state = 'claimed'")
    planned(engine, WORK_DATE)


@pytest.mark.parametrize("change", CHANGES)
def test_a_plan_of_another_day_than_this_is_not_published(database: Database, change: str) -> None:
    with engine_of(database) as engine:
        load(engine, small_day())
        planned(engine, WORK_DATE)
        made = make(engine, WORK_DATE)
        CHANGES[change](engine, made)
        before = contents(engine)
        with pytest.raises(Refusal) as refusal:
            publish(engine, made)
        assert refusal.value.kind == "stale"
        assert contents(engine) == before


def test_what_the_guard_refuses_leaves_nothing(database: Database) -> None:
    """More was seen than the snapshot knew: the guard says no, and says nothing of whose limit it was."""
    with engine_of(database) as engine:
        load(engine, small_day())
        made = make(engine, WORK_DATE)
        write(
            engine,
            """
            insert into ledger (at, auditor, work_date, entry, category, severity, modality, seconds, items)
            select now(), id, '2026-11-23', 'history', 'hate', 3, 'image', 3000, 1 from auditor
            """,
        )
        before = contents(engine)
        with pytest.raises(Refusal) as refusal:
            publish(engine, made)
        assert refusal.value.kind == "stale"
        assert not {"ada", "bo", "severe", "3000"} & set(str(refusal.value).split())
        assert refusal.value.__cause__ is None
        assert contents(engine) == before
        # Asked again with a fresh snapshot, it is planned without: the task is still claimed.
        inputs = inputs_of(engine, WORK_DATE)
        fresh = make_again(made, inputs.instance)
        published = publish(engine, replace(fresh, inputs=inputs))
        assert published.version == 1
        severe = "select count(*) from slot where item = 'e1' and state = 'planned'"
        assert rows(engine, severe) == [(0,)]


def make_again(made: Made, day: Instance) -> Made:
    from allocator.optimise.planner import make_plan

    plan = make_plan(day)
    assert verify(day, plan) == []
    return replace(made, plan=plan)


def test_an_item_without_a_date_is_reviewed_once(database: Database) -> None:
    """Two dates may plan an escalation from upstream; who has done it elsewhere does not do it again."""
    with engine_of(database) as engine:
        load(engine, small_day())
        load(engine, on_other_date(small_day(), 1))
        write(
            engine,
            """
            insert into item (id, kind, market, language, category, severity, modality, seconds, reviews,
                              priority, excluded, only_for)
            values ('up-1', 'escalation', 'ID', 'en', 'adult', 0, 'image', 60, 2, 1, '{bo}', '{}'),
                   ('up-2', 'calibration', 'ID', 'en', 'adult', 0, 'image', 60, 1, 4, '{}', '{ada,bo,cy}')
            """,
        )
        planned(engine, WORK_DATE)
        assert who(engine, "up-1") == [("ada", 1)]
        assert who(engine, "up-2") == [("ada", 1), ("bo", 2)]
        tomorrow = WORK_DATE + timedelta(days=1)
        items = inputs_of(engine, tomorrow).instance.items.select("id", "reviews", "excluded", "only")
        left = {row[0]: row[1:] for row in items.rows() if row[0].startswith("up-")}
        assert left == {"up-1": (1, ["ada", "bo"], []), "up-2": (1, ["ada", "bo"], ["cy"])}
        # Tomorrow cy is there, for whom one of the items still waits.
        more = instance(Day(policy=policy(limits=(SEVERE,)), auditors=(auditor("cy"),), items=()))
        load(engine, on_other_date(more, 1))
        planned(engine, tomorrow)
        assert who(engine, "up-1") == [("ada", 1), ("cy", 2)]
        assert who(engine, "up-2") == [("ada", 1), ("bo", 2), ("cy", 3)]
        for date in (WORK_DATE, tomorrow):
            out = exported(engine, date)
            assert out.plan is not None
            assert verify(out.instance, out.plan) == []
        # Nobody wants them any more.
        known = inputs_of(engine, WORK_DATE).instance.items["id"]
        assert "up-2" in known.to_list()
        third = WORK_DATE + timedelta(days=2)
        load(engine, on_other_date(small_day(), 2))
        assert not [name for name in inputs_of(engine, third).instance.items["id"] if name.startswith("up-")]


def who(engine: Engine, item: str) -> list[tuple[object, ...]]:
    planned_reviews = (
        "select auditor, review_no from slot where item = :item and state = 'planned' order by 2"
    )
    return rows(engine, planned_reviews, item=item)


@pytest.mark.parametrize("seed", range(12))
def test_a_day_partly_worked_is_planned_anew(database: Database, seed: int) -> None:
    """What has been begun stands, with its real times; what was skipped goes to somebody else; what was worse
    than expected counts. The guard accepts, and the export holds."""
    rng = Random(seed)
    day = random_day(seed, replan=False, auditors=(2, 8), items=(20, 60))
    with engine_of(database) as engine:
        load(engine, day)
        first = planned(engine, day.work_date)
        moments = rows(engine, "select planned_start from slot order by planned_start")
        assert moments, "nobody can do anything on this day: choose another seed"
        now = rng.choice(moments)[0] + timedelta(seconds=rng.randint(1, 600))
        stands = work_until(engine, rng, day.work_date, now)
        second = planned(engine, day.work_date, now)
        assert second.version == 2
        assert first.plan != second.plan
        assert work_that_stands(engine) == stands
        assert reserved(engine) == planned_seconds(engine)
        early = "select count(*) from slot where state = 'planned' and planned_start < :now - interval '1 s'"
        assert rows(engine, early, now=now) == [(0,)]
        again = rows(
            engine,
            """
            select count(*) from slot skipped join slot using (item, auditor)
            where skipped.state = 'skipped' and slot.state = 'planned'
            """,
        )
        assert again == [(0,)]
        out = exported(engine, day.work_date, now)
        assert out.plan is not None
        assert verify(out.instance, out.plan) == []
        third = make(engine, day.work_date, now)
        assert_frame_equal(third.inputs.instance.fixed, out.instance.fixed)
        publish(engine, third, now)
    assert not out.instance.fixed.is_empty() or not stands


def work_that_stands(engine: Engine) -> list[tuple[object, ...]]:
    columns = "id, auditor, state, started_at, ended_at"
    return rows(engine, f"select {columns} from slot where state in ('started', 'done') order by id")


def test_the_plan_of_a_day_in_progress_begins_now(database: Database) -> None:
    now = datetime.fromtimestamp(NINE + 1200, UTC)
    with engine_of(database) as engine:
        load(engine, small_day())
        planned(engine, WORK_DATE)
        write(
            engine,
            """
            update slot set state = 'started', started_at = planned_start
            where id = (select min(id) from slot where auditor = 'ada' and kind = 'work')
            """,
        )
        inputs = inputs_of(engine, WORK_DATE, now)
    # The shortest time that a plan is given to be made.
    assert inputs.instance.now == NINE + 1200 + 120
    begun, *others = inputs.instance.fixed.filter(auditor="ada").rows()
    auditor_, kind, _, start, end = begun
    assert (auditor_, kind) == ("ada", "work")
    # It should have ended; it has not, and takes at least until now.
    assert start < NINE + 1200 < end
    # What they come to next stands as well, at the pace that they have.
    assert [row[3] for row in others[:1]] == [end]
    assert all(row[3] < NINE + 1200 + 120 for row in others)


def test_a_plan_that_comes_late_plans_nothing_into_the_past(database: Database) -> None:
    late = datetime.fromtimestamp(NINE + 1200, UTC)
    with engine_of(database) as engine:
        load(engine, small_day())
        assert inputs_of(engine, WORK_DATE, datetime.fromtimestamp(NINE, UTC)).instance.now is None
        # Nobody knows yet how long it takes to make one.
        assert inputs_of(engine, WORK_DATE, late).instance.now == NINE + 1200 + 300
        planned(engine, WORK_DATE, late)
        (first,) = rows(engine, "select min(planned_start) from slot")
    assert first[0] >= late + timedelta(seconds=300)
