"""Random days are what the readers would accept, and they cover what the rule book allows."""

from __future__ import annotations

from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from allocator.files.instance import read_instance, write_instance
from allocator.instance import Instance
from tests.brute_force.tiny_day import tiny_day
from tests.days.build import instance, write_day
from tests.days.random_day import random_day, random_rows

TABLES = ("auditors", "items", "history", "fixed")


def _same(one: Instance, other: Instance) -> None:
    assert (one.name, one.work_date, one.now) == (other.name, other.work_date, other.now)
    assert one.policy == other.policy
    for name in TABLES:
        assert_frame_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("seed", range(60))
def test_a_folder_written_by_hand_is_read_as_the_day_it_holds(seed: int, tmp_path: Path) -> None:
    rows = random_rows(seed)
    write_day(rows, tmp_path / "day")
    _same(read_instance(tmp_path / "day"), instance(rows))


@pytest.mark.parametrize("format", ["ndjson", "parquet"])
@pytest.mark.parametrize("seed", range(12))
def test_a_day_written_and_read_is_the_same_day(seed: int, format: str, tmp_path: Path) -> None:
    day = random_day(seed)
    write_instance(day, tmp_path, format)  # type: ignore[arg-type]
    _same(read_instance(tmp_path), day)


@pytest.mark.parametrize("seed", range(12))
def test_a_tiny_day_is_one_that_the_readers_accept(seed: int, tmp_path: Path) -> None:
    day = tiny_day(seed)
    write_instance(day, tmp_path, "ndjson")
    _same(read_instance(tmp_path), day)


def test_the_same_seed_gives_the_same_day() -> None:
    for seed in range(5):
        assert random_rows(seed, auditors=(1, 40)) == random_rows(seed, auditors=(1, 40))


def test_ranges_and_replanning_are_as_asked_for() -> None:
    for seed in range(30):
        day = random_day(seed, auditors=(2, 3), items=(5, 6), replan=seed % 2 == 0)
        assert day.auditors.height in (2, 3)
        assert day.items.height in (5, 6)
        assert (day.now is not None) == (seed % 2 == 0)


def test_a_few_hundred_days_hold_every_kind_of_rule_and_row() -> None:
    found = set()
    for seed in range(300):
        day = random_day(seed, auditors=(0, 6))
        policy = day.policy
        found |= {f"limit {limit.measure} {limit.scope.split(':')[0]}" for limit in policy.limits}
        found |= {f"stretch {s.measure} {s.reset_by is not None}" for s in policy.stretches}
        found |= {f"edge {edge.first > 0} {edge.last > 0}" for edge in policy.edges}
        found |= {f"item {kind}" for kind in day.items["kind"]}
        found |= {f"fixed {kind}" for kind in day.fixed["kind"]}
        found |= {"nobody"} if day.auditors.is_empty() else set()
        found |= {"nothing"} if day.items.is_empty() else set()
    measures = [
        f"limit {m} {s}" for m in ("seconds", "items", "dose") for s in ("org", "market", "team", "auditor")
    ]
    stretches = [f"stretch {m} {r}" for m in ("span", "seconds", "items") for r in (True, False)]
    others = ["edge True False", "edge False True", "edge True True", "nobody", "nothing"]
    kinds = [f"item {k}" for k in ("sample", "escalation", "calibration")]
    standing = [f"fixed {k}" for k in ("work", "break", "busy")]
    assert found >= {*measures, *stretches, *others, *kinds, *standing}
