"""Ending with the parent process, however that ended."""

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
    _prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(by), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), by)
