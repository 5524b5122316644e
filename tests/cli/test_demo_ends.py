"""However the demo ends, in the middle of its work: nothing of it runs on, and no file stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.programs import CHECKOUT, short_folder
from tests.workers.processes import wait_for


@pytest.fixture
def place() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


def parts_in(folder: Path) -> list[int]:
    """Processes that are told of a folder, by their words or by their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in told:
            found.append(int(process.name))
    return found


@pytest.mark.parametrize(
    ("ending", "times", "code"),
    [(signal.SIGHUP, 2, 0), (signal.SIGKILL, 1, -signal.SIGKILL)],
    ids=["its terminal closes", "it is killed"],
)
def test_a_demo_that_is_ended_leaves_nothing(
    place: Path, ending: signal.Signals, times: int, code: int
) -> None:
    demo = subprocess.Popen(
        [sys.executable, "-m", "config.cli", "demo"],
        cwd=CHECKOUT,
        env={**os.environ, "TMPDIR": str(place)},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_for(lambda: any(map(works, place.glob("*/demo/worker.log"))), "its worker works")
    for _ in range(times):
        demo.send_signal(ending)
    assert demo.wait(60) == code
    wait_for(lambda: parts_in(place) == [], "all of it has ended")
    wait_for(lambda: list(place.iterdir()) == [], "its folder is gone")


def works(log: Path) -> bool:
    try:
        return "waiting for tasks" in log.read_text(errors="replace")
    except FileNotFoundError:
        return False
