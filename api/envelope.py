"""What every request and answer is wrapped in: an id, limits of size and form, headers, the last resort.

Plain ASGI, outermost of all that the server adds: nothing that fails inside gets past it, and it logs what
was asked without query strings, names or values.
"""

from __future__ import annotations

import secrets
import time

import psycopg
import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem, answer

MOST_BYTES = 64 * 1024
AWAY = ("08", "53", "57P", "25006")
"""SQLSTATEs of a database that cannot be used just now: the connection broke, it is out of something, it is
being shut down, it is a standby."""
LONGEST_LENGTH = 9
"""Digits of a `Content-Length`."""
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Of every answer, unless the route says otherwise."""

log = structlog.get_logger("api")


class Envelope:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = secrets.token_hex(8)
        begun = time.perf_counter()
        status = 0

        async def send_wrapped(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers["Request-Id"] = request
            await send(message)

        try:
            await self.app(scope, await whole_body(scope, receive), send_wrapped)
        except Exception as error:
            if not isinstance(error, Problem):
                log.error("request failed", request_id=request, route=route_of(scope), exc_info=error)
            if status:  # half an answer cannot be taken back; closing the connection tells the client
                raise BrokenAnswer from None
            await last_resort(error, request)(scope, receive, send_wrapped)
        finally:
            log.info(
                "request",
                request_id=request,
                method=scope["method"],
                route=route_of(scope),
                status=status,
                seconds=round(time.perf_counter() - begun, 4),
            )


class BrokenAnswer(Exception):  # noqa: N818
    """An answer broke off in the middle; what failed is in the log."""


async def whole_body(scope: Scope, receive: Receive) -> Receive:
    """`receive` with the body read already: JSON as it stands, and not above `MOST_BYTES`.

    Raises:
        Problem: it is neither. Raised here, as the framework would take it for its own while it reads.
    """
    headers = Headers(scope=scope)
    length = headers.get("content-length", "0")
    if length == "0" and "transfer-encoding" not in headers:
        return receive
    if not length.isdecimal() or len(length) > LONGEST_LENGTH or int(length) > MOST_BYTES:
        raise Problem("too-large", f"A body has at most {MOST_BYTES // 1024} KiB.")
    if not is_json(headers):
        raise Problem("not-json", "A body is sent as application/json, not compressed.")
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            break  # gone before it had said everything: nobody waits for an answer
        body += message.get("body", b"")
        if len(body) > MOST_BYTES:
            raise Problem("too-large", f"A body has at most {MOST_BYTES // 1024} KiB.")
        if not message.get("more_body", False):
            break
    first: Message | None = {"type": "http.request", "body": body, "more_body": False}
    if message["type"] != "http.request":
        first = message

    async def replay() -> Message:
        nonlocal first
        if first is None:
            return await receive()
        again, first = first, None
        return again

    return replay


def is_json(headers: Headers) -> bool:
    kind, _, _ = headers.get("content-type", "").partition(";")
    plain = headers.get("content-encoding", "identity") == "identity"
    return plain and kind.strip().lower() == "application/json"


def last_resort(error: Exception, request: str) -> ASGIApp:
    if isinstance(error, Problem):
        return answer(error.kind.name, error.sentence, headers=error.headers)
    if no_database(error):
        return answer(
            "unavailable",
            "The database does not answer; try again.",
            headers={"Retry-After": "2"},
            request=request,
        )
    return answer("internal", "Something went wrong here; it is in the server's log.", request=request)


def no_database(error: Exception) -> bool:
    """Whether the database is away, as opposed to having refused a statement."""
    if isinstance(error, NoConnection):
        return True
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return True
        cause = error.orig
    else:
        cause = error
    if not isinstance(cause, psycopg.Error):
        return False
    if cause.sqlstate is None:  # it comes from here and not from there: no connection came about, or it broke
        return isinstance(cause, psycopg.OperationalError)
    return cause.sqlstate.startswith(AWAY)


def route_of(scope: Scope) -> str | None:
    """The pattern that matched, such as `/v1/plans/{plan}`: addresses hold ids of people and things."""
    return getattr(scope.get("route"), "path", None)
