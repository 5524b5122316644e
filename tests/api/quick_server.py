"""The server as `breakwater serve` runs it, but with a beat every 0.2 seconds, and a database that
takes half a second to be reached."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import psycopg

from api import events
from api.cli import serve
from models.connection import hearing_connection


async def slowly(url: str) -> psycopg.AsyncConnection[Any]:
    await asyncio.sleep(0.5)
    return await hearing_connection(url)


if __name__ == "__main__":
    events.BEAT_SECONDS = 0.2
    vars(events)["hearing_connection"] = slowly
    sys.exit(serve(sys.argv[2:]))
