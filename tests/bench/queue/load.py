"""Keeps a server busy: clients that each send the next request when the last is answered.

A process of its own, with plain sockets and one `select` loop, so that asking costs little beside answering.

    python -m tests.bench.queue.load < a `Load` as JSON
"""

from __future__ import annotations

import json
import resource
import selectors
import socket
import sys
import time
from dataclasses import asdict, dataclass

END_OF_HEADERS = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Load:
    """`requests` (bytes as latin-1 text) are sent in turn, from the client's number on, for `warm` and then
    `seconds` seconds by `clients` connections; `status` is the answer that each should have."""

    host: str
    port: int
    requests: list[str]
    clients: int
    warm: float
    seconds: float
    status: int


@dataclass(frozen=True, slots=True)
class Measured:
    """`latencies` of all answers in `seconds` seconds, in seconds; `answers` counts those of the warm-up too;
    `client_cpu` is the share of one core that asking took."""

    seconds: float
    latencies: list[float]
    answers: int
    bytes_each: float
    wrong: int
    client_cpu: float


class Client:
    """One connection: a request is out, or about to be."""

    def __init__(self, load: Load, number: int) -> None:
        self.socket = socket.create_connection((load.host, load.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.next = number
        self.read = b""
        self.awaited = 0  # bytes of the answer, when its header is known
        self.sent = 0.0

    def ask(self, requests: list[bytes], step: int) -> None:
        self.read, self.awaited = b"", 0
        self.sent = time.perf_counter()
        self.socket.sendall(requests[self.next % len(requests)])
        self.next += step

    def answered(self) -> bool:
        """Take in what has come; whether the answer is complete."""
        part = self.socket.recv(262_144)
        if not part:
            raise ConnectionError("the server hung up")
        self.read += part
        if not self.awaited:
            header, found, _ = self.read.partition(END_OF_HEADERS)
            if not found:
                return False
            _, told, rest = header.lower().partition(b"content-length:")
            self.awaited = len(header) + len(found) + (int(rest.split(b"\r\n", 1)[0]) if told else 0)
        return len(self.read) >= self.awaited


def run(load: Load) -> Measured:
    requests = [text.encode("latin-1") for text in load.requests]
    expected = f"HTTP/1.1 {load.status} ".encode()
    clients = [Client(load, number) for number in range(load.clients)]
    ready = selectors.DefaultSelector()
    for client in clients:
        ready.register(client.socket, selectors.EVENT_READ, client)
        client.ask(requests, load.clients)
    latencies: list[float] = []
    answers = wrong = size = 0
    begin = time.perf_counter() + load.warm
    end = begin + load.seconds
    cpu = 0.0
    while (now := time.perf_counter()) < end:
        if not cpu and now >= begin:
            cpu = processor_seconds()
        for key, _ in ready.select(0.1):
            client = key.data
            if not client.answered():
                continue
            now = time.perf_counter()
            answers += 1
            if now >= begin:
                latencies.append(now - client.sent)
                size += len(client.read)
                wrong += not client.read.startswith(expected)
            client.ask(requests, load.clients)
    cpu = processor_seconds() - cpu
    for client in clients:
        client.socket.close()
    each = size / max(1, len(latencies))
    return Measured(load.seconds, latencies, answers, each, wrong, cpu / load.seconds)


def processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    json.dump(asdict(run(Load(**json.load(sys.stdin)))), sys.stdout)
