"""Programs that use servers of their own, to be killed; and what of them still runs afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PROGRAM = """\
import sys, time
from pathlib import Path
from config.embedded import servers
with servers(Path(sys.argv[1]) if len(sys.argv) > 1 else None, durable=False) as own:
    print(own.keeper.process.pid, own.database_url, flush=True)
    time.sleep(60)
"""
GONE_WITHIN = 20.0


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder with a short name, which everybody may pass through: pytest's own has neither."""
    with tempfile.TemporaryDirectory(prefix="bw-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def start_program(temporary: Path, folder: Path | None = None, code: str = PROGRAM) -> subprocess.Popen[str]:
    """A program with servers in `folder`, or in a temporary one below `temporary`."""
    arguments = [] if folder is None else [str(folder)]
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        text=True,
    )


def first_words(program: subprocess.Popen[str]) -> list[str]:
    """What it prints when its servers run: the keeper's process, and the database's URL."""
    assert program.stdout is not None
    return program.stdout.readline().split()


def running_in(folder: Path) -> list[str]:
    """The processes that have to do with a folder: by their words, or by where they are."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(folder) in words or str(folder) in str((process / "cwd").readlink()):
                found.append(f"{process.name} {words[:80]}")
        except OSError:
            continue  # It has just ended, or is another's.
    return found


def assert_nothing_runs_in(folder: Path) -> None:
    deadline = time.monotonic() + GONE_WITHIN
    while left := running_in(folder):
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


def wait_until(path: Path) -> None:
    """Until a file is there that the start of servers makes."""
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.001)
