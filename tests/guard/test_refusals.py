"""Every SQLSTATE of the guard, and what brings it about."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest
from psycopg.types.json import Jsonb

from models.refusal import LIMIT_PASSED
from tests.guard.day import AMOUNT, least, one_limit, prepare, refused, whole
from tests.guard.world import DOSE_WEIGHTS, FIRST, NOW, Entry, copy_in, enter

PROPOSE = """
    insert into limit_proposal (limit_key, amount, reason, proposed_by, proposed_at)
    values ('only', %s, 'test', 'lead:one', %s) returning id
"""
ENTRIES_OF_SLOTS = ("reserve", "release", "post", "incident")
APPROVE = "select approve_raise(%s, %s, %s)"


def propose(app: psycopg.Connection, amount: int) -> int:
    row = app.execute(PROPOSE, [amount, NOW]).fetchone()
    assert row is not None
    return int(row[0])


def test_bw001_names_whose_limit_and_which_and_nobodys_exposure(app: psycopg.Connection) -> None:
    assert LIMIT_PASSED == "BW001"
    places = prepare(app, one_limit(), people=3)
    first, second, third = (places[f"p0{i}", FIRST][0] for i in (1, 2, 3))
    too_much = [replace(whole("reserve", place), seconds=AMOUNT + 1) for place in (second, first)]
    with refused("BW001") as caught:
        enter(app, *too_much, whole("reserve", third))
    assert caught.value.diag.message_detail == (
        '[{"auditor": "p01", "limit_key": "only", "work_date": "2026-11-23"}, '
        '{"auditor": "p02", "limit_key": "only", "work_date": "2026-11-23"}]'
    )
    assert app.execute("select count(*) from ledger").fetchone() == (0,)
    assert app.execute("select count(*) from limit_day").fetchone() == (0,)


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_bw002_nothing_changes_under_an_old_snapshot(level: str, app: psycopg.Connection) -> None:
    place = prepare(app, one_limit())["p01", FIRST][0]
    proposal = propose(app, AMOUNT + 1)
    app.execute("select set_config('default_transaction_isolation', %s, false)", [level])
    for entry in ("reserve", "history"):
        with refused("BW002"):
            enter(app, least(entry, place))
    with refused("BW002"):
        copy_in(app, [least("reserve", place)])
    for statement, *given in (
        ("insert into ledger (at) select now() where false",),
        ("select lock_guards('{p01}')",),
        ("select lock_limits()",),
        ("select lower_limit('only', 1)",),
        (APPROVE, proposal, "wellbeing:two", NOW),
        ("select exposure_use_of('{}', 2::smallint, 'items')",),
        ("select set_dose_weights(%s)", Jsonb(DOSE_WEIGHTS)),
        ("update auditor set team = 'red'",),
        ("insert into exposure_limit select 'more', 1, scope, use, 1, 1 from exposure_limit",),
    ):
        with refused("BW002"):
            app.execute(statement.encode(), given)


def test_bw003_somebody_unknown(app: psycopg.Connection) -> None:
    place = prepare(app, one_limit())["p01", FIRST][0]
    with refused("BW003"):
        enter(app, least("history", place), replace(least("history", place), auditor="nobody"))
    assert app.execute("select count(*) from ledger").fetchone() == (0,)


def slots_not_theirs(app: psycopg.Connection) -> list[Entry]:
    places = prepare(app, one_limit(), people=2)
    planned, started = places["p01", FIRST]
    pause = app.execute(
        """
        insert into slot (auditor, work_date, kind, planned_start, planned_end, state, started_at)
        values ('p01', %s, 'break', %s, %s::timestamptz + interval '5 minutes', 'started', %s) returning id
        """,
        [FIRST, NOW, NOW, NOW],
    ).fetchone()
    assert pause is not None
    return [
        *(replace(least(entry, started), auditor="p02") for entry in ENTRIES_OF_SLOTS),
        replace(least("reserve", planned), work_date=places["p01", FIRST][0].work_date.replace(day=24)),
        least("post", planned),
        least("incident", planned),
        replace(least("post", started), slot=pause[0]),
        replace(least("reserve", planned), slot=10**9),
    ]


def test_bw004_a_slot_that_is_not_theirs_or_has_not_started(app: psycopg.Connection) -> None:
    entries = slots_not_theirs(app)
    for entry in entries:
        with refused("BW004"):
            enter(app, entry)
    for kind in ENTRIES_OF_SLOTS:
        with refused("23514"):
            enter(app, replace(entries[0], auditor="p01", entry=kind, slot=None))


def test_bw005_more_is_released_than_was_reserved(app: psycopg.Connection) -> None:
    places = prepare(app, one_limit("items", amount=100), people=2)
    place = places["p01", FIRST][0]
    with refused("BW005"):
        enter(app, least("release", place))
    reserve = replace(least("reserve", place), seconds=50, items=2)
    release = replace(reserve, entry="release")
    enter(app, reserve)
    for wrong in (
        replace(release, seconds=51),
        replace(release, items=3),
        replace(release, category="adult"),
        replace(release, severity=2),
        replace(release, modality="image"),
        replace(release, slot=places["p01", FIRST][1].slot),
    ):
        with refused("BW005"):
            enter(app, wrong)
    with refused("BW005"):
        enter(app, release, replace(release, seconds=1, items=0))
    enter(app, replace(release, items=0), replace(release, seconds=0))
    with refused("BW005"):
        enter(app, replace(release, seconds=1, items=0))
    enter(app, reserve, release)
    assert app.execute("select distinct seen, reserved from limit_day").fetchall() == [(0, 0)]


def test_bw005_the_reservation_of_a_slot_that_became_anothers(app: psycopg.Connection) -> None:
    places = prepare(app, one_limit(), people=2)
    place, own = places["p01", FIRST][0], places["p02", FIRST][0]
    enter(app, whole("reserve", place), whole("reserve", own))
    app.execute("update slot set auditor = 'p02' where id = %s", [place.slot])
    with refused("BW005"):
        enter(app, replace(whole("release", place), auditor="p02"))
    with refused("BW004"):
        enter(app, whole("release", place))
    with refused("BW001"):
        enter(app, least("reserve", own))


def test_bw006_lowering_that_does_not_lower(app: psycopg.Connection) -> None:
    prepare(app, one_limit())
    for key, amount in (("only", AMOUNT + 1), ("unknown", 1), ("only", None), (None, 1)):
        with refused("BW006"):
            app.execute("select lower_limit(%s, %s)", [key, amount])
    with refused("23514"):
        app.execute("select lower_limit('only', -1)")
    assert app.execute("select lower_limit('only', %s)", [AMOUNT]).fetchone() == (AMOUNT,)


def test_bw007_a_raise_that_this_person_cannot_approve(app: psycopg.Connection) -> None:
    prepare(app, one_limit())

    def refuse(proposal: int | None, by: str | None = "wellbeing:two") -> None:
        with refused("BW007"):
            app.execute(APPROVE, [proposal, by, NOW])

    def withdraw() -> None:
        app.execute("update limit_proposal set state = 'withdrawn', decided_by = 'x' where state = 'pending'")

    refuse(None)
    refuse(10**9)
    for amount in (AMOUNT, AMOUNT - 1, 2 * AMOUNT + 1):
        refuse(propose(app, amount))
        withdraw()
    overtaken = propose(app, AMOUNT + 5)
    refuse(overtaken, "lead:one")
    with refused("23514"):
        app.execute(APPROVE, [overtaken, None, NOW])
    app.execute(APPROVE, [overtaken, "wellbeing:two", NOW])
    refuse(overtaken)
    assert app.execute("select amount from exposure_limit").fetchone() == (AMOUNT + 5,)
    withdrawn = propose(app, 2 * AMOUNT)
    withdraw()
    refuse(withdrawn)


def test_a_raise_takes_effect_and_every_change_is_counted(app: psycopg.Connection) -> None:
    place = prepare(app, one_limit())["p01", FIRST][0]
    enter(app, whole("reserve", place))
    version = app.execute("select limits_version from installation").fetchone()
    assert version == (1,)
    app.execute(APPROVE, [propose(app, AMOUNT + 1), "wellbeing:two", NOW])
    enter(app, least("reserve", place))
    with refused("BW001"):
        enter(app, least("reserve", place))
    app.execute("select lower_limit('only', 3)")
    assert app.execute("select limits_version from installation").fetchone() == (3,)
