"""How fast people get their queue, beside two measures on the same server in the same run.

    python -m tests.bench.queue

It fills a database of its own (by default 2 000 people with 100 slots each and 90 days of history), starts
the server in one process, and asks it for the queue, for the queue that the client has already (304), for
what may be started now, for one row and for a constant, in turns, several rounds. Requests of the first three
carry a token each and go through everybody; the measures carry none. `server` and `database` are milliseconds
of processor time for an answer: on a machine with other work to do they say more than the rates."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from secrets import token_hex
from statistics import median
from urllib.parse import urlsplit

from config.embedded import servers
from config.settings import Connections
from models.migrate import migrate
from tests.bench.queue import processor
from tests.bench.queue.data import SLOTS, fill
from tests.bench.queue.load import Load, Measured

LONGEST_WARM = 1.0
"""Seconds at the start of each measurement that do not count."""
BEST = "row"
"""What the queue is measured against."""


@dataclass(slots=True)
class Figures:
    """Of one address, all rounds together."""

    status: int
    requests: list[str]
    rates: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    bytes_each: float = 0.0
    wrong: int = 0
    client_cpu: float = 0.0
    server_cpu: list[float] = field(default_factory=list)
    database_cpu: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers a second: the median of the rounds."""
        return median(self.rates)

    def add(self, measured: Measured) -> None:
        self.rates.append(len(measured.latencies) / measured.seconds)
        self.latencies += measured.latencies
        self.bytes_each = measured.bytes_each
        self.wrong += measured.wrong
        self.client_cpu = max(self.client_cpu, measured.client_cpu)

    def percentile(self, share: float) -> float:
        """Milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


def request(path: str, *headers: str) -> str:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: bench", *headers, "", ""])


@contextmanager
def server(where: Connections) -> Iterator[tuple[str, int]]:
    """The address and the process of a server; what it logs goes nowhere."""
    variables = {k: v for k, v in os.environ.items() if not k.startswith("BREAKWATER_")}
    running = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.queue.server"],
        env=variables | {"DATABASE_URL": where.database_url, "REDIS_URL": where.redis_url},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert running.stdout is not None
        yield running.stdout.readline().strip(), running.pid
    finally:
        running.terminate()
        running.wait(30)


def tags(url: str, secret: str, people: int) -> list[str]:
    """Everybody's `ETag`; the answer is looked at, so that no fast answer is an empty one."""
    found = []
    for number in range(1, people + 1):
        asked = urllib.request.Request(
            f"{url}/v1/me/queue", headers={"Authorization": f"Bearer {secret}{number}"}
        )
        with urllib.request.urlopen(asked) as answer:
            assert len(json.load(answer)["slots"]) == SLOTS
            found.append(answer.headers["ETag"])
    return found


def measure(url: str, figures: Figures, clients: int, seconds: float) -> Measured:
    place = urlsplit(url)
    assert place.hostname is not None
    assert place.port is not None
    warm = min(seconds, LONGEST_WARM)
    load = Load(place.hostname, place.port, figures.requests, clients, warm, seconds, figures.status)
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.queue.load"],
        input=json.dumps(asdict(load)),
        capture_output=True,
        text=True,
        check=True,
    )
    return Measured(**json.loads(done.stdout))


def spent(where: Connections, process: int) -> tuple[float, float]:
    """Processor seconds so far of the server and of the database's processes."""
    return processor.seconds([process]), processor.seconds(processor.backends(where.owner_database_url))


def run(
    where: Connections, people: int, days: int, clients: int, rounds: int, seconds: float
) -> dict[str, Figures]:
    secret = token_hex(8)
    entries = fill(where.owner_database_url, people, days, secret, datetime.now(UTC))
    print(
        f"{people} people, {people * SLOTS} slots, {entries} ledger entries over {days + 1} dates",
        flush=True,
    )
    with server(where) as (url, process):
        known = tags(url, secret, people)
        holders = [f"Authorization: Bearer {secret}{number}" for number in range(1, people + 1)]
        everybody = [f"aud-{number}" for number in range(1, people + 1)]
        found = {
            "queue": Figures(200, [request("/v1/me/queue", holder) for holder in holders]),
            "queue, unchanged": Figures(
                304,
                [
                    request("/v1/me/queue", holder, f"If-None-Match: {tag}")
                    for holder, tag in zip(holders, known, strict=True)
                ],
            ),
            "next": Figures(200, [request("/v1/me/next", holder) for holder in holders]),
            "row": Figures(200, [request(f"/bench/row/{name}") for name in everybody]),
            "row by engine": Figures(200, [request(f"/bench/row-by-engine/{name}") for name in everybody]),
            "constant": Figures(200, [request("/bench/constant")]),
        }
        for _ in range(rounds):
            for figures in found.values():
                before = spent(where, process)
                measured = measure(url, figures, clients, seconds)
                after = spent(where, process)
                figures.add(measured)
                figures.server_cpu.append((after[0] - before[0]) / measured.answers)
                figures.database_cpu.append((after[1] - before[1]) / measured.answers)
        return found


def table(found: dict[str, Figures]) -> str:
    lines = [
        f"{'':18}{'a second':>10}{'of a row':>10}{'p50 ms':>9}{'p99 ms':>9}{'bytes':>9}{'server':>9}"
        f"{'database':>10}{'client busy':>13}"
    ]
    for name, figures in found.items():
        lines.append(
            f"{name:18}{figures.rate:>10.0f}{figures.rate / found[BEST].rate:>10.2f}"
            f"{figures.percentile(0.5):>9.1f}{figures.percentile(0.99):>9.1f}{figures.bytes_each:>9.0f}"
            f"{1000 * median(figures.server_cpu):>9.2f}{1000 * median(figures.database_cpu):>10.2f}"
            f"{figures.client_cpu:>13.0%}"
        )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.queue", description=__doc__)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--days", type=int, default=90, help="of history (default: 90)")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="each measurement (default: 5)")
    given = parser.parse_args(arguments)
    with servers() as own:
        where = Connections(own.database_url, own.owner_database_url, own.redis_url)
        migrate(where.owner_database_url)
        found = run(where, given.people, given.days, given.clients, given.rounds, given.seconds)
    return told(found)


WANTED = 0.5
"""Of the rate of one row: what the queue and what may be started now should be answered at."""


def told(found: dict[str, Figures]) -> int:
    """Print the figures, and whether they are as wanted; 1 if an answer was not as it should be."""
    print(table(found))
    for name in ("queue", "next"):
        share = found[name].rate / found[BEST].rate
        print(f"{name}: {share:.2f} of a row, {'as' if share >= WANTED else 'NOT as'} wanted ({WANTED})")
    wrong = sum(figures.wrong for figures in found.values())
    if wrong:
        print(f"{wrong} answers had another status than they should have", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
