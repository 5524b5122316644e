"""Ways round the guard that somebody with the application's rights could think of."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Database
from tests.guard import replay
from tests.guard.day import AMOUNT, least, one_limit, prepare, refused, whole
from tests.guard.race import number_statements
from tests.guard.racer import as_application
from tests.guard.world import DOSE_WEIGHTS, FIRST, Entry, Place, copy_in, enter, values_of

COLUMNS = "at, auditor, work_date, entry, category, severity, modality, seconds, items, slot"
ROW = "(%s, %s, %s::date, %s, %s, %s::smallint, %s, %s::bigint, %s::bigint, %s::bigint)"
INSERT = f"insert into ledger ({COLUMNS}) values {ROW}"


@pytest.fixture
def full(app: psycopg.Connection) -> Place:
    """A slot of somebody who has all but a second of what they may."""
    place = prepare(app, one_limit())["p01", FIRST][0]
    enter(app, replace(whole("reserve", place), seconds=AMOUNT - 1))
    return place


def by_copy(app: psycopg.Connection, entry: Entry) -> None:
    copy_in(app, [entry, entry])


def by_two_inserts_in_one_statement(app: psycopg.Connection, entry: Entry) -> None:
    app.execute(
        f"with first as ({INSERT} returning 1) {INSERT}".encode(), [*values_of(entry), *values_of(entry)]
    )


def by_merge(app: psycopg.Connection, entry: Entry) -> None:
    app.execute(
        f"merge into ledger using (values {ROW}, {ROW}) as given ({COLUMNS}) on false when not matched then "
        f"insert ({COLUMNS}) values ({COLUMNS.replace('at,', 'given.at,', 1)})".encode(),
        [*values_of(entry), *values_of(entry)],
    )


def by_on_conflict(app: psycopg.Connection, entry: Entry) -> None:
    app.execute(f"{INSERT}, {ROW} on conflict do nothing".encode(), [*values_of(entry), *values_of(entry)])


def by_a_view(app: psycopg.Connection, entry: Entry) -> None:
    app.execute(f"create temp view mine as select {COLUMNS} from ledger".encode())
    app.execute(f"insert into mine ({COLUMNS}) values {ROW}, {ROW}".encode(), [*values_of(entry)] * 2)


def by_a_function_in_the_statement(app: psycopg.Connection, entry: Entry) -> None:
    """The function's insert comes before the statement's own, which has not been judged yet."""
    app.execute(
        f"""
        create function pg_temp.sly(given int) returns timestamptz language plpgsql as $$
        begin
            insert into ledger ({COLUMNS}) select {COLUMNS} from pg_temp.given;
            return now();
        end
        $$
    """.encode()
    )
    given = f"create temp table given as select * from (values {ROW}) given ({COLUMNS})"
    app.execute(given.encode(), values_of(entry))
    app.execute(f"insert into ledger ({COLUMNS}) select pg_temp.sly(1), {COLUMNS[4:]} from given".encode())


def by_savepoints(app: psycopg.Connection, entry: Entry) -> None:
    """What a savepoint takes back is neither counted nor forgotten."""
    with app.transaction():
        for _ in range(3):
            with app.transaction(force_rollback=True):
                enter(app, entry)
        enter(app, entry)
        enter(app, entry)


def by_a_prepared_statement(app: psycopg.Connection, entry: Entry) -> None:
    for _ in range(10):
        app.execute(INSERT.encode(), values_of(entry), prepare=True)


def by_shadows(app: psycopg.Connection, entry: Entry) -> None:
    """Tables and functions of one's own that are named as the guard's."""
    for name in ("auditor_guard", "limit_day", "exposure_limit", "exposure_use", "auditor", "shift", "added"):
        columns = "" if name == "added" else f"(like public.{name})"
        app.execute(f"create temp table {name} {columns or '(auditor text)'}".encode())
    app.execute("""
        create function pg_temp.limits_passed(exposure_touched[]) returns setof exposure_touched
            language sql as 'select null::exposure_touched where false';
        create function pg_temp.lock_guards(text[]) returns bigint language sql return 1000;
        create function pg_temp.exposure_measured(exposure_use, text, smallint, bigint, bigint, bigint)
            returns bigint language sql return 0;
        create function pg_temp.div(numeric, numeric) returns numeric language sql return 1000000;
        set search_path = pg_temp, public, pg_catalog
    """)
    app.execute(INSERT.replace("ledger", "public.ledger", 1).encode(), values_of(entry))
    app.execute(INSERT.replace("ledger", "public.ledger", 1).encode(), values_of(entry))


WAYS: tuple[Callable[[psycopg.Connection, Entry], None], ...] = (
    by_copy,
    by_two_inserts_in_one_statement,
    by_merge,
    by_on_conflict,
    by_a_view,
    by_a_function_in_the_statement,
    by_savepoints,
    by_a_prepared_statement,
    by_shadows,
)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_two_seconds_do_not_fit_where_one_is_left(
    way: Callable[[psycopg.Connection, Entry], None], full: Place, app: psycopg.Connection
) -> None:
    with refused("BW001"):
        way(app, least("reserve", full))
    held = app.execute("select sum(reserved) from public.limit_day").fetchone()
    assert held is not None
    assert held[0] <= AMOUNT


def test_a_slot_reserved_twice_counts_twice(app: psycopg.Connection) -> None:
    place = prepare(app, one_limit())["p01", FIRST][0]
    half = replace(whole("reserve", place), seconds=AMOUNT // 2)
    enter(app, half)
    enter(app, half)
    with refused("BW001"):
        enter(app, half)


def test_a_withdrawn_slot_counts_until_it_is_released(full: Place, app: psycopg.Connection) -> None:
    app.execute("update slot set state = 'withdrawn' where id = %s", [full.slot])
    with refused("BW001"):
        enter(app, replace(least("reserve", full), seconds=2))


def test_nothing_negative_is_entered(full: Place, app: psycopg.Connection) -> None:
    for entry in ("reserve", "release", "history"):
        with refused("23514"):
            enter(app, replace(least(entry, full), seconds=-1))


# ------------------------------------------------------------------------------------------- two at a time


class Waiting:
    """Another session that writes, and has to wait for ours: this returns when it waits."""

    def __init__(self, url: str, write: Callable[[psycopg.Connection], Any]) -> None:
        self.connection = as_application(url)
        self.sqlstate: str | None = None
        self.thread = threading.Thread(target=self.run, args=(write,))
        self.thread.start()
        pid = self.connection.info.backend_pid
        with as_application(url) as watch:
            while watch.execute("select cardinality(pg_blocking_pids(%s))", [pid]).fetchone() == (0,):
                assert self.thread.is_alive(), f"did not wait, and ended with {self.sqlstate}"

    def run(self, write: Callable[[psycopg.Connection], Any]) -> None:
        try:
            write(self.connection)
        except psycopg.Error as error:
            self.sqlstate = error.sqlstate

    def end(self) -> str | None:
        """How it ended, once it need not wait any longer: None or an SQLSTATE."""
        self.thread.join()
        self.connection.close()
        return self.sqlstate


@pytest.mark.parametrize(
    "change",
    [
        "update auditor set exposure_percent = 50",
        "update auditor set team = 'red'",
        "insert into shift select id, '2026-11-23', team, 'ID', timezone, '{}', '{}', '{}', '{}', 4, 50, "
        "now(), now() + interval '1 hour' from auditor",
        "select lower_limit('only', 5)",
        "insert into exposure_limit select 'more', 1, 'org', use, 1, 5 from exposure_limit limit 1",
        "with use as (select exposure_use_of('{violence}', 1::smallint, 'seconds') as id) "
        "insert into exposure_limit select 'more', 1, 'org', id, 1, 5 from use",
    ],
)
def test_who_reserves_waits_for_a_change_and_obeys_it(
    change: str, database: Database, app: psycopg.Connection
) -> None:
    red = replace(one_limit(scope="team:red", amount=5), key="red")
    place = prepare(app, one_limit(), red)["p01", FIRST][0]
    with app.transaction():
        app.execute(change.encode())
        reserving = Waiting(database.url, lambda other: enter(other, whole("reserve", place)))
    assert reserving.end() == "BW001"


def test_a_change_waits_for_who_reserves_and_new_sums_hold_what_they_reserved(
    database: Database, app: psycopg.Connection
) -> None:
    number_statements(database.owner_url)
    place = prepare(app, one_limit())["p01", FIRST][0]
    for change in (
        "select exposure_use_of('{violence}', 1::smallint, 'items')",
        "select lower_limit('only', 5)",
        "update auditor set exposure_percent = 50",
    ):
        with app.transaction():
            enter(app, least("reserve", place))
            changing = Waiting(database.url, partial(psycopg.Connection.execute, query=change.encode()))
        assert changing.end() is None
    with psycopg.connect(database.owner_url) as owner:
        assert replay.wrong_sums(owner) == {}


def test_lowering_a_limit_and_actions_do_not_lock_each_other_out(
    database: Database, app: psycopg.Connection
) -> None:
    """An action under way ends although somebody waits to lower a limit; who comes later waits for both."""
    places = prepare(app, one_limit(), people=2)
    first, second = places["p01", FIRST][0], places["p02", FIRST][0]
    with app.transaction():
        app.execute("select lock_guards('{p01,p02}')")
        lowering = Waiting(database.url, lambda other: other.execute("select lower_limit('only', 5)"))
        later = Waiting(database.url, lambda other: enter(other, whole("reserve", second)))
        enter(app, whole("reserve", first))
        enter(app, least("reserve", second))
    assert (lowering.end(), later.end()) == (None, "BW001")


def test_somebody_who_is_only_being_added_is_unknown(database: Database, app: psycopg.Connection) -> None:
    place = prepare(app, one_limit())["p01", FIRST][0]
    with as_application(database.url) as other, other.transaction():
        other.execute("insert into auditor select 'p02', team, home_market, timezone, 100 from auditor")
        with refused("BW003"):
            enter(app, replace(least("history", place), auditor="p02"))


def test_weights_are_made_up_for_what_is_in_the_ledger_already(
    database: Database, app: psycopg.Connection
) -> None:
    place = prepare(app, one_limit("dose"))["p01", FIRST][0]
    with psycopg.connect(database.owner_url) as owner:
        owner.execute("delete from dose_weight")
    enter(app, replace(whole("history", place, "dose"), seconds=80))
    enter(app, least("reserve", place))
    app.execute("select set_dose_weights(%s)", [Jsonb(DOSE_WEIGHTS)])
    with refused("BW001"):
        enter(app, least("reserve", place))
