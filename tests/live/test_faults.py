"""Every planted fault is caught, and what catches it is quiet where nothing is planted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from config.embedded import Servers
from tests.live.arena import Arena, arena
from tests.live.faults import FAULTS, A, Fault, search
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
    seeds = [fault.seed, *(seed for seed in range(MOST) if seed != fault.seed)]
    found = search(place, fault, STEPS, seeds)
    others = "\n".join(found.others[:3])
    assert found.caught is not None, f"not caught as {fault.shows} within {found.number} seeds\n{others}"
    seed = found.caught.seed
    if seed not in unplanted:
        unplanted[seed] = live(place, seed, STEPS).breach
    assert unplanted[seed] is None


def test_an_error_of_how_it_is_planted_catches_nothing(place: Arena) -> None:
    def raises(*_given: object, **_more: object) -> None:
        raise TypeError("not planted as it should be")

    broken = Fault("broken", lambda planting: planting.put(A + "complete", "_keep", raises), ("lost",))
    found = search(place, broken, STEPS, (0, 2))
    assert (found.number, found.caught, len(found.others)) == (2, None, 2)
    assert "error: complete raised TypeError: not planted as it should be" in found.others[0]


def test_there_are_enough() -> None:
    assert len(FAULTS) >= 12
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert all(fault.shows for fault in FAULTS)
    assert not any({"error", "simulator"} & set(fault.shows) for fault in FAULTS)
