"""Bringing days in: what is new is added, what is there stays, and what cannot be beside it is refused."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import polars as pl
import pytest

from allocator.files.faults import Refused
from allocator.instance import Instance
from allocator.rules.policy import Limit, Policy
from config.cli import main
from tests.conftest import Database
from tests.days.build import (
    NINE,
    WORK_DATE,
    Day,
    Row,
    auditor,
    calibration,
    escalation,
    instance,
    policy,
    sample,
    write_day,
)
from tests.days.random_day import random_day
from tests.days_in_database.steps import (
    contents,
    engine_of,
    inputs_of,
    load,
    on_other_date,
    planned,
    rows,
    write,
)

SEVERE = Limit(
    "severe", frozenset(), 3, scope="org", measure="seconds", window_days=7, amount=7200, ceiling=9000
)
RULES = policy(limits=(SEVERE,))


def small_day(**changes: Any) -> Day:
    day = Day(
        policy=RULES,
        auditors=(auditor("ada"), auditor("bo")),
        items=(escalation("e1"), sample("s1"), sample("s2", draw=2)),
        history=(seen(), seen(work_date=WORK_DATE - timedelta(days=2))),
    )
    return replace(day, **changes)


def seen(**changes: Any) -> Row:
    row: Row = {
        "auditor": "ada",
        "work_date": WORK_DATE - timedelta(days=1),
        "category": "hate",
        "severity": 3,
        "modality": "image",
        "seconds": 600,
        "items": 2,
    }
    return {**row, **changes}


def faults_of(act: Callable[[], object]) -> list[str]:
    with pytest.raises(Refused) as refused:
        act()
    return [str(fault) for fault in refused.value.faults]


@pytest.mark.parametrize("seed", range(4))
def test_loading_twice_changes_nothing(database: Database, seed: int) -> None:
    day = random_day(seed, replan=False)
    with engine_of(database) as engine:
        assert load(engine, day).adopted
        before = contents(engine)
        again = load(engine, day)
        assert not again.adopted
        assert not again.changed
        assert contents(engine) == before


def test_two_teams_load_apart(database: Database) -> None:
    with engine_of(database) as engine:
        first = load(engine, instance(small_day(auditors=(auditor("ada"),))))
        other = small_day(auditors=(auditor("cy", team="t2"),), items=(), name="other")
        second = load(engine, instance(other))
        assert (first.new_shifts, second.new_shifts) == (1, 1)
        assert second.version > first.version
        read = inputs_of(engine, WORK_DATE).instance
    assert read.auditors["id"].to_list() == ["ada", "cy"]
    assert read.items.height == 3
    assert read.name == "day"


def test_changes_are_taken_over_while_nobody_has_the_item(database: Database) -> None:
    with engine_of(database) as engine:
        load(engine, instance(small_day()))
        changed = small_day(
            auditors=(auditor("ada", exposure_percent=50), auditor("bo")),
            items=(escalation("e1", seconds=60), sample("s1")),
        )
        loaded = load(engine, instance(changed))
        read = inputs_of(engine, WORK_DATE).instance
    assert (loaded.changed_shifts, loaded.changed_items, loaded.new_items) == (1, 1, 0)
    assert read.auditors["exposure_percent"].to_list() == [50, 100]
    assert read.items.select("id", "seconds").rows() == [("e1", 60), ("s1", 300), ("s2", 300)]


def test_an_item_that_somebody_has_does_not_change(database: Database) -> None:
    with engine_of(database) as engine:
        load(engine, instance(small_day()))
        planned(engine, WORK_DATE)
        longer = instance(small_day(items=(sample("s1"), escalation("e1", seconds=601, due=NINE + 3000))))
        before = contents(engine)
        (fault,) = faults_of(lambda: load(engine, longer))
        assert fault == (
            "items row 2 field seconds: is 601, and was 600 when the item was given to somebody, "
            "who has it still"
        )
        assert contents(engine) == before
        # New people and items may come; the plan stands, and whoever plans sees them.
        more = instance(small_day(auditors=(auditor("cy"),), items=(sample("s3", draw=3),)))
        assert load(engine, more).new_items == 1


def test_what_cannot_stand_beside_the_day(database: Database) -> None:
    with engine_of(database) as engine:
        load(engine, instance(small_day()))
        before = contents(engine)
        other_date = on_other_date(instance(small_day()), 1)
        same_ids = replace(other_date, items=other_date.items.with_columns(pl.col("id").str.slice(0, 2)))
        assert faults_of(lambda: load(engine, same_ids))[0] == (
            "items row 1 field id: repeats 'e1', which belongs to 2026-11-23"
        )
        drawn_twice = instance(small_day(items=(calibration("c1"), sample("s9", draw=2))))
        assert faults_of(lambda: load(engine, drawn_twice)) == [
            "items row 2 field draw: repeats position 2 in the draw of stratum 'ID/en/adult/0', "
            "of item 's2' here"
        ]
        mixed = instance(small_day(items=(sample("s9", draw=9, market="US", stratum="ID/en/adult/0"),)))
        (fault,) = faults_of(lambda: load(engine, mixed))
        assert fault.startswith("items row 1 field stratum: must have one market")
        begun = instance(small_day(now=NINE + 60))
        assert faults_of(lambda: load(engine, begun)) == [
            "instance.json field now: a day in progress is not loaded: what was begun here is known here"
        ]
        assert contents(engine) == before


def test_an_escalation_from_upstream_keeps_its_id(database: Database) -> None:
    with engine_of(database) as engine:
        load(engine, instance(small_day()))
        write(
            engine,
            """
            insert into item (id, kind, market, language, category, severity, modality, seconds, reviews,
                              priority, excluded, only_for, submitted_by, submitted_at)
            values ('up-1', 'escalation', 'ID', 'en', 'hate', 3, 'image', 600, 1, 1, '{}', '{}',
                    'upstream:tool', now())
            """,
        )
        taken = instance(small_day(items=(escalation("up-1"),)))
        assert faults_of(lambda: load(engine, taken)) == [
            "items row 1 field id: repeats 'up-1', which came from upstream, for no date"
        ]


def test_a_day_may_be_loaded_again_after_its_escalation_was_carried_over(database: Database) -> None:
    day = instance(small_day(items=(escalation("e-1"),)))
    with engine_of(database) as engine:
        load(engine, day)
        write(engine, "update item set work_date = null")
        load(engine, day)
        assert rows(engine, "select id, work_date from item") == [("e-1", None)]
        # What somebody has planned does not change under their hands, be it with a date or without.
        write(engine, "update item set work_date = :day", day=WORK_DATE)
        planned(engine, WORK_DATE)
        write(engine, "update item set work_date = null")
        milder = instance(small_day(items=(escalation("e-1", severity=0),)))
        assert faults_of(lambda: load(engine, milder)) != []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"severe_from": 2}, "policy.severe_from: differs from the policy in force"),
        ({"limits": ()}, "policy.limits: lacks the limit 'severe' of the policy in force"),
        (
            {"limits": (replace(SEVERE, amount=7201),)},
            "policy.limits[0].amount: is 7201, and the policy in force has 7200",
        ),
        (
            {"limits": (replace(SEVERE, window_days=1),)},
            "policy.limits[0].window_days: differs from the limit 'severe' in force",
        ),
        (
            {"limits": (replace(SEVERE, ceiling=None),)},
            "policy.limits[0].ceiling: differs from the limit 'severe' in force",
        ),
        (
            {"limits": (SEVERE, replace(SEVERE, key="more"))},
            "policy.limits[1].key: names 'more', which is no limit of the policy in force",
        ),
    ],
)
def test_loading_never_changes_the_policy(database: Database, changes: dict[str, Any], fault: str) -> None:
    with engine_of(database) as engine:
        load(engine, instance(small_day()))
        before = contents(engine)
        other = instance(small_day(policy=policy(**{"limits": (SEVERE,), **changes})))
        assert faults_of(lambda: load(engine, other)) == [
            f"instance.json field {fault}; loading a day never changes the policy"
        ]
        assert contents(engine) == before


def test_a_limit_that_was_lowered_stays_lowered(database: Database) -> None:
    with engine_of(database) as engine:
        load(engine, instance(small_day()))
        write(engine, "select lower_limit('severe', 3600)")
        for amount in (7200, 3600):
            same = policy(limits=(replace(SEVERE, amount=amount, reason="told otherwise"),))
            assert not load(engine, instance(small_day(policy=same))).changed
        assert amounts_in_force(inputs_of(engine, WORK_DATE).instance.policy) == {"severe": 3600}


def amounts_in_force(known: Policy) -> dict[str, int]:
    return {limit.key: limit.amount for limit in known.limits}


def test_exposure_is_topped_up_and_never_taken_away(database: Database) -> None:
    with engine_of(database) as engine:
        load(engine, instance(small_day()))
        more = (seen(seconds=700, items=1), seen(category="adult"), seen(auditor="never-heard-of"))
        loaded = load(engine, instance(small_day(history=more)))
        assert loaded.history == 2
        ledger = rows(
            engine,
            """
            select auditor, work_date, category, sum(seconds)::int, sum(items)::int from ledger
            group by 1, 2, 3 order by 2, 3
            """,
        )
        sums = rows(engine, "select work_date, seen from limit_day order by 1")
    before, yesterday = WORK_DATE - timedelta(days=2), WORK_DATE - timedelta(days=1)
    assert ledger == [
        ("ada", before, "hate", 600, 2),
        ("ada", yesterday, "adult", 600, 2),
        ("ada", yesterday, "hate", 700, 2),
    ]
    assert sums == [(before, 600), (yesterday, 1300)]


def test_what_was_planned_here_is_not_counted_twice(database: Database) -> None:
    """A later day's file tells of this one what the ledger knows already."""
    with engine_of(database) as engine:
        day = instance(small_day(history=()))
        load(engine, day)
        planned(engine, WORK_DATE)
        net = rows(engine, f"select {', '.join(seen())} from ledger")
        told = tuple(dict(zip(seen(), row, strict=True)) for row in net)
        later = on_other_date(day, 1)
        assert told
        following = replace(later, history=instance(small_day(history=told)).history)
        assert load(engine, following).history == 0


def test_the_profile_is_that_of_the_latest_shift(database: Database) -> None:
    with engine_of(database) as engine:
        day = instance(small_day(items=(), history=()))
        tomorrow = replace(
            on_other_date(day, 1), auditors=on_other_date(day, 1).auditors.with_columns(team=pl.lit("t9"))
        )
        load(engine, tomorrow)
        load(engine, day)
        assert rows(engine, "select distinct team from auditor") == [("t9",)]
        assert rows(engine, "select work_date, team from shift where auditor = 'ada' order by 1") == [
            (WORK_DATE, "t1"),
            (WORK_DATE + timedelta(days=1), "t9"),
        ]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"items": (sample("s\0"),)}, "items row 1 field id: must not hold a null character"),
        (
            {"items": (sample("s", excluded=["a\0"]),)},
            "items row 1 field excluded: must not hold a null character",
        ),
        (
            {"items": (sample("s", reviews=2**31),)},
            "items row 1 field reviews: must be at most 2147483647 here",
        ),
        (
            {"policy": policy(limits=(replace(SEVERE, window_days=36_501),))},
            "instance.json field policy.limits[0].window_days: must be at most 36500 here, and is 36501",
        ),
    ],
)
def test_what_a_database_cannot_hold(database: Database, changes: dict[str, Any], fault: str) -> None:
    with engine_of(database) as engine:
        before = contents(engine)
        assert faults_of(lambda: load(engine, instance(small_day(**changes)))) == [fault]
        assert contents(engine) == before


def test_a_fault_names_file_and_line(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", database.url)
    write_day(small_day(), tmp_path / "day")
    assert main(["load", str(tmp_path / "day")]) == 0
    write_day(small_day(items=(escalation("e2"), sample("s9", draw=2))), tmp_path / "more")
    items = tmp_path / "more" / "items.ndjson"
    items.write_text(items.read_text().replace("\n", "\n\n"))
    assert main(["load", str(tmp_path / "more")]) == 2
    assert capsys.readouterr().err.startswith("items.ndjson row 3 field draw: repeats position 2")


def test_many_loads_at_once(database: Database) -> None:
    """The same people in other orders, the same day and others: nobody waits for ever, nothing is doubled."""
    people = tuple(auditor(f"p{n}") for n in range(30))
    seen_before = tuple(seen(auditor=f"p{n}") for n in range(30))
    days = [instance(small_day(auditors=people, history=seen_before))]
    days += [on_other_date(days[0], after) for after in (1, 2)]
    days += [replace(day, auditors=day.auditors.reverse(), items=day.items.reverse()) for day in days]
    together = Barrier(len(days))

    def at_once(day: Instance) -> date:
        together.wait()
        return load(engine, day).work_date

    with engine_of(database, connections=len(days)) as engine, ThreadPoolExecutor(len(days)) as threads:
        assert len(list(threads.map(at_once, days))) == len(days)
        counted = {
            table: rows(engine, f"select count(*) from {table}")[0][0]
            for table in ("policy", "auditor", "shift", "item", "ledger")
        }
    assert counted == {"policy": 1, "auditor": 30, "shift": 90, "item": 9, "ledger": 30}


# --------------------------------------------------------------------------------- while people are at work


def test_earlier_exposure_that_comes_late_takes_back_what_has_no_room_any_more(database: Database) -> None:
    """Two severe reviews fit under 7 200 seconds a week; then somebody's last week comes in."""
    hard = (
        sample("s1", severity=3, seconds=600),
        sample("s2", severity=3, seconds=600, draw=2),
    )
    day = small_day(auditors=(auditor("ada"),), items=hard, history=())
    with engine_of(database) as engine:
        load(engine, instance(day))
        planned(engine, WORK_DATE)
        begun = datetime.fromtimestamp(NINE, UTC)
        late = replace(day, history=(seen(auditor="ada", severity=3, seconds=6100),))
        load(engine, instance(late), begun)
        states = "select state from slot where kind = 'work' order by planned_start"
        assert rows(engine, states) == [("planned",), ("withdrawn",)]
        assert rows(engine, "select addressee, kind from notice") == [("auditor:ada", "review-withdrawn")]
        again = rows(engine, "select reason from plan where state = 'waiting'")
        assert again == [("day-loaded",)]
        load(engine, instance(late), begun)
        assert len(rows(engine, "select from notice")) == 1


def test_a_day_that_has_not_begun_is_planned_again_when_somebody_asks(database: Database) -> None:
    day = small_day()
    with engine_of(database) as engine:
        load(engine, instance(day))
        planned(engine, WORK_DATE)
        more = replace(day, items=(*day.items, sample("s3", draw=3)))
        load(engine, instance(more))
        assert rows(engine, "select from plan where state = 'waiting'") == []
        changed = replace(more, items=(*more.items, sample("s4", draw=4)))
        load(engine, instance(changed), datetime.fromtimestamp(NINE, UTC))
        assert rows(engine, "select reason from plan where state = 'waiting'") == [("day-loaded",)]
