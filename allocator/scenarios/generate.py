"""Realistic days in four sizes: skewed languages with a long tail, too little time and limits that bind."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal, get_args

import numpy as np
import polars as pl

from allocator.files.faults import Refused
from allocator.files.policy import parse_policy
from allocator.instance import AUDITORS, FIXED, Instance
from allocator.rules.policy import Policy
from allocator.scenarios.chance import streams
from allocator.scenarios.past import days_worked, exposure_before, last_ends
from allocator.scenarios.people import Pools, auditor_ids, people
from allocator.scenarios.supply import supplies
from allocator.scenarios.work import Aim, Calibration, calibrations, desks, draft, finished, set_dials

Size = Literal["S", "M", "L", "XL"]
SIZES: tuple[Size, ...] = get_args(Size)
POOLS: dict[Size, Pools] = {
    "S": Pools(people=20, languages=4, markets=2, tail=1, smallest=2, largest=2),
    "M": Pools(people=200, languages=14, markets=3, tail=4, smallest=3, largest=6),
    "L": Pools(people=2_000, languages=40, markets=5, tail=8, smallest=6, largest=10),
    "XL": Pools(people=10_000, languages=50, markets=6, tail=8, smallest=6, largest=10),
}
ITEMS_A_PERSON = 100
ESCALATIONS = (0.015, 0.03)
"""Least and greatest share of items."""
WORK_RATIO = 0.97
"""Work time over demand."""
SEVERE_RATIO = (0.86, 0.97)
DOSE_RATIO = (0.92, 1.0)
PEOPLE_A_CALIBRATION = 16
"""One calibration item for so many people on shift."""
SET = (5, 10)
"""People wanted in one calibration set, at least and at most, as far as the team has them."""


def generate(size: Size, seed: int, policy_document: dict[str, Any], work_date: date) -> Instance:
    """A day of this size. The same arguments give the same day; a policy with faults is refused."""
    policy = sound_policy(policy_document)
    who, before, where, what, rest = streams(seed, SIZES.index(size), work_date.toordinal(), count=5)
    pools = POOLS[size]
    auditors = people(who, pools, policy, work_date)
    worked = days_worked(before, auditors["exposure_percent"].to_numpy(), work_date)
    last_end = last_ends(before, auditors["shift_start"].to_numpy(), auditors["shift_end"].to_numpy(), worked)
    auditors = auditors.with_columns(last_end).select(
        pl.col(name).cast(kind) for name, kind in AUDITORS.items()
    )
    history = exposure_before(before, auditors, worked, policy, work_date)
    capacity, severe, dose = supplies(auditors, history, policy, work_date)
    places = desks(where, auditors, capacity.astype(np.int64))
    together = calibrations(rest, _calibration_sets(rest, auditors), policy)
    count = pools.people * ITEMS_A_PERSON - len(together)
    items = draft(what, places, policy, count, round(count * where.uniform(*ESCALATIONS)))
    aim = Aim(
        work=float(capacity.sum()) / WORK_RATIO - float((together["seconds"] * together["reviews"]).sum()),
        severe=float(severe.sum()) / where.uniform(*SEVERE_RATIO),
        dose=float(dose.sum()) / where.uniform(*DOSE_RATIO),
    )
    dials = set_dials(items, policy, aim)
    frame = finished(rest, items, dials, places, auditors, policy, together, work_date)
    return day(
        f"{size.lower()}-{seed}-{work_date}", work_date, policy, policy_document, auditors, frame, history
    )


def sound_policy(policy_document: dict[str, Any]) -> Policy:
    """The policy that a document declares, or Refused with every fault in it."""
    policy, faults = parse_policy(policy_document)
    if policy is None or faults:
        raise Refused(tuple(faults))
    return policy


def day(
    name: str,
    work_date: date,
    policy: Policy,
    policy_document: dict[str, Any],
    auditors: pl.DataFrame,
    items: pl.DataFrame,
    history: pl.DataFrame,
) -> Instance:
    """An instance at the start of its day: nothing is fixed yet."""
    document = {
        "format": "breakwater-instance/1",
        "name": name,
        "work_date": work_date.isoformat(),
        "policy": policy_document,
    }
    return Instance(
        name=name,
        work_date=work_date,
        policy=policy,
        now=None,
        auditors=auditors,
        items=items,
        history=history,
        fixed=pl.DataFrame(schema=FIXED),
        document=document,
    )


def _calibration_sets(rng: np.random.Generator, auditors: pl.DataFrame) -> list[Calibration]:
    """Sets of 5 to 10 members of one team; in every other set one more who is off shift that day."""
    teams = [
        (str(language), str(market), list(ids))
        for _, language, market, ids in auditors.group_by("team", maintain_order=True)
        .agg(pl.col("languages").first().list.first(), pl.col("home_market").first(), "id")
        .iter_rows()
    ]
    sets: list[Calibration] = []
    for number in range(max(3, len(auditors) // PEOPLE_A_CALIBRATION)):
        language, market, members = teams[int(rng.integers(0, len(teams)))]
        wanted = min(len(members), int(rng.integers(SET[0], SET[1] + 1)))
        only = [members[k] for k in np.sort(rng.permutation(len(members))[:wanted])]
        if number % 2 == 0:
            only += auditor_ids(np.array([len(auditors) + 1 + number // 2]), len(auditors))
        sets.append(Calibration(market, language, tuple(only)))
    return sets
