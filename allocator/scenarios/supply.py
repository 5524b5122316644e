"""How much a day's people could do and may see, over what the day's items ask for.

Three ratios: minutes, severe minutes, dose points. A ratio below 1 cannot be planned away. They are the
best case: a pool's people count in full for each of their languages, and nothing is fixed yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from io import StringIO

import numpy as np
import polars as pl
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from allocator.instance import Instance
from allocator.rules.policy import UNITS_PER_POINT, Limit, Policy, Rule
from allocator.scenarios.chance import Floats, Ints

SCARCEST = 5
"""Language pools shown beside the whole."""


@dataclass(frozen=True, slots=True)
class SupplyRow:
    """Supply over demand of one pool; None where nothing is asked for. `people` could review in it."""

    pool: str
    people: int
    minutes: float | None
    severe_minutes: float | None
    dose_points: float | None


def supply_over_demand(instance: Instance) -> list[SupplyRow]:
    """The whole day first, then the five language pools with the fewest people, fewest first.

    A pool's people speak the language and may review a market that has items in it. Its supply is the sum
    of what each of them could do: work seconds (the breaks taken off), severe seconds and dose units
    that the limits leave after history; nothing severe for those whose `max_severity` is below severe.
    Its demand is what the items in that language want in all their reviews.
    """
    policy = instance.policy
    supply = np.stack(supplies(instance.auditors, instance.history, policy, instance.work_date), axis=1)
    items = instance.items.with_columns(demand_columns(policy))
    people = instance.auditors.select("languages", "markets").with_row_index("person")
    spoken = people.explode("languages").rename({"languages": "language"})
    wanted = items.group_by("language", "market").agg(pl.len())
    anywhere = spoken.filter(pl.col("markets").list.contains("*")).join(
        wanted.select("language").unique(), on="language"
    )
    somewhere = (
        spoken.explode("markets").rename({"markets": "market"}).join(wanted, on=["language", "market"])
    )
    members = pl.concat([frame.select("language", "person") for frame in (anywhere, somewhere)]).unique()
    pools = dict(members.group_by("language").agg("person").iter_rows())
    demands = {
        str(language): np.array(sums, dtype=np.float64)
        for language, *sums in items.group_by("language")
        .agg(pl.col("work_wanted", "severe_wanted", "dose_wanted").sum())
        .iter_rows()
    }
    scarcest = sorted(demands, key=lambda language: (len(pools.get(language, [])), language))[:SCARCEST]
    rows = [_row("all", np.arange(len(supply)), supply, np.sum(list(demands.values()), axis=0))]
    for language in scarcest:
        rows.append(_row(language, np.array(pools.get(language, []), dtype=int), supply, demands[language]))
    return rows


def demand_columns(policy: Policy) -> list[pl.Expr]:
    """Per item, over all reviews wanted: seconds, severe seconds and dose units."""
    seconds = pl.col("seconds") * pl.col("reviews")
    severe = pl.col("severity") >= policy.severe_from
    return [
        seconds.alias("work_wanted"),
        pl.when(severe).then(seconds).otherwise(0).alias("severe_wanted"),
        (seconds * units_per_second(policy)).alias("dose_wanted"),
    ]


def units_per_second(policy: Policy) -> pl.Expr:
    """Dose units of one second, from the columns `severity` and `modality`."""
    weights = dict(enumerate(policy.dose.severity))
    tenths = policy.dose.modality_tenths
    weight = pl.col("severity").replace_strict(weights, return_dtype=pl.Int64)
    return weight * pl.col("modality").replace_strict(tenths, return_dtype=pl.Int64)


def supplies(
    auditors: pl.DataFrame, history: pl.DataFrame, policy: Policy, work_date: date
) -> tuple[Floats, Floats, Floats]:
    """For each auditor: work seconds, severe seconds and dose units at most possible on the work date."""
    capacity = capacities(auditors, policy).astype(np.float64)
    severe = np.where(auditors["max_severity"].to_numpy() >= policy.severe_from, capacity, 0.0)
    dose = capacity * max(policy.dose.severity) * max(policy.dose.modality_tenths.values())
    for limit in policy.limits:
        if limit.categories:
            continue
        if limit.measure == "seconds" and limit.min_severity <= policy.severe_from:
            severe = np.minimum(severe, room(auditors, history, limit, policy, work_date))
        if limit.measure == "dose" and limit.min_severity == 0:
            dose = np.minimum(dose, room(auditors, history, limit, policy, work_date))
    return capacity, severe, dose


def room(
    auditors: pl.DataFrame, history: pl.DataFrame, limit: Limit, policy: Policy, work_date: date
) -> Floats:
    """What the limit still leaves each auditor after history, at least 0; infinite where it does not bind."""
    first = work_date - timedelta(days=limit.window_days - 1)
    used = (
        history.filter(selection(limit) & (pl.col("work_date") >= first))
        .with_columns(measured(limit, policy).alias("use"))
        .group_by("auditor")
        .agg(pl.col("use").sum())
    )
    people = auditors.select("id", "team", "home_market", "exposure_percent").join(
        used, left_on="id", right_on="auditor", how="left", maintain_order="left"
    )
    use = people["use"].fill_null(0).to_numpy()
    amount = limit.amount * (UNITS_PER_POINT if limit.measure == "dose" else 1)
    left = np.maximum(0, amount * people["exposure_percent"].to_numpy() // 100 - use).astype(np.float64)
    kind, _, name = limit.scope.partition(":")
    column = {"market": "home_market", "team": "team", "auditor": "id"}.get(kind)
    binds = np.ones(len(left), dtype=bool) if column is None else (people[column] == name).to_numpy()
    return np.where(binds, left, np.inf)


def selection(rule: Rule) -> pl.Expr:
    """Whether a rule selects a row with `category` and `severity`."""
    severe_enough = pl.col("severity") >= rule.min_severity
    if not rule.categories:
        return severe_enough
    return severe_enough & pl.col("category").is_in(sorted(rule.categories))


def measured(limit: Limit, policy: Policy) -> pl.Expr:
    """What a history row adds to the use of a limit that selects it."""
    if limit.measure == "dose":
        return pl.col("seconds") * units_per_second(policy)
    return pl.col(limit.measure)


def capacities(auditors: pl.DataFrame, policy: Policy) -> Ints:
    """The most work seconds each shift holds once the rests that all work needs are taken off."""
    start = auditors["shift_start"].to_numpy()
    rested = (auditors["last_end"] + policy.rest_between_shifts).fill_null(auditors["shift_start"]).to_numpy()
    length = np.maximum(0, auditors["shift_end"].to_numpy() - np.maximum(start, rested))
    lengths, place = np.unique(length, return_inverse=True)
    held = np.array([_held(int(seconds), policy) for seconds in lengths], dtype=np.int64)
    return held[place]


def _held(length: int, policy: Policy) -> int:
    """The most work in `length` seconds: for each pair of stretches that select everything, over the number
    m of long rests and k of short ones, min((m+k+1)·a1, (m+1)·a2 − k·r1, length − m·r2 − k·r1); `k·r1`
    falls away in the middle where the second measures work seconds and not span. The least over pairs."""
    stretches = [s for s in policy.stretches if s.selects_everything and s.measure != "items"]
    best = length
    for one in stretches:
        for two in stretches:
            if one.rest > two.rest:
                continue
            k = np.arange(length // one.rest + 1)[:, None]
            m = np.arange(length // two.rest + 1)[None, :]
            inside = k * one.rest if two.measure == "span" else np.zeros_like(k)
            held = np.minimum((m + k + 1) * one.amount, (m + 1) * two.amount - inside)
            held = np.minimum(held, length - m * two.rest - k * one.rest)
            best = min(best, int(held.max()))
    return max(0, best)


def render(rows: Iterable[SupplyRow]) -> str:
    """The rows as a plain text table, one line a pool."""
    table = Table("pool", box=SIMPLE)
    for heading in ("people", "minutes", "severe minutes", "dose points"):
        table.add_column(heading, justify="right")
    for row in rows:
        ratios = (row.minutes, row.severe_minutes, row.dose_points)
        table.add_row(row.pool, str(row.people), *("–" if r is None else f"{r:.2f}" for r in ratios))
    text = StringIO()
    Console(file=text, width=72, color_system=None).print(table)
    lines = (line.rstrip() for line in text.getvalue().splitlines())
    return "Supply over demand\n" + "\n".join(line for line in lines if line) + "\n"


def _row(pool: str, members: Ints, supply: Floats, demand: Floats) -> SupplyRow:
    have = supply[members].sum(axis=0)
    ratios = [float(h / d) if d else None for h, d in zip(have, demand, strict=True)]
    return SupplyRow(pool, len(members), *ratios)
