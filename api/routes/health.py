"""Whether the server lives, and whether it can work."""

from __future__ import annotations

import structlog
from fastapi import APIRouter, Depends
from redis import RedisError
from sqlalchemy.exc import DBAPIError

from api.access import public
from api.dependencies import Database, Doorbell
from api.problems import Problem, described
from models.queries.readiness import is_newest

router = APIRouter(tags=["health"])
log = structlog.get_logger("api")


@router.get(
    "/healthz",
    summary="Whether the process lives",
    dependencies=[Depends(public)],
    responses={200: {"content": {"application/json": {"example": {"state": "alive"}}}}},
)
async def alive() -> dict[str, str]:
    """Says nothing of the database; that is `/readyz`."""
    return {"state": "alive"}


@router.get(
    "/readyz",
    summary="Whether the server can work",
    dependencies=[Depends(public)],
    responses={
        200: {
            "content": {
                "application/json": {
                    "examples": {
                        "all": {
                            "summary": "All is there",
                            "value": {"state": "ready", "database": "ready", "doorbell": "answers"},
                        },
                        "slower": {
                            "summary": "Without Redis: tasks wait until the workers look by themselves",
                            "value": {"state": "ready", "database": "ready", "doorbell": "silent"},
                        },
                    }
                }
            }
        },
        **described("unavailable"),
    },
)
def ready(engine: Database, doorbell: Doorbell) -> dict[str, str]:
    """Ready is who can reach PostgreSQL at the revision that this program was written for.

    Redis only wakes the workers sooner, so the server is ready without it and says that it is silent.
    """
    try:
        with engine.connect() as connection:
            newest = is_newest(connection)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != "42P01":  # no such table: never migrated
            raise
        newest = False
    if not newest:
        raise Problem(
            "unavailable",
            "The database is not at this program's revision: breakwater migrate.",
            headers={"Retry-After": "5"},
        )
    try:
        doorbell.ping()
    except RedisError as error:
        log.warning("the doorbell is silent", exc_info=error)
        return {"state": "ready", "database": "ready", "doorbell": "silent"}
    return {"state": "ready", "database": "ready", "doorbell": "answers"}
