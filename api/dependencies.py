"""What routes ask for: the database, the doorbell, the time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, cast

from fastapi import Depends, Request
from redis import Redis
from sqlalchemy import Engine

from api.events import Events
from config.clock import Clock
from config.settings import Settings
from models.connection import Readers


@dataclass(frozen=True, slots=True)
class Parts:
    """What the server holds as long as it runs."""

    settings: Settings
    engine: Engine
    readers: Readers
    redis: Redis
    clock: Clock
    events: Events


def parts(request: Request) -> Parts:
    return cast("Parts", request.app.state.parts)


# These block nothing, so they are `async`: a plain function would cost a change of thread each.
async def _database(request: Request) -> Engine:
    return parts(request).engine


async def _doorbell(request: Request) -> Redis:
    return parts(request).redis


async def _readers(request: Request) -> Readers:
    return parts(request).readers


async def _settings(request: Request) -> Settings:
    return parts(request).settings


async def _now(request: Request) -> datetime:
    return parts(request).clock()


async def _hearing(request: Request) -> Events:
    return parts(request).events


Database = Annotated[Engine, Depends(_database)]
ReadersPool = Annotated[Readers, Depends(_readers)]
Doorbell = Annotated[Redis, Depends(_doorbell)]
Hearing = Annotated[Events, Depends(_hearing)]
Configured = Annotated[Settings, Depends(_settings)]
Now = Annotated[datetime, Depends(_now)]
"""When the request was answered, in UTC; actions and queries never ask a clock themselves."""
