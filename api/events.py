"""Notices as they are committed, to everybody who listens: one connection to PostgreSQL for all streams of a
process.

PostgreSQL says to whom something was told, never what; that is read from the table, in the order of the
numbers, which is that of the commits. So a stream that has given number 17 has given all before it, and
whoever comes back with 17 misses nothing and is told nothing twice.

A stream ends at once when its token does not count any more (asked with every comment), when the server
stops, when its subject opens more than `MOST_STREAMS` (the oldest goes), or when its client reads too slowly.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import psycopg
import structlog
from psycopg.rows import dict_row
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from api.fields import text_of
from api.readers import read
from config.clock import Clock
from models.connection import Readers, hearing_connection
from models.queries.notices import AFTER, NEWEST, Notice, after, newest
from models.queries.tokens import VALID

log = structlog.get_logger("api")

CHANNEL = "breakwater_notice"
MOST_STREAMS = 3
"""Of one subject in one process."""
BEAT_SECONDS = 15.0
"""Between comments, which keep a connection from being taken for dead."""
MOST_WAITING = 100
"""Notices and comments that wait for one client."""
PAGE = 100
"""Notices read at a time."""
COME_BACK_MS = 2000
"""What a client is told to wait before it connects again."""
SOONEST, LATEST = 0.1, 10.0
"""Seconds between attempts to reach the database again."""
GRACE = 2.0
"""Seconds for a client to take the end of a stream, when the server stops."""
COMMENT = b":\n\n"

Why = Literal["elsewhere", "token", "server", "slow"]


@dataclass(frozen=True, slots=True)
class End:
    why: Why


@dataclass(slots=True, eq=False)
class Stream:
    """One client that listens. `sent` is the number up to which it has been told everything."""

    subject: str
    addressees: frozenset[str]
    digest: bytes
    start: int | None
    """After which number to begin. None: what an auditor has not seen, or what comes from now on."""
    sent: int = 0
    is_live: bool = False
    """Whether it is told what comes. Before, that is read from the table, like all that it missed."""
    is_behind: bool = False
    """Whether something came while that was read."""
    waiting: asyncio.Queue[Notice | bytes | End] = field(
        default_factory=lambda: asyncio.Queue(maxsize=MOST_WAITING)
    )
    ended: End | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, what: Notice | bytes) -> None:
        """Hand on what comes; whoever does not keep up is ended, and may come back for the rest."""
        if self.ended is not None:
            return
        if isinstance(what, Notice) and not self.is_live:
            self.is_behind = True
            return
        try:
            self.waiting.put_nowait(what)
        except asyncio.QueueFull:
            self.end("slow")

    def end(self, why: Why) -> None:
        if self.ended is not None:
            return
        self.ended = End(why)
        while not self.waiting.empty():
            self.waiting.get_nowait()
        self.waiting.put_nowait(self.ended)
        self.over.set()


class Events:
    """What one process hears, and who listens to it. Everything here runs in the server's event loop."""

    def __init__(self, database_url: str, readers: Readers, clock: Clock) -> None:
        self.database_url = database_url
        self.readers = readers
        self.clock = clock
        self.streams: dict[str, list[Stream]] = {}
        self.position: int | None = None
        """Up to which number the streams have been told; None before the first connection."""
        self.hears = asyncio.Event()
        self.joining = asyncio.Lock()
        """Held while notices are read for those who listen: whoever joined in the middle would miss some."""
        self.stopping = False
        self.task: asyncio.Task[None] | None = None
        self.loop: asyncio.AbstractEventLoop | None = None

    async def open(self, stream: Stream) -> None:
        """Begin to tell this stream what comes; the subject's oldest one ends if there are too many."""
        async with self.joining:
            self._join(stream)

    def _join(self, stream: Stream) -> None:
        if self.stopping:
            stream.end("server")
            return
        if self.task is None or self.task.done():
            self.loop = asyncio.get_running_loop()
            self.task = self.loop.create_task(self._run())
        mine = self.streams.setdefault(stream.subject, [])
        mine.append(stream)
        for oldest in mine[:-MOST_STREAMS]:
            oldest.end("elsewhere")
        del mine[:-MOST_STREAMS]

    def close(self, stream: Stream) -> None:
        mine = self.streams.get(stream.subject, [])
        if stream in mine:
            mine.remove(stream)
        if not mine:
            self.streams.pop(stream.subject, None)

    def stop(self) -> None:
        """End all streams: the server waits for what it is answering, and they would go on."""
        self.stopping = True
        for stream in self._all():
            stream.end("server")

    def stop_soon(self) -> None:
        """The same from a signal's handler, whatever the event loop is doing just then."""
        self.stopping = True
        if self.loop is not None:
            self.loop.call_soon_threadsafe(self.stop)

    async def disconnect(self) -> None:
        self.stop()
        if self.task is not None:
            self.task.cancel()
            with suppress(asyncio.CancelledError):
                await self.task

    def _all(self) -> list[Stream]:
        return [stream for mine in self.streams.values() for stream in mine]

    async def _run(self) -> None:
        """Listen, for as long as the server runs, and through every outage of the database."""
        wait, is_lost = SOONEST, False
        while True:
            try:
                async with await hearing_connection(self.database_url) as connection:
                    await connection.execute(f"listen {CHANNEL}")
                    # What was committed while nobody listened is in the table.
                    await self._beat(connection)
                    if is_lost:
                        log.info("notices are heard again")
                    wait, is_lost = SOONEST, False
                    self.hears.set()
                    await self._listen(connection)
            except Exception as error:
                # Not only a database that is away: whatever it is, people must not silently hear nothing.
                if not is_lost:
                    log.warning("notices are not heard; trying again", exc_info=error)
                is_lost = True
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))
            wait = min(wait * 2, LATEST)

    async def _listen(self, connection: psycopg.AsyncConnection[Any]) -> None:
        next_beat = time.monotonic() + BEAT_SECONDS
        while True:
            left = max(0.0, next_beat - time.monotonic())
            told = {one.payload async for one in connection.notifies(timeout=left, stop_after=1)}
            if time.monotonic() >= next_beat:
                next_beat = time.monotonic() + BEAT_SECONDS
                async with asyncio.timeout(BEAT_SECONDS):
                    await self._beat(connection)
            elif any(not told.isdisjoint(stream.addressees) for stream in self._all()):
                await self._spread(connection)

    async def _beat(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """End the streams whose tokens have ended, and tell the others that this one lives."""
        streams = self._all()
        asked = {"digests": list({stream.digest for stream in streams}), "now": self.clock()}
        valid = {bytes(row[0]) for row in await (await connection.execute(VALID, asked)).fetchall()}
        for stream in streams:
            if stream.digest not in valid:
                stream.end("token")
        await self._spread(connection)
        for stream in self._all():
            stream.tell(COMMENT)

    async def _spread(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Hand on all that was committed since the last time."""
        async with self.joining:
            await self._spread_alone(connection)

    async def _spread_alone(self, connection: psycopg.AsyncConnection[Any]) -> None:
        cursor = connection.cursor(row_factory=dict_row)
        until = int((await (await cursor.execute(NEWEST)).fetchall())[0]["newest"])
        if self.position is None:  # whoever listens already reads what was before
            self.position = until
        while self.position < until:
            concerned: dict[str, list[Stream]] = {}
            for stream in self._all():
                for addressee in stream.addressees:
                    concerned.setdefault(addressee, []).append(stream)
            asked = {"addressees": list(concerned), "after": self.position, "seen_until": 0, "rows": PAGE}
            found = await (await cursor.execute(AFTER, asked)).fetchall() if concerned else []
            for row in found:
                notice = Notice(**row)
                for stream in concerned[notice.addressee]:
                    stream.tell(notice)
            last = found[-1]["number"] if found else until
            self.position = last if len(found) == PAGE else max(until, last)


class EventStream(Response):
    """The answer that goes on until its client leaves or the stream ends."""

    media_type = "text/event-stream"

    def __init__(self, events: Events, stream: Stream) -> None:
        # Proxies that gather an answer before they pass it on are asked not to.
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self.events = events
        self.stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        start: Message = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        sending = asyncio.create_task(self._send_all(start, send))
        leaving = asyncio.create_task(left(receive))
        over = asyncio.create_task(self.stream.over.wait())
        try:
            await asyncio.wait({sending, leaving, over}, return_when=asyncio.FIRST_COMPLETED)
            if not sending.done() and not leaving.done():
                self.events.close(self.stream)
                # Who does not read cannot be told that this is the end. The system closes such connections
                # after a while; a server that stops does not wait for that.
                grace = GRACE if self.events.stopping else None
                await asyncio.wait({sending, leaving}, timeout=grace, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            self.events.close(self.stream)
            for task in (sending, leaving, over):
                task.cancel()
            await asyncio.gather(sending, leaving, over, return_exceptions=True)

    async def _send_all(self, start: Message, send: Send) -> None:
        await self.events.open(self.stream)
        await send(start)

        async def give(part: bytes) -> None:
            await send({"type": "http.response.body", "body": part, "more_body": True})

        await give(f"retry: {COME_BACK_MS}\n\n".encode())
        try:
            await self._give_missed(give)
        except psycopg.OperationalError:  # the database went away just now; the log has it from who listens
            self.stream.end("server")
        while True:
            told = await self.stream.waiting.get()
            if isinstance(told, End):
                await give(event("end", {"why": told.why}))
                break
            if isinstance(told, bytes):
                await give(told)
            elif told.number > self.stream.sent:
                await give(event("notice", as_json(told), told.number))
                self.stream.sent = told.number
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _give_missed(self, give: Any) -> None:
        """What was committed before, and what comes meanwhile; then this stream is live."""
        stream, readers = self.stream, self.events.readers
        # Otherwise what is committed after this reading and before that listening would be told to nobody.
        hears = asyncio.create_task(self.events.hears.wait())
        over = asyncio.create_task(stream.over.wait())
        await asyncio.wait({hears, over}, return_when=asyncio.FIRST_COMPLETED)
        hears.cancel()
        over.cancel()
        if stream.ended is not None:
            return
        until = await run_in_threadpool(read, readers, newest)
        seen_until = 0
        if stream.start is not None:
            stream.sent = min(stream.start, until)
        elif any(name.startswith("auditor:") for name in stream.addressees):
            seen_until = until
        else:
            stream.sent = until
        told: Sequence[str] = sorted(stream.addressees)
        while stream.ended is None and not stream.is_live:
            stream.is_behind = False
            page = await run_in_threadpool(
                read,
                readers,
                lambda connection: after(connection, told, stream.sent, PAGE, seen_until),
            )
            for notice in page:
                await give(event("notice", as_json(notice), notice.number))
                stream.sent = notice.number
            stream.is_live = len(page) < PAGE and not stream.is_behind
        # Whoever comes back is to say a number, even if there was nothing to tell.
        stream.sent = max(stream.sent, until)
        await give(f"id: {stream.sent}\n\n".encode())


async def left(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def event(name: str, data: dict[str, Any], number: int | None = None) -> bytes:
    """One event as it goes over the line; JSON has no line breaks."""
    called = "" if number is None else f"id: {number}\n"
    return f"{called}event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def as_json(notice: Notice) -> dict[str, Any]:
    """A notice as clients are given it; to whom it was is not told, it is them."""

    def instant(at: datetime | None) -> str | None:
        return None if at is None else text_of(at)

    return {
        "notice": notice.number,
        "work_date": None if notice.work_date is None else notice.work_date.isoformat(),
        "kind": notice.kind,
        "sentence": notice.sentence,
        "detail": notice.detail,
        "at": instant(notice.at),
        "seen_at": instant(notice.seen_at),
    }
