"""From what can go wrong while a request is answered to the problem that says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.faults import fault
from api.problems import Problem, answer
from models.refusal import Refusal


def of_problem(_: Request, error: Problem) -> Response:
    return answer(error.kind.name, error.sentence, field=error.field, headers=error.headers, **error.more)


def of_refusal(_: Request, refusal: Refusal) -> Response:
    return answer(refusal.kind, refusal.sentence, field=refusal.field, **refusal.more)


def of_invalid(_: Request, error: RequestValidationError) -> Response:
    """Faults in our words; the values at fault are not repeated."""
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return answer("malformed", "The body is not JSON.")
    if any(one["loc"][:1] == ("path",) for one in found):
        return nothing_here()
    faults = [fault(one) for one in found]
    first, more = faults[0], len(faults) - 1
    sentence = f"{first['field']} {first['sentence']}"
    if more:
        return answer("invalid", f"{sentence}, and {more} more.", faults=faults)
    return answer("invalid", f"{sentence}.", field=first["field"], faults=faults)


def of_http(_: Request, error: HTTPException) -> Response:
    """What the framework answers of itself."""
    if error.status_code == 404:
        return nothing_here()
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        return answer("method", f"This address knows {allowed or 'other methods'}.", headers=error.headers)
    if error.status_code == 400:
        return answer("malformed", "The body cannot be read as JSON.")
    raise error  # not foreseen


def nothing_here() -> Response:
    return answer("not-found", "Nothing is at this address, or nothing that this token may know of.")


HANDLERS: dict[int | type[Exception], Callable[[Request, Any], Any]] = {
    Problem: of_problem,
    Refusal: of_refusal,
    RequestValidationError: of_invalid,
    HTTPException: of_http,
}
