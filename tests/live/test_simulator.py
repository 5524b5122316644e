"""A slice of the simulator: random days through the real actions, and each kind of step among them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from config.embedded import Servers
from tests.live.arena import Arena, arena
from tests.live.schedule import Lived, live
from tests.live.simulate import quiet

SEEDS = range(10)
STEPS = 160
DONE = (
    "absent",
    "approve",
    "beat",
    "break",
    "carry-over",
    "claim",
    "close-shifts",
    "close-silent",
    "complete",
    "end-break",
    "end-day",
    "escalate",
    "hand-back",
    "history",
    "late",
    "load",
    "lower",
    "pause",
    "place",
    "preview",
    "propose",
    "publish",
    "request-plan",
    "resume",
    "retry-waiting",
    "return",
    "skip",
    "start",
    "take-back",
    "withdraw",
)
"""Kinds of calls of which at least one must have been done."""
HAPPENED = (
    ("redis", "wiped"),
    ("lost", "broken"),
    ("lost", "killed"),
    ("ended by", "day"),
    ("ended by", "limit"),
    ("ended by", "silence"),
    ("entry", "incident"),
    ("notice", "day-replanned"),
    ("notice", "escalation-no-longer-waits"),
    ("notice", "escalation-placed"),
    ("notice", "escalation-waits"),
    ("notice", "escalations-left-out"),
    ("notice", "review-withdrawn"),
    ("notice", "task-parked"),
    ("left running", "break"),
    ("left running", "work"),
    ("withdrawn by", "lower"),
    ("moved by", "place"),
    ("moved by", "publish"),
    ("planned anew", "surge"),
    ("revived by", "retry-waiting"),
    ("waits", "told"),
    ("waits", "untold"),
    ("waits", "no longer, told"),
    ("placing", "Placed"),
    ("placing", "Waiting"),
    ("publish", "refused: stale"),
    ("place", "refused: stale"),
)
TROUBLES = ("again", "death", "delayed", "lost")


@pytest.fixture(scope="module")
def place(cluster: Servers) -> Iterator[Arena]:
    quiet()
    with Redis.from_url(cluster.redis_url) as redis, arena(cluster, redis) as made:
        yield made


@pytest.fixture(scope="module")
def lived(place: Arena) -> list[Lived]:
    return [live(place, seed, STEPS) for seed in SEEDS]


def test_nothing_is_breached(lived: list[Lived]) -> None:
    breached = [one for one in lived if one.breach is not None]
    said = [
        f"seed {one.seed}, step {one.steps}: {one.breach}\n" + "\n".join(one.path[-8:]) for one in breached
    ]
    assert not breached, "\n\n".join(said)


def test_everything_happens(lived: list[Lived]) -> None:
    total: Counter[tuple[str, str]] = Counter()
    for one in lived:
        total += one.counts
    missing = [kind for kind in DONE if not total[kind, "done"]]
    assert not missing
    assert not [what for what in HAPPENED if not total[what]]
    for trouble in TROUBLES:
        assert sum(number for (kind, _), number in total.items() if kind == trouble) > 2, trouble


PROGRAM = """
from tests.live.arena import arena
from tests.live.schedule import live
from tests.live.simulate import quiet
quiet()
with arena() as place:
    live(place, 12, 30)
    lived = live(place, 11, 120, digested=True)
    assert lived.breach is None, lived.breach
    print(lived.digest)
"""


def test_a_seed_replays_identically(place: Arena) -> None:
    """Ids, times and sums of all tables, in another process, on other servers, after another schedule, and
    with sets in another order."""
    first = live(place, 11, 120, digested=True)
    assert first.breach is None
    assert first.digest is not None
    environment = os.environ | {"PYTHONHASHSEED": "77"}
    again = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert again.stdout.strip() == first.digest.strip()
