"""Breakwater's own verbs as processes of the demo: what runs here runs in earnest the same way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import httpx

from config.parent import end_with_parent_once_executed

PORT = 8000
SAYS = "Breakwater answers at "
"""Before the server's address."""
START_MAY_TAKE = 60.0
STOP_MAY_TAKE = 20.0
"""Seconds."""


class DemoFailed(Exception):  # noqa: N818
    """A part of the demo did not do what it should; the text says which, with its last words."""


def command(verb: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "config.cli", verb, *arguments]


def run(environment: Mapping[str, str], verb: str, *arguments: str) -> str:
    """Run a verb to its end; what it printed.

    Raises:
        DemoFailed: it ended with another exit code than 0.
    """
    done = subprocess.run(
        command(verb, *arguments),
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=ending_with_us(signal.SIGKILL),
    )
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip()
        raise DemoFailed(f"breakwater {verb} ended with exit code {done.returncode}: {words[-2000:]}")
    return done.stdout


def ending_with_us(by: signal.Signals) -> Callable[[], None]:
    """For a child to call first: however this process ends, the kernel then sends the child that signal."""
    return partial(end_with_parent_once_executed, os.getpid(), by)


@contextmanager
def running(environment: Mapping[str, str], log: Path, verb: str, *arguments: str) -> Iterator[Running]:
    """A verb in the background for as long as the block lasts. It cannot outlive this process."""
    with log.open("ab") as written:
        process = subprocess.Popen(
            command(verb, *arguments),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            # Ctrl-C is for the demo, which then ends its parts in order.
            start_new_session=True,
            preexec_fn=ending_with_us(signal.SIGTERM),
        )
    try:
        yield Running(verb, process, log)
    finally:
        process.terminate()
        try:
            process.wait(STOP_MAY_TAKE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Running:
    """A verb in the background; its output goes to a log."""

    def __init__(self, verb: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.verb = verb
        self.process = process
        self.log = log

    def wait_until(self, holds: Callable[[], bool], what: str, seconds: float = START_MAY_TAKE) -> None:
        """Wait for something that this process is to bring about.

        Raises:
            DemoFailed: the process ended, or it took too long.
        """
        until = time.monotonic() + seconds
        while not holds():
            if self.process.poll() is not None:
                words = self.log.read_text(errors="replace").strip()[-2000:]
                raise DemoFailed(f"breakwater {self.verb} ended before {what}: {words}")
            if time.monotonic() > until:
                raise DemoFailed(f"breakwater {self.verb}: {what} took more than {seconds:.0f} s")
            time.sleep(0.05)


@contextmanager
def serving(environment: Mapping[str, str], log: Path) -> Iterator[tuple[Running, str]]:
    """The server and its address: the port that everybody expects, or where somebody has it, one that is
    free. Only the server itself knows: of two demos that looked beforehand, one would talk to the other's.

    Raises:
        DemoFailed: it did not begin.
    """
    with ExitStack() as attempts:
        server = attempts.enter_context(running(environment, log, "serve", "--port", str(PORT)))
        try:
            server.wait_until(lambda: addresses_in(log) != [], "it listened")
        except DemoFailed:
            server = attempts.enter_context(running(environment, log, "serve", "--port", "0"))
            server.wait_until(lambda: addresses_in(log) != [], "it listened")
        yield server, addresses_in(log)[-1]


def addresses_in(log: Path) -> list[str]:
    lines = log.read_text(errors="replace").splitlines(keepends=True)
    said = [line for line in lines if line.startswith(SAYS) and line.endswith("\n")]
    return [line.removeprefix(SAYS).strip() for line in said]


def answers(client: httpx.Client, path: str) -> bool:
    try:
        return client.get(path).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
