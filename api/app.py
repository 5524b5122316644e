"""The server, put together by hand: what it holds, its routes, how errors are answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI

from api import openapi
from api.dependencies import Parts
from api.envelope import Envelope
from api.errors import HANDLERS
from api.events import Events
from api.query import as_described
from api.routes import (
    coverage,
    escalations,
    exposure,
    health,
    items,
    limits,
    me,
    me_work,
    notices,
    plans,
    problems,
    proposals,
    shifts,
    tasks,
)
from config.clock import Clock, clock_of
from config.settings import Settings
from models.connection import application_engine, reading_pool
from models.doorbell import connect, ring_what_is_filed

DESCRIPTION = "Who audits which moderation decision and when, so that nobody passes an exposure limit."
ROUTERS = (
    health.router,
    problems.router,
    openapi.router,
    me.router,
    me_work.router,
    notices.router,
    escalations.router,
    plans.router,
    shifts.router,
    items.router,
    coverage.router,
    limits.router,
    proposals.router,
    exposure.router,
    tasks.router,
)


def create_app(settings: Settings, clock: Clock | None = None) -> FastAPI:
    """The application; it opens connections when they are first needed, and closes them when it stops.

    Raises:
        SettingsRefused: the settings name no database or no Redis.
    """
    where = settings.connections()
    readers, ticks = reading_pool(where.database_url, settings.pool_max), clock or clock_of(settings)
    here = Parts(
        settings=settings,
        engine=application_engine(where.database_url, settings.pool_max),
        readers=readers,
        redis=connect(where.redis_url),
        clock=ticks,
        events=Events(where.database_url, readers, ticks),
    )
    # Aside: no request waits for Redis.
    bell = ring_what_is_filed(here.engine, here.redis, settings.queue, aside=True)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await here.events.disconnect()
        bell.close()
        here.engine.dispose()
        here.readers.close()
        here.redis.close()

    app = FastAPI(
        title="Breakwater",
        version="1",
        description=DESCRIPTION,
        docs_url=None,  # they would load scripts from somebody else's server
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        dependencies=[Depends(as_described)],
        exception_handlers=HANDLERS,
    )
    app.state.parts = here
    app.add_middleware(Envelope)
    for router in ROUTERS:
        app.include_router(router)
    app.openapi = lambda: openapi.describe(app)  # type: ignore[method-assign]
    return app
