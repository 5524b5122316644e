"""The sums that are made again from the ledger are those that it has."""

from __future__ import annotations

from random import Random

import psycopg
import pytest
from psycopg.types.json import Jsonb

from allocator.rules.policy import MODALITIES, SEVERITIES, Dose
from tests.conftest import Database
from tests.guard import replay
from tests.guard.day import refused
from tests.guard.race import number_statements
from tests.guard.racer import ACCEPTED, EVERYTHING, Racer
from tests.guard.world import DOSE_WEIGHTS, LATER_LIMITS, build, put_in_force

OTHER_DOSE = Dose((1, 1, 3, 5, 12), {"text": 5, "image": 11, "audio": 10, "video": 40, "live": 30})


@pytest.fixture
def filled(database: Database, app: psycopg.Connection) -> psycopg.Connection:
    """A ledger with some hundred entries of every kind."""
    number_statements(database.owner_url)
    places = build(app, people=4)
    racer = Racer(app, Random(1), places)
    weights = {kind: weight for kind, weight in EVERYTHING.items() if kind not in ("limit", "person")}
    assert racer.run(300, {**weights, "truth": 20})[ACCEPTED] > 100
    return app


def kinds(database: Database) -> set[str]:
    with psycopg.connect(database.owner_url) as owner:
        return {kind for (kind,) in owner.execute("select distinct entry from ledger")}


def test_a_new_use_is_filled_from_the_ledger(filled: psycopg.Connection, database: Database) -> None:
    assert kinds(database) == {"history", "reserve", "release", "post", "incident"}
    for limit in LATER_LIMITS:
        put_in_force(filled, limit)
    with psycopg.connect(database.owner_url) as owner:
        assert len(replay.uses_of(owner)) == 4 + len(LATER_LIMITS)
        assert replay.wrong_sums(owner) == {}


def test_a_use_that_is_there_is_taken_again(filled: psycopg.Connection) -> None:
    ask = "select exposure_use_of(%s, 1::smallint, 'seconds')"
    made = filled.execute(ask, [["violence", "adult"]]).fetchone()
    assert filled.execute(ask, [["adult", "violence", "adult"]]).fetchone() == made


def test_new_weights_make_every_sum_of_dose_again(filled: psycopg.Connection, database: Database) -> None:
    weights = [
        {"severity": severity, "modality": modality, "units": OTHER_DOSE.units_per_second(severity, modality)}
        for severity in SEVERITIES
        for modality in MODALITIES
    ]
    filled.execute("select set_dose_weights(%s)", [Jsonb(weights)])
    with psycopg.connect(database.owner_url) as owner:
        assert replay.wrong_sums(owner, OTHER_DOSE) == {}
        assert replay.wrong_sums(owner) != {}


@pytest.mark.parametrize("left_out", [False, True])
def test_no_weight_is_lowered_or_left_out(filled: psycopg.Connection, left_out: bool) -> None:
    first, *others = (weight for weight in DOSE_WEIGHTS if weight["severity"] == SEVERITIES[-1])
    milder = [weight for weight in DOSE_WEIGHTS if weight["severity"] != SEVERITIES[-1]]
    given = [*milder, *others] if left_out else [*milder, *others, first | {"units": 1}]
    before = filled.execute("select * from dose_weight order by 1, 2").fetchall()
    with refused("BW007"):
        filled.execute("select set_dose_weights(%s)", [Jsonb(given)])
    assert filled.execute("select * from dose_weight order by 1, 2").fetchall() == before


def test_the_databases_own_sums_of_the_ledger_are_these_too(filled: psycopg.Connection) -> None:
    rows = filled.execute("""
        (select auditor, use, work_date, seen, reserved from limit_day
         except all select sums.* from exposure_use, ledger_sums(id) sums)
        union all
        (select sums.* from exposure_use, ledger_sums(id) sums
         except all select auditor, use, work_date, seen, reserved from limit_day)
    """).fetchall()
    assert rows == []
