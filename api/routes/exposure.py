"""What people have been shown: each of them for wellbeing, groups of eleven or more for leads."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query
from pydantic import ConfigDict, Field

from api.access import allow
from api.dependencies import Database, Now
from api.fields import MOST_ID, Answer, Key, Name, Told, WorkDate
from api.problems import described
from models.actions.read_exposure import LONGEST_PURPOSE, MOST_DAYS, MOST_PEOPLE, PURPOSE, read_exposure
from models.actions.read_incidents import read_incidents
from models.actor import Actor
from models.connection import snapshot_transaction
from models.queries import exposure as query
from models.queries import exposure_groups as groups_query

router = APIRouter(tags=["exposure"])
FirstDate = Annotated[WorkDate, Query(alias="from", description="the first work date")]
LastDate = Annotated[
    WorkDate, Query(alias="to", description=f"the last, within {MOST_DAYS} dates of the first")
]
Purpose = Annotated[
    str,
    Header(
        alias=PURPOSE,
        description=f"what it is read for, 1 to {LONGEST_PURPOSE} signs; recorded with your name and theirs",
        examples=["monthly check of child-safety exposure"],
    ),
]

# Figures of nobody: the least that there can be.
PEOPLE: dict[str, Any] = {
    "from": "2026-11-16",
    "to": "2026-11-22",
    "people": [
        {
            "auditor": "aud-1",
            "team": "id-early",
            "days": [
                {
                    "work_date": "2026-11-16",
                    "category": "violence",
                    "seconds": 0,
                    "items": 0,
                    "points": 0,
                    "reserved_seconds": 0,
                    "reserved_items": 0,
                    "reserved_points": 0,
                }
            ],
            "limits": [
                {
                    "key": "severe-day",
                    "unit": "seconds",
                    "window_days": 1,
                    "allowed": 7200,
                    "seen": 0,
                    "reserved": 0,
                    "left": 7200,
                }
            ],
        }
    ],
    "after": None,
}
GROUPS: dict[str, Any] = {
    "weeks": [
        {
            "from": "2026-11-09",
            "to": "2026-11-15",
            "teams": [
                {
                    "team": "id-early",
                    "complete": False,
                    "total": {"people": 14, "seconds": 1209600, "items": 8400, "points": 30240},
                    "breaks": {"people": 14, "taken": 420, "seconds": 302400},
                    "cells": [
                        {
                            "category": "violence",
                            "work_date": "2026-11-09",
                            "people": 12,
                            "seconds": 43200,
                            "items": 300,
                            "points": 2400,
                        }
                    ],
                }
            ],
        }
    ]
}


INCIDENTS: dict[str, Any] = {
    "from": "2026-11-16",
    "to": "2026-11-22",
    "incidents": [
        {
            "auditor": "aud-1",
            "team": "id-early",
            "work_date": "2026-11-16",
            "at": "2026-11-16T02:10:00Z",
            "item": "cas-1",
            "expected": {"category": "violence", "severity": 1, "modality": "image"},
            "seen": {"category": "violence", "severity": 3, "modality": "image"},
            "seconds": 0,
            "passed": [],
        }
    ],
    "after": None,
}


class DayTold(Answer):
    """What was seen, and what plans still hold on top (`reserved_…`)."""

    work_date: WorkDate
    category: str
    seconds: int
    items: int
    points: float
    reserved_seconds: int
    reserved_items: int
    reserved_points: float


class LimitLeft(Answer):
    """In the window that ends on the last date asked for, in `unit`: `allowed` for this person, `seen`,
    `reserved` on top, and `left`, 0 where the limit is passed."""

    key: str
    unit: str
    window_days: int
    allowed: float
    seen: float
    reserved: float
    left: float


class PersonTold(Answer):
    auditor: str
    team: str
    days: list[DayTold]
    limits: list[LimitLeft]


class ExposureTold(Answer):
    """People in order of their ids. `after` asks for the next page; none on the last."""

    model_config = ConfigDict(json_schema_extra={"examples": [PEOPLE]})

    from_date: WorkDate = Field(serialization_alias="from")
    to_date: WorkDate = Field(serialization_alias="to")
    people: list[PersonTold]
    after: str | None


class GroupTold(Answer):
    """Of `people` people together."""

    people: int
    seconds: int
    items: int
    points: float


class GroupCell(GroupTold):
    category: str
    work_date: WorkDate


class BreaksTold(Answer):
    """What `people` people together took in the week, pauses of reviews among them: facts, and no score."""

    people: int
    taken: int
    seconds: int


class TeamTold(Answer):
    """`total` and `cells` are what may be shown. Where not `complete`, there is more: figures of fewer than
    eleven people, and such as would let these be computed. `breaks` is null for fewer than eleven people."""

    team: str
    complete: bool
    total: GroupTold | None
    breaks: BreaksTold | None
    cells: list[GroupCell]


class WeekTold(Answer):
    from_date: WorkDate = Field(serialization_alias="from")
    to_date: WorkDate = Field(serialization_alias="to")
    teams: list[TeamTold]


class MaterialTold(Answer):
    category: str
    severity: int
    modality: str


class IncidentTold(Answer):
    """A review that was more severe than its item says, when it ended, and the keys of the limits that it
    passed. It was recorded even so."""

    auditor: str
    team: str
    work_date: WorkDate
    at: Told
    item: str
    expected: MaterialTold
    seen: MaterialTold
    seconds: int
    passed: list[str]


class IncidentsTold(Answer):
    """In the order in which they were recorded. `after` asks for the next page; none on the last."""

    model_config = ConfigDict(json_schema_extra={"examples": [INCIDENTS]})

    from_date: WorkDate = Field(serialization_alias="from")
    to_date: WorkDate = Field(serialization_alias="to")
    incidents: list[IncidentTold]
    after: int | None


class GroupsTold(Answer):
    model_config = ConfigDict(json_schema_extra={"examples": [GROUPS]})

    weeks: list[WeekTold]


@router.get(
    "/v1/exposure",
    summary="What people have been shown, and what is left under their limits",
    response_model=ExposureTold,
    responses=described("invalid"),
)
def of_people(
    actor: Annotated[Actor, Depends(allow("wellbeing"))],
    purpose: Purpose,
    engine: Database,
    now: Now,
    from_date: FirstDate,
    to_date: LastDate,
    auditor: Annotated[Name | None, Query(description="this person")] = None,
    team: Annotated[Name | None, Query(description="people of this team")] = None,
    category: Annotated[Key | None, Query(description="exposure of this category")] = None,
    min_severity: Annotated[int, Query(ge=0, le=4, description="exposure from this severity up")] = 0,
    people: Annotated[int, Query(ge=1, le=MOST_PEOPLE, description="a page")] = 100,
    after: Annotated[Name | None, Query(description="of the page before")] = None,
) -> ExposureTold:
    """By person, category and work date. Each page is a reading: it is recorded, with the purpose and with
    all who are on it, before it is answered."""
    wanted = query.Selection(from_date, to_date, auditor, team, category, min_severity, after, people)
    page = read_exposure(engine, actor, wanted, as_sent(purpose), now)
    return ExposureTold(
        from_date=from_date,
        to_date=to_date,
        people=[PersonTold.model_validate(person, from_attributes=True) for person in page.people],
        after=page.after,
    )


@router.get(
    "/v1/exposure/incidents",
    summary="Where something was more severe than expected",
    response_model=IncidentsTold,
    responses=described("invalid"),
)
def of_incidents(
    actor: Annotated[Actor, Depends(allow("wellbeing"))],
    purpose: Purpose,
    engine: Database,
    now: Now,
    from_date: FirstDate,
    to_date: LastDate,
    rows: Annotated[int, Query(ge=1, le=MOST_PEOPLE, alias="incidents", description="a page")] = 100,
    after: Annotated[int | None, Query(ge=1, le=MOST_ID, description="of the page before")] = None,
) -> IncidentsTold:
    """Everybody's. Each page is a reading: it is recorded, with the purpose and with all who are on it,
    before it is answered."""
    page = read_incidents(engine, actor, from_date, to_date, after, rows, as_sent(purpose), now)
    return IncidentsTold(
        from_date=from_date,
        to_date=to_date,
        incidents=[IncidentTold.model_validate(one, from_attributes=True) for one in page.incidents],
        after=page.after,
    )


@router.get(
    "/v1/exposure/groups",
    summary="What your teams have been shown, in groups",
    response_model=GroupsTold,
    responses=described("invalid"),
)
def of_groups(
    actor: Annotated[Actor, Depends(allow("lead"))],
    engine: Database,
    now: Now,
    from_date: Annotated[WorkDate | None, Query(alias="from", description="a Monday")] = None,
    to_date: Annotated[WorkDate | None, Query(alias="to", description="a Sunday")] = None,
) -> GroupsTold:
    """By week and team, and within these by category and work date: groups of eleven people or more, and
    nothing from which fewer could be told. A week is shown once it is closed, nine days after its Monday,
    and stays as it is then. Without dates: the last closed week."""
    with snapshot_transaction(engine) as connection:
        found = groups_query.exposure_groups(connection, actor, from_date, to_date, now)
    return GroupsTold(weeks=[told(week) for week in found])


def told(week: groups_query.GroupWeek) -> WeekTold:
    return WeekTold(
        from_date=week.monday,
        to_date=week.sunday,
        teams=[
            TeamTold(
                team=team.team,
                complete=team.complete,
                total=None if team.total is None else GroupTold(**figures(team.total)),
                breaks=None
                if team.breaks is None
                else BreaksTold.model_validate(team.breaks, from_attributes=True),
                cells=[
                    GroupCell(category=place.category, work_date=place.work_date, **figures(cell))
                    for place, cell in team.cells.items()
                ],
            )
            for team in week.teams
        ],
    )


def figures(group: groups_query.GroupFigures) -> dict[str, Any]:
    return {
        "people": group.people,
        "seconds": group.seconds,
        "items": group.items,
        "points": float(group.points),
    }


def as_sent(header: str) -> str:
    """A header's text: HTTP's own reading of it as Latin-1 undone where UTF-8 was sent."""
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return header
