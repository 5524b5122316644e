"""The days before a generated day: who worked when, until when, and what they saw.

The past obeys the policy's limits as the plans of those days would have, so that on the day itself the
windows of several days leave some people much room and others hardly any. A few days ran over, since what
was really seen counts and not what was planned.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from allocator.instance import HISTORY
from allocator.rules.policy import MODALITIES, UNITS_PER_POINT, Limit, Policy
from allocator.scenarios.chance import Bools, Floats, Ints, chosen, drawn_from
from allocator.scenarios.material import (
    MODALITY_BY_SEVERITY,
    category_names,
    category_shares,
    severity_weights,
)

DAYS = 17
"""Earlier work dates that the history reaches back."""
WEEKEND = 0.8
"""Share of people who are off on Saturday and Sunday; the others have two other days in a row."""
LEAVE = 0.06
SHORT_TURNAROUND = 0.06
"""Share of people whose last shift ended less than a full rest before this one."""
RAMP_STEP = 25
"""Percentage points of exposure that somebody who starts or returns gains each week."""
LAST_END_KNOWN = 0.94
OVERRUN = 0.03
"""Share of people with one day on which more was seen than planned."""
# Rows of one day: severity from, to, minutes asked for at the least and at the most.
ROWS: tuple[tuple[int, float, float], ...] = (
    (3, 22, 55),
    (3, 22, 55),
    (3, 22, 55),
    (2, 15, 40),
    (2, 10, 30),
    (1, 15, 40),
    (1, 10, 30),
    (0, 45, 95),
    (0, 45, 95),
    (0, 35, 75),
)
SURGE = 0.75
"""Share of people whose last week was a hard one: much severe work, little else, after a quiet week."""
SURGE_DAYS = 6
EXTREME = 0.04
"""Share of severe rows that are of severity 4."""
SECONDS_A_REVIEW = 190
LEAST_SECONDS = 30


def days_worked(rng: np.random.Generator, exposure_percent: Ints, work_date: date) -> Bools:
    """Who worked how many days ago: shape (people, DAYS), column 0 being yesterday.

    Two days off in a row each week, never the work date itself; some leave; nothing before the week in
    which somebody who is still below 100 % started.
    """
    count = len(exposure_percent)
    today = work_date.weekday()
    pairs = [first for first in range(7) if today not in (first, (first + 1) % 7)]
    other = np.array(pairs)[rng.integers(0, len(pairs), count)]
    first = np.where((rng.random(count) < WEEKEND) & (5 in pairs), 5, other)
    weekday = (today - 1 - np.arange(DAYS)) % 7
    off = (weekday == first[:, None]) | (weekday == (first[:, None] + 1) % 7)
    leave = rng.random((count, DAYS)) < LEAVE
    there = _percent_then(exposure_percent, work_date) > 0
    return np.asarray(~off & ~leave & there, dtype=np.bool_)


def last_ends(rng: np.random.Generator, start: Ints, end: Ints, worked: Bools) -> pl.Series:
    """The end of each person's last work; null where nobody knows or there was none.

    Most keep their hours; a few came from a late shift yesterday, 8 to 10¾ hours before this one.
    """
    count = len(start)
    ago = np.where(worked.any(axis=1), worked.argmax(axis=1) + 1, 0)
    usual = end - ago * 86400 + 60 * rng.integers(-20, 16, count)
    yesterday = np.flatnonzero(worked[:, 0])
    short = rng.permutation(yesterday)[: max(1, round(SHORT_TURNAROUND * count))]
    usual[short] = start[short] - 300 * rng.integers(96, 130, len(short))
    known = (ago > 0) & chosen(rng, LAST_END_KNOWN, count)
    known[short] = True
    return pl.Series("last_end", usual, dtype=pl.Int64).set(pl.Series(~known), None)


def exposure_before(
    rng: np.random.Generator, auditors: pl.DataFrame, worked: Bools, policy: Policy, work_date: date
) -> pl.DataFrame:
    """The history of everybody (`HISTORY`), within the policy's limits but for the few overruns.

    Cells have the shape (people, DAYS, rows of a day).
    """
    names = category_names(policy)
    count, rows = len(auditors), len(ROWS)
    shape = (count, DAYS, rows)
    percent = _percent_then(auditors["exposure_percent"].to_numpy(), work_date)
    severity = _severities(rng, shape, auditors["max_severity"].to_numpy())
    category = _categories(rng, auditors, policy, names, severity)
    modality = drawn_from(np.cumsum(MODALITY_BY_SEVERITY, axis=1)[severity], rng.random(shape))
    least, most = np.array([row[1] for row in ROWS]), np.array([row[2] for row in ROWS])
    keen = rng.uniform(0.8, 1.2, (count, 1, 1)) * rng.uniform(0.6, 1.3, (count, DAYS, 1))
    keen = np.broadcast_to(keen, shape) * _surge(rng, count)
    hours = (auditors["shift_end"] - auditors["shift_start"]).to_numpy() / (8 * 3600)
    wish = 60 * rng.uniform(least, most, shape) * keen * np.minimum(1, hours)[:, None, None]
    seconds = np.where(worked[:, :, None], wish * np.maximum(percent, 0)[:, :, None] / 100, 0.0)
    units = np.array(policy.dose.severity)[severity]
    units = units * np.array([policy.dose.modality_tenths[m] for m in MODALITIES])[modality]
    for limit in policy.limits:
        _keep(limit, names, seconds, category, severity, units, percent)
    ran_over = rng.random(count) < OVERRUN
    seconds[np.arange(count), rng.integers(0, 5, count)] *= np.where(ran_over, 1.3, 1.0)[:, None]
    whole = np.floor(seconds).astype(np.int64)
    who, ago, row = np.nonzero(whole >= LEAST_SECONDS)
    kept = (who, ago, row)
    dates = pl.Series([work_date - timedelta(days=d + 1) for d in range(DAYS)], dtype=pl.Date)
    return pl.DataFrame(
        {
            "auditor": auditors["id"].gather(who),
            "work_date": dates.gather(ago),
            "category": pl.Series(names, dtype=pl.String).gather(category[kept]),
            "severity": severity[kept],
            "modality": pl.Series(MODALITIES, dtype=pl.String).gather(modality[kept]),
            "seconds": whole[kept],
            "items": np.maximum(1, whole[kept] // SECONDS_A_REVIEW),
        },
        schema=HISTORY,
    )


def _percent_then(exposure_percent: Ints, work_date: date) -> Ints:
    """`exposure_percent` on each earlier day, shape (people, DAYS): a step less for each week before this
    one for those who are still on the ramp; 0 or less means not there yet."""
    ago = np.arange(1, DAYS + 1)
    weeks = np.maximum(0, -(-(ago - work_date.weekday()) // 7))
    ramped = exposure_percent[:, None] - RAMP_STEP * weeks
    return np.where(exposure_percent[:, None] == 100, 100, ramped)


def _severities(rng: np.random.Generator, shape: tuple[int, int, int], most: Ints) -> Ints:
    severity = np.broadcast_to(np.array([row[0] for row in ROWS]), shape)
    extreme = (severity == 3) & (rng.random(shape) < EXTREME)
    return np.asarray(np.minimum(severity + extreme, most[:, None, None]), dtype=np.int64)


def _surge(rng: np.random.Generator, count: int) -> Floats:
    """Factors of what is wished for, shape (people, DAYS, rows)."""
    severe = np.array([row[0] == 3 for row in ROWS])
    between = np.array([row[0] in (1, 2) for row in ROWS])
    lately = (np.arange(DAYS) < SURGE_DAYS)[:, None]
    hard = np.where(severe, np.where(lately, 2.0, 0.3), np.where(between & lately, 0.1, 1.0))
    return np.where(chosen(rng, SURGE, count)[:, None, None], hard, 1.0)


def _categories(
    rng: np.random.Generator, auditors: pl.DataFrame, policy: Policy, names: tuple[str, ...], severity: Ints
) -> Ints:
    """A category for each cell, as often as it comes with that severity, out of what the person takes."""
    taken = np.ones((len(auditors), len(names)), dtype=bool)
    for place, name in enumerate(names):
        if name in policy.clearances:
            taken[:, place] &= auditors["clearances"].list.contains(policy.clearances[name]).to_numpy()
        taken[:, place] &= ~auditors["opt_outs"].list.contains(name).to_numpy()
    taken |= ~taken.any(axis=1, keepdims=True)
    often = category_shares(names)[:, None] * severity_weights(names)
    uniform = rng.random(severity.shape)
    category = np.zeros(severity.shape, dtype=np.int64)
    for level in range(5):
        cumulative = np.cumsum(taken * often[:, level], axis=1)
        who, ago, row = np.nonzero(severity == level)
        category[who, ago, row] = drawn_from(cumulative[who], uniform[who, ago, row])
    return category


def _keep(
    limit: Limit,
    names: tuple[str, ...],
    seconds: Floats,
    category: Ints,
    severity: Ints,
    units: Ints,
    percent: Ints,
) -> None:
    """Shorten `seconds`, in place and from the oldest day on, so that no window passes the limit.

    Only what the limit selects is shortened, which can never break a limit that was kept before.
    """
    if limit.scope != "org" or limit.measure == "items":
        return
    selected = severity >= limit.min_severity
    if limit.categories:
        selected &= np.isin(category, [k for k, name in enumerate(names) if name in limit.categories])
    weight = np.where(selected, units if limit.measure == "dose" else 1, 0)
    amount = limit.amount * (UNITS_PER_POINT if limit.measure == "dose" else 1)
    used = np.zeros(percent.shape)
    for day in reversed(range(DAYS)):
        before = used[:, day + 1 : day + limit.window_days].sum(axis=1)
        left = np.maximum(0, amount * percent[:, day] / 100 - before)
        wanted = (seconds[:, day] * weight[:, day]).sum(axis=1)
        share = np.minimum(1.0, left / np.maximum(wanted, 1e-9))
        seconds[:, day] *= np.where(selected[:, day], share[:, None], 1.0)
        used[:, day] = wanted * share
