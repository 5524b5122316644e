"""The piece of shared memory that PostgreSQL holds by number, and that a killed one leaves behind.

It is a few bytes, but the kernel keeps it until it is asked to forget it, and it keeps 4096 at most.
The standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import time
from pathlib import Path

IPC_RMID = 0
ENDING_MAY_TAKE = 2.0
"""Seconds for a process that has been killed to let go."""


def forget(database: Path) -> None:
    """Remove what the last PostgreSQL on this database left. For when none runs there any more."""
    # Its note: the process on the first line, key and number of the memory on the seventh.
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = (database / "postmaster.pid").read_text().splitlines()
        key, number = lines[6].split()
        deadline = time.monotonic() + ENDING_MAY_TAKE
        while (users := users_of(key, number, maker=lines[0].strip().lstrip("-"))) is not None:
            if users == 0:
                ctypes.CDLL(None).shmctl(int(number), IPC_RMID, None)
                return
            if time.monotonic() > deadline:
                return
            time.sleep(0.01)


def users_of(key: str, number: str, maker: str) -> int | None:
    """How many processes have this memory; None where there is no such memory of that maker any more."""
    for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]:
        there, numbered, _, _, made_by, _, users = line.split()[:7]
        if (there, numbered, made_by) == (key, number, maker):
            return int(users)
    return None
