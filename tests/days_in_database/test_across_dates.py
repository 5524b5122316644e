"""What belongs to no date is wanted once, by whichever comes first; what a date leaves when it is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from allocator.verify import verify
from models.actions.close_shifts import close_shifts
from models.actions.skip import skip
from models.actor import SYSTEM, Actor
from models.refusal import Refusal
from tests.conftest import Database
from tests.days.build import NINE, WORK_DATE, Day, auditor, instance, policy, sample
from tests.days_in_database.steps import (
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

TOMORROW = WORK_DATE + timedelta(days=1)
EVENING = datetime.fromtimestamp(NINE + 14 * 3600, UTC)
"""After today's shifts, before tomorrow's."""


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    """Ada is on shift today and bo tomorrow; an escalation waits that either could take."""
    with engine_of(database) as made:
        load(made, instance(Day(policy=policy(), auditors=(auditor("ada"),), items=())))
        other = instance(Day(policy=policy(), auditors=(auditor("bo"),), items=()))
        load(made, on_other_date(other, 1))
        write(
            made,
            """
            insert into item (id, kind, market, language, category, severity, modality, seconds, reviews,
                              priority, excluded, only_for)
            values ('up-1', 'escalation', 'ID', 'en', 'adult', 0, 'image', 60, 1, 1, '{}', '{}')
            """,
        )
        yield made


def holders(engine: Engine) -> list[tuple[object, ...]]:
    return rows(engine, "select auditor, state from slot where kind = 'work' order by id")


def outstanding(engine: Engine) -> int:
    """Seconds that the ledger holds reserved."""
    signed = "case entry when 'reserve' then seconds when 'release' then -seconds end"
    (seconds,) = rows(engine, f"select coalesce(sum({signed}), 0)::bigint from ledger")
    return int(seconds[0])


def test_two_dates_planned_side_by_side_do_not_both_take_it(engine: Engine) -> None:
    today, tomorrow = make(engine, WORK_DATE), make(engine, TOMORROW)
    publish(engine, today)
    with pytest.raises(Refusal) as refused:
        publish(engine, tomorrow)
    assert refused.value.kind == "stale"
    assert holders(engine) == [("ada", "planned")]


def test_what_nobody_came_to_is_given_back_and_planned_again(engine: Engine) -> None:
    planned(engine, WORK_DATE)
    assert "up-1" not in inputs_of(engine, TOMORROW).instance.items["id"].to_list()
    assert close_shifts(engine, SYSTEM, datetime.fromtimestamp(NINE, UTC)) == 0
    assert outstanding(engine) == 60
    assert close_shifts(engine, SYSTEM, EVENING) >= 1
    assert close_shifts(engine, SYSTEM, EVENING) == 0
    assert outstanding(engine) == 0
    planned(engine, TOMORROW)
    assert holders(engine) == [("ada", "withdrawn"), ("bo", "planned")]
    # What was published is still what it was.
    for date in (WORK_DATE, TOMORROW):
        out = exported(engine, date)
        assert out.plan is not None
        assert verify(out.instance, out.plan) == []


def test_what_has_started_stays(engine: Engine) -> None:
    planned(engine, WORK_DATE)
    write(engine, "update slot set state = 'started', started_at = planned_start where kind = 'work'")
    close_shifts(engine, SYSTEM, EVENING)
    assert holders(engine) == [("ada", "started")]
    assert outstanding(engine) == 60


def test_what_somebody_skipped_is_not_theirs_on_another_date(engine: Engine) -> None:
    planned(engine, WORK_DATE)
    write(engine, "update slot set state = 'skipped' where kind = 'work'")
    (row,) = inputs_of(engine, TOMORROW).instance.items.select("id", "excluded").rows()
    assert row == ("up-1", ["ada"])


def test_skipping_costs_nothing(database: Database) -> None:
    """Whoever plans the next date knows of who skipped everything what was known before; nobody is told."""
    work = tuple(sample(f"s-{n}", draw=n, severity=4) for n in range(1, 5))
    today = instance(Day(policy=policy(), auditors=(auditor("ada"), auditor("bo")), items=work))

    def known(engine: Engine) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
        inputs = inputs_of(engine, TOMORROW)
        return inputs.instance.auditors.to_dicts(), inputs.instance.history.to_dicts()

    with engine_of(database) as engine:
        load(engine, today)
        load(engine, on_other_date(instance(Day(policy=policy(), auditors=(auditor("ada"),), items=())), 1))
        before = known(engine)
        planned(engine, WORK_DATE)
        assert known(engine) != before  # what is reserved today counts tomorrow
        at_work = datetime.fromtimestamp(NINE + 60, UTC)
        told = rows(engine, "select count(*) from notice")
        for slot, person in rows(
            engine, "select id, auditor from slot where kind = 'work' and state = 'planned'"
        ):
            skip(engine, Actor("auditor", str(person)), int(str(slot)), None, at_work)
        assert {state for _, state in holders(engine)} == {"skipped"}
        assert known(engine) == before
        assert rows(engine, "select count(*) from notice") == told
