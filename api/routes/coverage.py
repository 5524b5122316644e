"""How much of a work date is planned and done, and what was left out and why. For leads."""

from __future__ import annotations

import dataclasses
from typing import Any

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from api.access import allow
from api.dependencies import Database, Now
from api.fields import Answer, DateQuery, Told, WorkDate
from api.problems import described
from models.connection import snapshot_transaction
from models.queries import coverage as query
from models.queries.escalations import waiting_escalations

router = APIRouter(tags=["lead"])

EXAMPLE: dict[str, Any] = {
    "work_date": "2026-11-23",
    "plan": 7,
    "version": 2,
    "published_at": "2026-11-22T15:00:09Z",
    "escalations": [{"priority": 1, "wanted": 12, "on_time": 11, "late": 1, "left_out": 0}],
    "cells": [
        {
            "market": "ID",
            "language": "id",
            "kinds": [
                {"kind": "sample", "wanted": 900, "planned": 820, "started": 40, "done": 35, "left_out": 80}
            ],
            "strata": 31,
            "strata_untouched": 0,
            "bands": [{"share": 0.1, "weight": 16, "wanted": 90, "planned": 90, "reached": 1.0}],
            "left_out": [
                {
                    "kind": "sample",
                    "reviews": 80,
                    "explanations": [
                        {
                            "items": 78,
                            "reviews": 78,
                            "ruled_out": {"language": 5, "not-free": 9},
                            "sentence": "14 auditors: 5 do not speak id, 9 are not free for it.",
                        }
                    ],
                    "others": 0,
                    "since_plan": 2,
                }
            ],
        }
    ],
}

WAITING: dict[str, Any] = {
    "waiting": [
        {
            "item": "case-4711",
            "market": "ID",
            "language": "id",
            "category": "violence",
            "severity": 3,
            "priority": 1,
            "work_date": "2026-11-23",
            "since": "2026-11-23T02:00:00Z",
            "tried_at": "2026-11-23T02:04:30Z",
            "tries": 9,
            "missing": 1,
            "due": "2026-11-23T09:00:00Z",
            "seconds_left": 24_900,
            "earliest": "2026-11-24T01:00:00Z",
            "ruled_out": {"language": 5, "not-free": 9},
            "sentence": "14 auditors: 5 do not speak id, 9 are not free for it.",
        }
    ]
}


class EscalationsTold(Answer):
    """Reviews of escalations of one priority: `on_time` and `late` are planned to end, or have ended, by when
    they are due or not."""

    priority: int
    wanted: int
    on_time: int
    late: int
    left_out: int


class KindTold(Answer):
    """Reviews: `wanted`; `planned`, on somebody's timeline; of these `started`; of these `done`;
    `left_out`, on nobody's."""

    kind: query.Kind
    wanted: int
    planned: int
    started: int
    done: int
    left_out: int


class BandTold(Answer):
    """A coverage band over all strata of the cell: its `share` of what they want, in reviews (which may be
    fractions), how many of these are `planned`, and one in parts of the other."""

    share: float
    weight: float
    wanted: float
    planned: float
    reached: float | None


class ExplanationTold(Answer):
    """Items that were left out for the same reasons: how many auditors each rules out, and the same in words.

    `not-free` are all who have no time at all that day, no time when it is needed, or are not available
    for this work; which of them is which is not told. Only where each is eleven people or more throughout
    the answer, `protected` (not available) and `no-time` stand apart."""

    items: int
    reviews: int
    ruled_out: dict[str, int]
    sentence: str


class LeftOutTold(Answer):
    """Reviews that are left out: by explanation, those with the most reviews first; `others` have rarer ones;
    `since_plan` were skipped or have come since the plan was made, which knows no reason for them."""

    kind: query.Kind
    reviews: int
    explanations: list[ExplanationTold]
    others: int
    since_plan: int


class CellTold(Answer):
    market: str
    language: str
    kinds: list[KindTold]
    strata: int = Field(description="of samples")
    strata_untouched: int = Field(description="of which no review is planned")
    bands: list[BandTold]
    left_out: list[LeftOutTold]


class CoverageTold(Answer):
    """The plan is the one in force; without one nothing is planned, and nothing explained."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    work_date: WorkDate
    plan: int | None
    version: int | None
    published_at: Told | None
    escalations: list[EscalationsTold]
    cells: list[CellTold]


@router.get(
    "/v1/coverage",
    summary="What is planned and done of a work date, and what was left out and why",
    dependencies=[Depends(allow("lead", "wellbeing", "operations"))],
    response_model=CoverageTold,
    responses=described("not-found"),
)
def of_date(date: DateQuery, engine: Database) -> CoverageTold:
    """Of all markets and languages: it is about work. About people it says how many cannot take something, of
    all who are on shift, and never which of them or because of whose limits."""
    with snapshot_transaction(engine) as connection:
        found = query.coverage(connection, date)
    return CoverageTold(
        work_date=found.work_date,
        plan=found.plan,
        version=found.version,
        published_at=found.published_at,
        escalations=[EscalationsTold(**dataclasses.asdict(one)) for one in found.escalations],
        cells=[told(cell) for cell in found.cells],
    )


class WaitingTold(Answer):
    """An escalation that has no place yet: it is tried again by itself, and no rule is relaxed for it.
    `seconds_left` until it is due; `earliest` is when somebody could begin it on a date that is not planned
    yet. `ruled_out` counts the people of `work_date` as the coverage does."""

    item: str
    market: str
    language: str
    category: str
    severity: int
    priority: int
    work_date: WorkDate | None
    since: Told
    tried_at: Told
    tries: int
    missing: int
    due: Told | None
    seconds_left: int | None
    earliest: Told | None
    ruled_out: dict[str, int]
    sentence: str


class WaitingListTold(Answer):
    model_config = ConfigDict(json_schema_extra={"examples": [WAITING]})

    waiting: list[WaitingTold]


@router.get(
    "/v1/coverage/escalations",
    summary="Escalations that have no place yet, and why",
    dependencies=[Depends(allow("lead", "wellbeing", "operations"))],
    response_model=WaitingListTold,
)
def waiting(engine: Database, now: Now) -> WaitingListTold:
    """The most urgent first. Nobody is named."""
    with snapshot_transaction(engine) as connection:
        found = waiting_escalations(connection, now)
    return WaitingListTold(waiting=[WaitingTold(**dataclasses.asdict(one)) for one in found])


def told(cell: query.CoverageCell) -> CellTold:
    return CellTold(
        market=cell.place.market,
        language=cell.place.language,
        kinds=[
            KindTold(kind=kind, **dataclasses.asdict(cell.kinds[kind]))
            for kind in query.KINDS
            if kind in cell.kinds
        ],
        strata=cell.strata,
        strata_untouched=cell.strata_untouched,
        bands=[BandTold(**dataclasses.asdict(band), reached=band.reached) for band in cell.bands],
        left_out=[LeftOutTold(**dataclasses.asdict(one)) for one in cell.left_out],
    )
