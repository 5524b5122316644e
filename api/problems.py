"""Every error that the server answers, as RFC 9457 problem details.

`PROBLEMS` is the whole list; each has a page at its `type`, `/problems/{kind}`. Sentences are ours: what came
in is never repeated, what goes wrong inside is never told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
NOBODY = {"WWW-Authenticate": 'Bearer realm="breakwater"'}
BAD_TOKEN = {"WWW-Authenticate": 'Bearer realm="breakwater", error="invalid_token"'}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of error: `status` is HTTP's; `meaning` says when it comes, `advice` what to do."""

    name: str
    status: int
    title: str
    meaning: str
    advice: str

    @property
    def type(self) -> str:
        return f"/problems/{self.name}"


PROBLEMS = (
    Kind(
        "malformed",
        400,
        "The request cannot be read",
        "The body is not JSON in UTF-8, or nested too deeply.",
        "Send one JSON object.",
    ),
    Kind(
        "unauthenticated",
        401,
        "Nobody is signed in",
        "There is no token, or it is unknown, expired or revoked. Which of these is not told.",
        "Send a token as `Authorization: Bearer …`, never in an address. `breakwater token issue` makes one.",
    ),
    Kind(
        "not-allowed",
        403,
        "This token may not do that",
        "The token belongs to a persona that this address is not for.",
        "Use a token of the persona that the description of the address names.",
    ),
    Kind(
        "not-yours",
        403,
        "This is somebody else's",
        "It belongs to a person or a team that the token does not act for.",
        "Ask somebody who is responsible for it.",
    ),
    Kind(
        "not-found",
        404,
        "There is no such thing",
        "Nothing is at this address, or nothing that this token may know of.",
        "Check the address and the id.",
    ),
    Kind(
        "method",
        405,
        "This address does not do that",
        "The address exists, but not with this method.",
        "The header `Allow` names the methods that there are.",
    ),
    Kind(
        "limit-reached",
        409,
        "A limit would be passed",
        "It would show somebody more than a limit allows. No token and no priority sets that aside.",
        "Take other work or a break.",
    ),
    Kind(
        "already-started",
        409,
        "It has started already",
        "Work that has started is not started again, moved or taken back.",
        "Fetch it again to see how it stands.",
    ),
    Kind(
        "not-started",
        409,
        "It has not started",
        "Only what has started can end.",
        "Start it first.",
    ),
    Kind(
        "too-early",
        409,
        "It is too early for that",
        "A release or a shift comes first.",
        "Wait until the time that the sentence names.",
    ),
    Kind(
        "too-soon",
        409,
        "Something else comes first",
        "Begun now, this review would run past a stretch of work or into an edge of the shift, counted by "
        "what was really seen and which rests were really taken.",
        "`instead` names the next review that may start, or a break. `GET /v1/me/next` says how long a rest.",
    ),
    Kind(
        "conflict",
        409,
        "It does not fit what is there",
        "What was asked contradicts the present state.",
        "Fetch it again, and decide anew.",
    ),
    Kind(
        "key-reused",
        409,
        "The key belongs to another request",
        "An `Idempotency-Key` that was sent before came with another body.",
        "Send the first body again, or choose a new key.",
    ),
    Kind(
        "stale",
        412,
        "It has changed meanwhile",
        "What was asked rests on a state that is no longer so.",
        "Fetch it again, and decide anew.",
    ),
    Kind(
        "too-large",
        413,
        "The body is too large",
        "The server reads no body of more than 64 KiB.",
        "Send less at a time.",
    ),
    Kind(
        "not-json",
        415,
        "The body is not JSON",
        "A body is sent with a `Content-Type` other than `application/json`, or with a `Content-Encoding`.",
        "Send JSON as it is, with `Content-Type: application/json`.",
    ),
    Kind(
        "invalid",
        422,
        "Something in the request is not as described",
        "A field is missing, unknown, of the wrong type or out of range. Nothing was done.",
        "`faults` names each field and what is wrong with it.",
    ),
    Kind(
        "internal",
        500,
        "Something is wrong on our side",
        "An error that nobody foresaw. Nothing was done, or everything: each action is one transaction.",
        "Try again; tell whoever runs the server the `request`.",
    ),
    Kind(
        "unavailable",
        503,
        "The server is not ready",
        "The database does not answer, or is at another revision. Nothing was done, or everything.",
        "Try again later; with an `Idempotency-Key` nothing is done twice.",
    ),
    Kind(
        "overloaded",
        503,
        "Too much is waiting to be done",
        "So many tasks wait that one more would only wait too. Nothing was stored.",
        "Send it again with the same `Idempotency-Key` when the seconds of `Retry-After` have passed.",
    ),
)
BY_NAME = {kind.name: kind for kind in PROBLEMS}


class Problem(Exception):  # noqa: N818 - an answer, not a slip
    """Ends a request with this problem. `headers` go with the answer; `more` are further members."""

    def __init__(
        self,
        kind: str,
        sentence: str,
        *,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(sentence)
        self.kind = BY_NAME[kind]
        self.sentence = sentence
        self.field = field
        self.headers = dict(headers or {})
        self.more = more


def document(kind: Kind, sentence: str, field: str | None = None, **more: Any) -> dict[str, Any]:
    """The members of a problem; `field` only where one field is at fault."""
    members: dict[str, Any] = {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status,
        "detail": sentence,
    }
    if field is not None:
        members["field"] = field
    return members | more


def answer(
    kind: str,
    sentence: str,
    *,
    field: str | None = None,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    found = BY_NAME[kind]
    body = json.dumps(document(found, sentence, field, **more), ensure_ascii=False).encode()
    return Response(body, found.status, dict(headers or {}), MEDIA_TYPE)


def described(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route: the problems that it can answer, besides those that every route can."""
    by_status: dict[int | str, list[Kind]] = {}
    for name in kinds:
        by_status.setdefault(BY_NAME[name].status, []).append(BY_NAME[name])
    return {status: _response(found) for status, found in by_status.items()}


def _response(kinds: Sequence[Kind]) -> dict[str, Any]:
    return {
        "description": "; ".join(kind.title for kind in kinds),
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {
                    kind.name: {"summary": kind.title, "value": document(kind, kind.meaning)}
                    for kind in kinds
                },
            }
        },
    }


SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "the kind of problem; its page explains it"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "a sentence for whoever asked"},
        "field": {"type": "string", "description": "what of the request is at fault"},
        "faults": {
            "type": "array",
            "description": "each field that is at fault",
            "items": {
                "type": "object",
                "required": ["field", "sentence"],
                "properties": {"field": {"type": "string"}, "sentence": {"type": "string"}},
            },
        },
        "request": {"type": "string", "description": "by which the server's log knows this request"},
    },
}
