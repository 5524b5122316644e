"""Ending with the parent process, however that ended. The standard library only."""

from __future__ import annotations

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None).prctl  # loaded before any fork


def end_with_parent(parent: int, by: signal.Signals = signal.SIGKILL) -> None:
    """In a child just forked: have the kernel send this signal when the process with the id `parent` ends.

    It counts from the thread that forked, which therefore has to be the parent's first. If the parent has
    ended already, the signal comes at once.
    """
    if not _asked(parent, by):
        os.kill(os.getpid(), by)


def end_with_parent_once_executed(parent: int, by: signal.Signals) -> None:
    """The same for a child about to become another program, whose handlers are still its parent's.

    If the parent has ended already, the child ends here: a signal might be handled, and the program begin.
    """
    if not _asked(parent, by):
        os._exit(1)


def _asked(parent: int, by: signal.Signals) -> bool:
    """Ask the kernel; whether the parent was still there afterwards, so that it counts."""
    _prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(by), 0, 0, 0)
    return os.getppid() == parent
