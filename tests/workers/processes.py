"""Workers in processes of their own, to be watched and killed."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
"""Seconds after which a test gives up, never what it waits."""


class Running:
    """A worker with all processes it has started: one session of the system's."""

    def __init__(self, process: subprocess.Popen[bytes], reached: int, log: Path) -> None:
        self.process = process
        self.reached = reached
        self.log = log

    def members(self) -> list[int]:
        """The session's processes that have not ended."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                state, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            except OSError:
                continue
            if int(session) == self.process.pid and state != "Z":
                found.append(int(entry.name))
        return found

    def wait_until_reached(self) -> None:
        """Until the worker is where it was made to stop."""
        ready, _, _ = select.select([self.reached], [], [], PATIENCE)
        said = os.read(self.reached, 1) if ready else b""
        assert said == b".", f"the worker never came there: {self.said()}"

    def kill(self) -> None:
        """As when the power fails: nothing of it does anything any more."""
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for member in self.members():
                try:
                    os.kill(member, number)
                except ProcessLookupError:
                    continue
        self.process.wait(PATIENCE)
        wait_for(lambda: not self.members(), "the worker's processes are killed")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def said(self) -> str:
        return self.log.read_text(errors="replace")


@contextmanager
def worker(
    folder: Path, environment: dict[str, str], point: str | None = None, urgent: bool = False, **more: str
) -> Iterator[Running]:
    """A worker as it is, or one that stops at a point (tests/workers/doomed.py) and says so.

    Killed at the end, if it still runs.
    """
    reached, says = os.pipe()
    log = folder / f"worker-{says}-{time.monotonic_ns()}.log"
    if point is None:
        command = [sys.executable, "-m", "config.cli", "worker", *(["--urgent"] if urgent else [])]
    else:
        command = [sys.executable, "-m", "tests.workers.doomed", point, str(says)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env={"PATH": os.defpath, **environment, **more},
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            pass_fds=[says],
            start_new_session=True,
        )
    os.close(says)
    running = Running(process, reached, log)
    try:
        yield running
    finally:
        running.kill()
        os.close(reached)


def wait_for(happened: Callable[[], bool], what: str) -> None:
    """Until something is so. Time only decides when to give up."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)
