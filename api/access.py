"""Who may call a route.

Every route declares it, once: `Annotated[Actor, Depends(allow("auditor"))]`, or `Depends(public)` among its
`dependencies`. A test walks the routes and fails for one that does not.
"""

from __future__ import annotations

import hashlib

from fastapi import Request
from fastapi.openapi.models import HTTPBearer as BearerModel
from fastapi.security.base import SecurityBase

from api.dependencies import parts
from api.problems import BAD_TOKEN, NOBODY, Problem
from models.actor import Actor, Persona
from models.queries.tokens import holder


class Allow(SecurityBase):
    """Gives the `Actor` whose token came with the request, or ends the request with 401 or 403."""

    def __init__(self, personas: tuple[Persona, ...]) -> None:
        self.personas = personas
        self.scheme_name = "token"
        self.model = BearerModel(
            description="A token of `breakwater token issue`, in the header `Authorization: Bearer …`."
        )

    def __call__(self, request: Request) -> Actor:
        digest = digest_of(request)
        here = parts(request)
        # Asked every time, so that a revoked token ends with the request before.
        with here.engine.connect() as connection:
            actor = holder(connection, digest, here.clock())
        if actor is None:
            raise Problem("unauthenticated", "This token is unknown, expired or revoked.", headers=BAD_TOKEN)
        if actor.persona not in self.personas:
            raise Problem("not-allowed", f"This is for {these(self.personas)}, not for {actor.persona}.")
        return actor


def digest_of(request: Request) -> bytes:
    """The SHA-256 of the token that came with the request, or ends it with 401."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Problem("unauthenticated", "This needs a token: Authorization: Bearer …", headers=NOBODY)
    return hashlib.sha256(token.strip().encode()).digest()


def these(personas: tuple[Persona, ...]) -> str:
    return " and ".join(personas)


def allow(*personas: Persona) -> Allow:
    """A dependency for routes that tokens of these personas may call, and nobody else."""
    if not personas:
        raise ValueError("name a persona, or declare the route public")
    return Allow(personas)


async def public() -> None:
    """A dependency for routes that anybody may call, without a token."""
