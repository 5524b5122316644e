"""Every planted fault is caught, and what catches it is quiet where nothing is planted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from config.embedded import Servers
from tests.live.arena import Arena, arena
from tests.live.faults import FAULTS, Fault, seeds_until_caught
from tests.live.schedule import live
from tests.live.simulate import quiet

STEPS = 120
MOST = 50
"""Seeds within which a fault must be caught."""


@pytest.fixture(scope="module")
def place(cluster: Servers) -> Iterator[Arena]:
    quiet()
    with Redis.from_url(cluster.redis_url) as redis, arena(cluster, redis) as made:
        yield made


@pytest.fixture(scope="module")
def unplanted() -> dict[int, str | None]:
    """By seed, what is breached in the same schedule when nothing is planted."""
    return {}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_it_is_caught(place: Arena, fault: Fault, unplanted: dict[int, str | None]) -> None:
    known = [fault.seed]
    number, caught = seeds_until_caught(place, fault, STEPS, known)
    if caught is None:
        others = [seed for seed in range(MOST) if seed not in known]
        number, caught = seeds_until_caught(place, fault, STEPS, others)
    assert caught is not None, f"not caught within {number + len(known)} seeds"
    if caught.seed not in unplanted:
        unplanted[caught.seed] = live(place, caught.seed, STEPS).breach
    assert unplanted[caught.seed] is None


def test_there_are_enough() -> None:
    assert len(FAULTS) >= 12
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
