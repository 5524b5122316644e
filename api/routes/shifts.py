"""When people are there, where that is not as their shifts say. For leads of their teams, and operations."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import ConfigDict, Field

from api.access import allow
from api.dependencies import Database, Now
from api.fields import Answer, Form, Instant, Name, Told, WorkDate
from api.problems import described
from models.actions.arrive_late import arrive_late
from models.actions.hold_shift import Presence, There
from models.actions.mark_absent import mark_absent
from models.actions.mark_present import mark_present
from models.actor import Actor

router = APIRouter(prefix="/v1/shifts/{work_date}/{auditor}", tags=["lead"])
LeadOrOperations = Annotated[Actor, Depends(allow("lead", "operations"))]
OnDate = Annotated[WorkDate, Path(examples=["2026-11-23"])]
Whose = Annotated[Name, Path(examples=["aud-01"])]

LATE: dict[str, Any] = {
    "auditor": "aud-01",
    "work_date": "2026-11-23",
    "there": "late",
    "there_from": "2026-11-23T01:30:00Z",
    "there_until": "2026-11-23T07:00:00Z",
    "taken_back": 4,
}


class Arrival(Form):
    model_config = ConfigDict(json_schema_extra={"examples": [{"arrives_at": "2026-11-23T08:30:00+07:00"}]})

    arrives_at: Instant = Field(description="when the person is there")


class PresenceTold(Answer):
    """`there`: `absent`, not at all; `late`, from `there_from`; `left`, until `there_until`, as they have
    said themselves; `there`, as the shift says. `taken_back` of their slots were withdrawn by this."""

    model_config = ConfigDict(json_schema_extra={"examples": [LATE]})

    auditor: str
    work_date: WorkDate
    there: There
    there_from: Told
    there_until: Told
    taken_back: int


def told(found: Presence) -> PresenceTold:
    return PresenceTold(
        auditor=found.auditor,
        work_date=found.work_date,
        there=found.there,
        there_from=found.there_from,
        there_until=found.there_until,
        taken_back=len(found.taken_back),
    )


@router.post(
    "/absent",
    summary="Somebody does not come, or will not be back",
    response_model=PresenceTold,
    responses=described("not-found", "conflict"),
)
def absent(
    work_date: OnDate, auditor: Whose, actor: LeadOrOperations, engine: Database, now: Now
) -> PresenceTold:
    """What was planned for them is planned for others, and a break that runs or a review that is paused ends;
    only while a review is on the screen they are at work. They are told; others only see that their own plan
    has changed. No reason is asked, and none is kept."""
    return told(mark_absent(engine, actor, auditor, work_date, now))


@router.post(
    "/late",
    summary="Somebody comes later than their shift says",
    response_model=PresenceTold,
    responses=described("not-found", "conflict"),
)
def late(
    work_date: OnDate, auditor: Whose, wanted: Arrival, actor: LeadOrOperations, engine: Database, now: Now
) -> PresenceTold:
    """What was planned for them before then is planned anew. Where that is later than now, a break that runs
    or a review that is paused ends, as with `absent`. With the shift's start, they come as planned."""
    return told(arrive_late(engine, actor, auditor, work_date, wanted.arrives_at, now))


@router.post(
    "/present",
    summary="Somebody is there as their shift says, after all",
    response_model=PresenceTold,
    responses=described("not-found", "conflict"),
)
def present(
    work_date: OnDate, auditor: Whose, actor: LeadOrOperations, engine: Database, now: Now
) -> PresenceTold:
    """Undoes both. Who has ended their day is not called back."""
    return told(mark_present(engine, actor, auditor, work_date, now))
