"""Whatever is generated, the demo day too, is a day that the readers take without a fault and that hangs
together: right shapes, right counts, a past that obeys the policy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from allocator.files.instance import read_instance, write_instance
from allocator.instance import AUDITORS, FIXED, HISTORY, ITEMS, Instance
from allocator.scenarios.past import DAYS, OVERRUN
from allocator.scenarios.supply import measured, selection
from config.policy import ramp_percents
from tests.scenarios.days import generated, same, the_demo_day

DAYS_TO_TRY: dict[str, Callable[[], Instance]] = {
    "S": lambda: generated("S", 1),
    "S on a Sunday": lambda: generated("S", 2, date(2027, 3, 28)),
    "M": lambda: generated("M", 1),
    "demo": the_demo_day,
}


@pytest.fixture(params=DAYS_TO_TRY)
def day(request: pytest.FixtureRequest) -> Instance:
    return DAYS_TO_TRY[request.param]()


@pytest.mark.parametrize("form", ["ndjson", "parquet"])
def test_written_and_read_back_it_is_the_same_day(
    day: Instance, form: Literal["ndjson", "parquet"], tmp_path: Path
) -> None:
    write_instance(day, tmp_path / "day", form)
    assert same(day, read_instance(tmp_path / "day"))


def test_tables_have_the_declared_columns(day: Instance) -> None:
    assert day.auditors.schema == pl.Schema(AUDITORS)
    assert day.items.schema == pl.Schema(ITEMS)
    assert day.history.schema == pl.Schema(HISTORY)
    assert day.fixed.schema == pl.Schema(FIXED)
    assert len(day.fixed) == 0


def test_shifts_start_on_the_work_date_where_the_person_is(day: Instance) -> None:
    for zone, start in day.auditors.select("timezone", "shift_start").iter_rows():
        assert datetime.fromtimestamp(start, ZoneInfo(zone)).date() == day.work_date


def test_last_work_ended_before_the_shift(day: Instance) -> None:
    gap = (day.auditors["shift_start"] - day.auditors["last_end"]).drop_nulls()
    assert gap.min() == pytest.approx(9.4 * 3600, abs=1.5 * 3600)
    assert (gap < 11 * 3600).sum() >= 1


def test_draws_number_each_stratum_from_one(day: Instance) -> None:
    samples = day.items.filter(pl.col("kind") == "sample")
    for draws in samples.group_by("stratum").agg(pl.col("draw").sort())["draw"]:
        assert draws.to_list() == list(range(1, len(draws) + 1))
    others = day.items.filter(pl.col("kind") != "sample")
    assert others["draw"].null_count() == others["stratum"].null_count() == len(others)


def test_draw_order_knows_nothing_of_handling_time(day: Instance) -> None:
    large = day.items.filter(pl.col("draw").is_not_null()).filter(pl.len().over("stratum") >= 20)
    rank = (pl.col("draw") - 0.5) / pl.len().over("stratum")
    related = large.select(pl.corr(rank, pl.col("seconds").rank().over("stratum") / pl.len().over("stratum")))
    assert abs(related.item()) < 4 / len(large) ** 0.5


def test_escalations_are_due_after_their_release(day: Instance) -> None:
    escalations = day.items.filter(pl.col("kind") == "escalation")
    hours = (escalations["due"] - escalations["release"]) / 3600
    assert set(hours) == {1.0, 4.0, 24.0}
    assert set(escalations["priority"]) == {1, 2, 3, 4}
    assert escalations.filter(pl.col("due") - pl.col("release") == 3600)["priority"].unique().to_list() == [1]


def test_indonesia_has_four_hours_for_child_abuse_and_terrorism(day: Instance) -> None:
    urgent = day.items.filter(
        (pl.col("kind") == "escalation")
        & (pl.col("market") == "ID")
        & pl.col("category").is_in(["child-safety", "extremism"])
    )
    assert ((urgent["due"] - urgent["release"]) <= 4 * 3600).all()
    assert (urgent["priority"] <= 2).all()


def test_calibrations_want_their_group_and_somebody_off_shift(day: Instance) -> None:
    sets = day.items.filter(pl.col("kind") == "calibration")
    assert len(sets) >= 3
    assert (sets["reviews"] == sets["only"].list.len()).all()
    here = set(day.auditors["id"])
    off = {name for only in sets["only"] for name in only} - here
    assert off
    assert all(set(only) & here for only in sets["only"])


def test_some_samples_want_two_reviews_and_some_exclude_somebody_who_could(day: Instance) -> None:
    samples = day.items.filter(pl.col("kind") == "sample")
    assert (samples["reviews"] == 2).mean() == pytest.approx(0.09, abs=0.005)
    excluding = samples.filter(pl.col("excluded").list.len() > 0)
    assert 0.05 < len(excluding) / len(samples) < 0.11
    spoken = excluding.select(whom=pl.col("excluded").list.first(), language="language").join(
        day.auditors.select("languages", whom="id"), on="whom", how="left"
    )
    assert spoken.select(pl.col("languages").list.contains(pl.col("language"))).to_series().mean() > 0.9  # type: ignore[operator]


def test_the_past_is_seventeen_days_and_nobody_worked_all_of_them(day: Instance) -> None:
    earliest, latest = day.history["work_date"].min(), day.history["work_date"].max()
    assert earliest == day.work_date - timedelta(days=DAYS)
    assert isinstance(latest, date)
    assert latest < day.work_date
    worked = day.history.group_by("auditor").agg(pl.col("work_date").n_unique())
    assert worked["work_date"].max() <= 13  # type: ignore[operator]


def test_nobody_saw_what_they_do_not_take(day: Instance) -> None:
    seen = day.history.join(day.auditors, left_on="auditor", right_on="id")
    assert (seen["severity"] <= seen["max_severity"]).all()
    assert not seen.filter(pl.col("opt_outs").list.contains(pl.col("category"))).height
    cleared = pl.col("clearances").list.contains("child-safety")
    assert not seen.filter((pl.col("category") == "child-safety") & ~cleared).height


def test_the_past_obeyed_the_limits_but_for_a_few_overruns(day: Instance) -> None:
    """Over every earlier window, for people at 100 %: what a limit selects adds up to its amount at most."""
    whole = day.auditors.filter(pl.col("exposure_percent") == 100)["id"].implode()
    for limit in day.policy.limits:
        used = (
            day.history.filter(selection(limit) & pl.col("auditor").is_in(whole))
            .with_columns(measured(limit, day.policy).alias("use"))
            .sort("work_date")
            .rolling("work_date", period=f"{limit.window_days}d", group_by="auditor")
            .agg(pl.col("use").sum())
        )
        amount = limit.amount * (600 if limit.measure == "dose" else 1)
        over = used.filter(pl.col("use") > amount)["auditor"].n_unique()
        assert over <= 3 * OVERRUN * len(day.auditors) + 1, limit.key


def test_people_on_the_ramp_are_at_one_of_its_steps_and_saw_less(day: Instance) -> None:
    assert set(day.auditors["exposure_percent"]) <= set(ramp_percents())
    severe = day.history.filter(pl.col("severity") >= day.policy.severe_from)
    daily = severe.group_by("auditor", "work_date").agg(pl.col("seconds").sum())
    ramped = daily.join(day.auditors, left_on="auditor", right_on="id").filter(
        pl.col("exposure_percent") < 100
    )
    assert (ramped["seconds"] <= 1.3 * 0.75 * 7200 + 1).all()
