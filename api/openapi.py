"""The server's description: what FastAPI derives from the routes, and how every route can fail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel
from starlette.responses import JSONResponse

from api.access import Allow, public
from api.fields import Answer, Form
from api.problems import SCHEMA, described

EVERY_ROUTE = ("internal", "unavailable")
WITH_TOKEN = ("unauthenticated", "not-allowed")
WITH_INPUT = ("invalid",)
WITH_BODY = ("malformed", "too-large", "not-json")

router = APIRouter()


@router.get("/openapi.json", include_in_schema=False, dependencies=[Depends(public)])
async def description(request: Request) -> JSONResponse:
    return JSONResponse(request.app.openapi(), headers={"Cache-Control": "public, max-age=300"})


def routes_of(app: FastAPI) -> Iterator[APIRoute]:
    """Every route, those of included routers too."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if not isinstance(route, APIRoute):
            raise TypeError(f"{route} declares nothing of who may call it")
        yield route


def declared(route: APIRoute) -> list[Allow | None]:
    """Who may call it, as its dependencies say: an `Allow`, or None for `public`. Exactly one is right."""
    calls = [dependency.call for dependency in route.dependant.dependencies]
    return [call if isinstance(call, Allow) else None for call in calls if declares(call)]


def declares(call: object) -> bool:
    return call is public or isinstance(call, Allow)


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document; made once."""
    if app.openapi_schema:
        return app.openapi_schema
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = SCHEMA
    for model in (*models_below(Form), *models_below(Answer)):
        extra = model.model_config.get("json_schema_extra")
        if model.__name__ in schemas and isinstance(extra, dict) and "examples" in extra:
            schemas[model.__name__]["examples"] = extra["examples"]  # FastAPI has taken their nulls out
    for route in routes_of(app):
        if route.include_in_schema:
            for method in route.methods or ():
                add_problems(document["paths"][route.path_format][method.lower()], declared(route)[0])
    app.openapi_schema = document
    return document


def models_below(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for below in model.__subclasses__():
        yield below
        yield from models_below(below)


def add_problems(operation: dict[str, Any], allowed: Allow | None) -> None:
    """What the route need not say: who may call it, and how it fails like all others."""
    names = list(EVERY_ROUTE)
    if allowed is not None:
        names += WITH_TOKEN
        operation["x-personas"] = list(allowed.personas)
    if "parameters" in operation or "requestBody" in operation:
        names += WITH_INPUT
    if "requestBody" in operation:
        names += WITH_BODY
    responses = operation["responses"]
    if "$ref" in str(responses.get("422")) and "HTTPValidationError" in str(responses["422"]):
        del responses["422"]
    for status, response in described(*names).items():
        responses.setdefault(str(status), response)
    operation["responses"] = dict(sorted(responses.items()))
