"""A client that listens to server-sent events, on a plain socket."""

from __future__ import annotations

import json
import re
import socket
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    number: int | None
    data: dict[str, Any]


class Ended(Exception):  # noqa: N818
    """The stream is over; `in_order` if the server said so, and did not only hang up."""

    def __init__(self, in_order: bool) -> None:
        super().__init__(in_order)
        self.in_order = in_order


class Silence(Exception):  # noqa: N818
    """Nothing came in time."""


class Listener:
    """`last` is the number that it was last told, as a browser keeps it."""

    def __init__(
        self, url: str, headers: dict[str, str], query: str = "", buffer: int | None = None, wait: float = 20
    ) -> None:
        place = urlsplit(url)
        assert place.hostname is not None
        self.socket = socket.socket()
        if buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.settimeout(wait)
        self.socket.connect((place.hostname, place.port or 80))
        self.read = b""
        self.text = b""
        self.last: int | None = None
        self.retry: int | None = None
        self.comments = 0
        self.status, self.headers = self.ask(f"/v1/events{query}", headers)

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def ask(self, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str]]:
        """Send a request on this connection; the status and the headers of the answer."""
        said = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: here\r\n{said}\r\n".encode())
        while b"\r\n\r\n" not in self.read:
            self._receive()
        head, _, self.read = self.read.partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        named = (line.partition(": ") for line in rest)
        return int(first.split()[1]), {name.lower(): value for name, _, value in named}

    def next(self, within: float = 10.0) -> Event:
        """The next event; comments are counted, and a number without an event is noted."""
        until = time.monotonic() + within
        while True:
            block, found, rest = self.text.partition(b"\n\n")
            if not found:
                self._take_chunk(until)
                continue
            self.text = rest
            fields = dict(re.findall(r"^(id|event|data|retry): (.*)$", block.decode(), re.MULTILINE))
            if block.startswith(b":"):
                self.comments += 1
            if "retry" in fields:
                self.retry = int(fields["retry"])
            if "id" in fields:
                self.last = int(fields["id"])
            if "data" in fields:
                number = int(fields["id"]) if "id" in fields else None
                return Event(fields["event"], number, json.loads(fields["data"]))

    def numbers(self, count: int, within: float = 10.0) -> list[int]:
        """The numbers of the next notices."""
        told = [self.next(within) for _ in range(count)]
        assert {one.name for one in told} <= {"notice"}, told
        return [one.data["notice"] for one in told]

    def is_silent(self, seconds: float = 0.3) -> bool:
        try:
            self.next(seconds)
        except Silence:
            return True
        return False

    def why_ended(self, within: float = 10.0) -> str:
        """Why the stream ends, as its last event says."""
        told = self.next(within)
        assert told.name == "end", told
        with pytest.raises(Ended) as ended:
            self.next(within)
        assert ended.value.in_order
        return str(told.data["why"])

    def _take_chunk(self, until: float) -> None:
        """One chunk of the answer, without what wraps it."""
        while (size := re.match(rb"([0-9a-f]+)\r\n", self.read)) is None:
            self._receive(until)
        length = int(size[1], 16)
        while len(self.read) < size.end() + length + 2:
            self._receive(until)
        part = self.read[size.end() : size.end() + length]
        self.read = self.read[size.end() + length + 2 :]
        if not length:
            raise Ended(in_order=True)
        self.text += part

    def _receive(self, until: float | None = None) -> None:
        if until is not None:
            left = until - time.monotonic()
            if left <= 0:
                raise Silence
            self.socket.settimeout(left)
        try:
            part = self.socket.recv(262_144)
        except TimeoutError:
            raise Silence from None
        except ConnectionResetError:
            raise Ended(in_order=False) from None
        if not part:
            raise Ended(in_order=False)
        self.read += part
