"""Items that are not wanted any more. For operations; tools withdraw their own escalations."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import ConfigDict

from api.access import allow
from api.dependencies import Database, Now
from api.fields import Answer, Name
from api.problems import described
from models.actions.withdraw_item import withdraw_item
from models.actor import Actor

router = APIRouter(tags=["operations"])

WITHDRAWN: dict[str, Any] = {"item": "s-00017", "taken_back": 1}


class ItemWithdrawn(Answer):
    """`taken_back` planned reviews of it were withdrawn by this; those that run go on."""

    model_config = ConfigDict(json_schema_extra={"examples": [WITHDRAWN]})

    item: str
    taken_back: int


@router.post(
    "/v1/items/{item}/withdraw",
    summary="An item is not to be reviewed any more",
    response_model=ItemWithdrawn,
    responses=described("not-found"),
)
def withdraw(
    item: Annotated[Name, Path(examples=["s-00017"])],
    actor: Annotated[Actor, Depends(allow("operations"))],
    engine: Database,
    now: Now,
) -> ItemWithdrawn:
    """Whoever had it planned is told, and the day is planned again. Doing it again changes nothing."""
    found = withdraw_item(engine, actor, item, now)
    return ItemWithdrawn(item=found.item, taken_back=len(found.slots))
