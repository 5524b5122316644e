"""What went in comes out: loaded, planned, published, exported, and found legal and true by the verifier."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from allocator.files.instance import write_instance
from allocator.instance import HISTORY
from allocator.plan import Plan
from allocator.scenarios.demo import DEMO_DATE, demo_day
from allocator.verify import verify
from config.cli import main
from config.policy import default_policy_document
from tests.conftest import Database
from tests.days.random_day import random_day
from tests.days_in_database.steps import engine_of, exported, inputs_of, load, make, planned, publish, rows

SEEDS = range(12)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_day_is_read_as_it_was_loaded(database: Database, seed: int) -> None:
    day = random_day(seed, replan=False)
    with engine_of(database) as engine:
        load(engine, day)
        read = inputs_of(engine, day.work_date).instance
    assert read.policy == day.policy
    assert (read.name, read.work_date, read.now) == (day.name, day.work_date, None)
    assert_frame_equal(read.auditors, day.auditors.sort("id"))
    assert_frame_equal(read.items, day.items)
    assert read.fixed.is_empty()
    assert_frame_equal(read.history, seen_by_those_on_shift(day.history, day.auditors, read.history))


def seen_by_those_on_shift(history: pl.DataFrame, auditors: pl.DataFrame, read: pl.DataFrame) -> pl.DataFrame:
    """The history that planning needs: of whoever is on shift, as far back as it was read, added up."""
    key = [name for name in HISTORY if name not in ("seconds", "items")]
    first = read["work_date"].min()
    return (
        history.filter(pl.col("auditor").is_in(auditors["id"].implode()))
        .filter(pl.col("work_date") >= first if first is not None else pl.lit(False))
        .group_by(key)
        .agg(pl.col("seconds", "items").sum())
        .filter((pl.col("seconds") > 0) | (pl.col("items") > 0))
        .sort(key)
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_the_plan_in_the_database_is_the_plan_that_was_made(database: Database, seed: int) -> None:
    day = random_day(seed, replan=False)
    with engine_of(database) as engine:
        load(engine, day)
        made = make(engine, day.work_date)
        published = publish(engine, made)
        out = exported(engine, day.work_date)
    assert (out.version, out.changed, published.version) == (1, False, 1)
    assert out.plan is not None
    assert verify(out.instance, out.plan) == []
    assert as_table(out.plan) == as_table(made.plan)
    assert_frame_equal(out.plan.unplanned, made.plan.unplanned)
    assert (out.plan.goals, out.plan.bounds) == (made.plan.goals, made.plan.bounds)
    assert (out.plan.certificate, out.plan.counts) == (made.plan.certificate, made.plan.counts)


def as_table(plan: Plan) -> list[tuple[object, ...]]:
    return sorted(plan.slots.rows(), key=repr)


def test_every_review_is_reserved_once(database: Database) -> None:
    day = random_day(3, replan=False, items=(40, 60))
    with engine_of(database) as engine:
        load(engine, day)
        planned(engine, day.work_date)
        reserved = rows(
            engine,
            """
            select auditor, category, severity, modality, seconds, items, slot from ledger
            where entry <> 'history' order by slot
            """,
        )
        slots = rows(
            engine,
            """
            select slot.auditor, category, severity, modality,
                   extract(epoch from planned_end - planned_start)::bigint, 1, slot.id
            from slot join item on item.id = slot.item order by slot.id
            """,
        )
    assert slots
    assert reserved == slots


def test_the_demo_day_by_its_verbs(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", database.url)
    monkeypatch.setenv("OWNER_DATABASE_URL", database.owner_url)
    write_instance(demo_day(default_policy_document()), tmp_path / "in", "ndjson")
    assert main(["migrate"]) == 0
    assert main(["load", str(tmp_path / "in")]) == 0
    assert "1 600 new items" in capsys.readouterr().out
    out = str(tmp_path / "out")
    assert main(["export", str(DEMO_DATE), "--out", out]) == 0
    assert "no plan of that date is in force" in capsys.readouterr().out
    assert not (tmp_path / "out" / "plan").exists()
    with engine_of(database) as engine:
        planned(engine, DEMO_DATE)
    for form in ("parquet", "ndjson"):
        assert main(["export", str(DEMO_DATE), "--out", out, "--format", form]) == 0
        assert main(["verify", str(tmp_path / "out" / "day"), str(tmp_path / "out" / "plan")]) == 0
    # What was taken out can be brought in: it is there already.
    capsys.readouterr()
    assert main(["load", str(tmp_path / "out" / "day")]) == 0
    assert "nothing that was not there already" in capsys.readouterr().out


def test_refusals_of_the_verbs(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", database.url)
    assert main(["export", "2026-11-23", "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == "breakwater export: Nothing is loaded for 2026-11-23.\n"
    (tmp_path / "file").touch()
    assert main(["export", "2026-11-23", "--out", str(tmp_path / "file")]) == 2
    assert "is a file" in capsys.readouterr().err
    assert main(["load", str(tmp_path / "nowhere")]) == 2
    assert "is not a folder" in capsys.readouterr().err
    monkeypatch.delenv("DATABASE_URL")
    assert main(["load", str(tmp_path)]) == 2
    write_instance(demo_day(default_policy_document()), tmp_path / "in", "ndjson")
    assert main(["load", str(tmp_path / "in")]) == 2
    assert "DATABASE_URL: not set" in capsys.readouterr().err
