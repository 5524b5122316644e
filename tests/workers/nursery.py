"""Real processes of ours, born ready: forked from one that has loaded everything and done nothing.

    python -m tests.workers.nursery

Loading the planner takes seconds, and a run of kills needs hundreds of workers. The nursery reads a line of
JSON for each process that is wanted and answers with its number. Each leads a session of its own, and none
outlives the nursery.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO, Any

from config.parent import end_with_parent
from tests.workers import points
from tests.workers.load import MAY_BE_REFUSED
from tests.workers.processes import CHECKOUT, PATIENCE, wait_for
from workers.preload import PLACING, PLANNING

LOADED = (
    *PLANNING,
    *PLACING,
    "workers.worker",
    "workers.clock",
    "workers.cli",
    "api.app",
    "api.cli",
    "uvicorn",
)
CRASHED = "a process has crashed: "


@dataclass
class Child:
    """A process with all that it has started. `reached` is the file that holds a byte once it is at its
    point; `queue` that of a worker which has one of its own."""

    process: int
    log: Path
    reached: Path
    queue: str = ""

    def members(self) -> list[int]:
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                state, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            except OSError:
                continue
            if int(session) == self.process and state != "Z":
                found.append(int(entry.name))
        return sorted(found)

    def children(self, of: int) -> list[int]:
        """Processes of this session that this one of them has started, the oldest first."""
        found = []
        for member in self.members():
            try:
                fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == of:
                found.append((int(fields[19]), member))
        return [member for _, member in sorted(found)]

    def reaches(self, or_else: Callable[[], bool] = lambda: False) -> bool:
        """Whether it comes to its point before it ends, or before something else has come about."""

        def is_there() -> bool:
            return self.reached.exists() and self.reached.stat().st_size > 0

        wait_for(
            lambda: is_there() or not self.members() or or_else(), "the process comes to its point, or ends"
        )
        # It may have brought that about itself, and be just on its way.
        until = time.monotonic() + 1.0
        while not is_there() and self.members() and time.monotonic() < until:
            time.sleep(0.02)
        return is_there()

    def wait_until_reached(self) -> None:
        assert self.reaches(), f"it ended before it came there: {self.said()[-3000:]}"

    def kill(self, members: list[int] | None = None) -> None:
        """Those of its processes, or all, as when the power fails: nothing of them does anything any more."""
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for member in self.members() if members is None else members:
                try:
                    os.kill(member, number)
                except ProcessLookupError:
                    continue
        if members is None:
            wait_for(lambda: not self.members(), "the processes are killed")

    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Nursery:
    def __init__(self, process: subprocess.Popen[str], folder: Path, environment: dict[str, str]) -> None:
        self.process = process
        self.folder = folder
        self.environment = environment
        self.numbers = count(1)
        self.children: list[Child] = []
        self.one_at_a_time = threading.Lock()

    def bear(self, what: str, point: str | None = None, **more: str) -> Child:
        """`what` is `worker`, `urgent`, `serve`, `clock` or `client`; `more` its further environment."""
        number = next(self.numbers)
        log = self.folder / f"{number}-{what}.log"
        reached = self.folder / f"{number}-{what}.reached"
        wanted = {
            "what": what,
            "point": point,
            "environment": {**self.environment, **more},
            "log": str(log),
            "reached": str(reached),
        }
        with self.one_at_a_time:
            pipes = (self.process.stdin, self.process.stdout)
            assert pipes[0] is not None
            assert pipes[1] is not None
            pipes[0].write(json.dumps(wanted) + "\n")
            pipes[0].flush()
            child = Child(int(pipes[1].readline()), log, reached)
            self.children.append(child)
            return child

    def crashed(self) -> list[str]:
        """Processes that ended by themselves with an exit code that says so, and what they said last."""
        found = []
        for line in (self.folder / "nursery.log").read_text().splitlines():
            if line.startswith(CRASHED):
                process = int(line.removeprefix(CRASHED).split()[0])
                last = next((child.said()[-1000:] for child in self.children if child.process == process), "")
                found.append(f"{line}: {last}")
        return found


@contextmanager
def nursery(folder: Path, environment: dict[str, str]) -> Iterator[Nursery]:
    with (folder / "nursery.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.workers.nursery"],
            cwd=CHECKOUT,
            env={"PATH": os.defpath},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        assert said == "ready\n", (folder / "nursery.log").read_text()
        yield Nursery(process, folder, environment)
    finally:
        process.kill()
        process.wait(PATIENCE)


def run(wanted: dict[str, Any], fd: int) -> int:
    """The process that was wanted, spoilt if it is to stop somewhere; its exit code."""
    from config.logging import configure
    from config.settings import settings

    what, point = wanted["what"], wanted["point"]
    spoil = {
        "worker": points.spoil_planner,
        "urgent": points.spoil_placer,
        "serve": points.spoil_server,
        "clock": points.spoil_clock,
        "client": points.spoil_client,
    }[what]
    if point is not None:
        spoil(point, points.stay_and_say(fd))
        # Others take its task back: it would only ring on a queue that nobody hears any more.
        vars(sys.modules["workers.reconciler"])["keep_reconciling"] = points.before(signal.pause)
    if what == "client":
        client(fd)
        return 0
    if what in ("worker", "urgent"):
        from workers.worker import work

        configured = settings()
        configure("info")
        work(configured, lambda: print("waiting", flush=True), urgent=what == "urgent")
        return 0
    from config.cli import main

    sys.argv = ["breakwater", what, *(["--port", "0"] if what == "serve" else [])]
    return main()


def client(fd: int) -> None:
    """Somebody's program: begins what is planned next, says that it is on the screen, and waits."""
    from sqlalchemy import text

    from config.clock import clock_of
    from config.settings import settings
    from models.actions import beat, start
    from models.actor import Actor
    from models.connection import application_engine
    from models.refusal import Refusal

    configured = settings()
    engine = application_engine(configured.need("database_url"), pool_size=1)
    clock = clock_of(configured)
    slot = int(os.environ["SLOT"])
    with engine.connect() as connection:
        auditor = connection.execute(
            text("select auditor from slot where id = :slot"), {"slot": slot}
        ).scalar_one()
    actor = Actor("auditor", auditor)
    try:
        start.start(engine, actor, slot, clock())
    except Refusal as refusal:
        if refusal.kind not in MAY_BE_REFUSED:
            raise
        print(f"it may not begin: {refusal}")
        return
    beat.beat(engine, actor, slot, clock())
    os.write(fd, b".")
    while True:
        time.sleep(1)
        beat.beat(engine, actor, slot, clock())


def born(line: str, parent: int, told: int) -> None:
    wanted = json.loads(line)
    os.setsid()
    os.close(told)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    end_with_parent(parent)
    output = os.open(wanted["log"], os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    fd = os.open(wanted["reached"], os.O_CREAT | os.O_WRONLY, 0o600)
    os.environ.clear()
    os.environ.update({"PATH": os.defpath, **wanted["environment"]})
    code = 1
    try:
        code = run(wanted, fd)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def note_ends(*_: object) -> None:
    """Of children that have ended: those that were not killed and did not end well are written down."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if (code := os.waitstatus_to_exitcode(ended[1])) > 0:
                os.write(2, f"{CRASHED}{ended[0]} with {code}\n".encode())


def main() -> None:
    for name in LOADED:
        importlib.import_module(name)
    # What waits for a worker that is to die is left to it: nobody else goes on with it without a ring.
    vars(sys.modules["workers.jobs"])["GOES_ON"] = 0.0
    signal.signal(signal.SIGCHLD, note_ends)
    parent = os.getpid()
    answers: IO[str] = sys.stdout
    print("ready", file=answers, flush=True)
    # Not `for line in sys.stdin`: what it has read ahead every child would read again.
    while line := sys.stdin.readline():
        heard, told = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(heard)
            born(line, parent, told)
        os.close(told)
        # Until it leads its session, whoever looks for its members would take it for one that has ended.
        os.read(heard, 1)
        os.close(heard)
        print(child, file=answers, flush=True)


if __name__ == "__main__":
    main()
