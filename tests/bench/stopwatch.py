"""Runs a command and writes down how long it took and how much memory it held at most.

    python tests/bench/stopwatch.py RESULT COMMAND...

A small process of its own, because Linux counts the memory of whoever starts a process towards that
process's peak. Imports nothing but the standard library, and exits as the command did.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

BYTES_IN_MAXRSS = 1 if sys.platform == "darwin" else 1024


def main(result: str, command: list[str]) -> int:
    start = time.perf_counter()
    running = subprocess.Popen(command)
    _, status, usage = os.wait4(running.pid, 0)
    seconds = time.perf_counter() - start
    code = running.returncode = os.waitstatus_to_exitcode(status)
    measured = {"seconds": seconds, "peak_bytes": usage.ru_maxrss * BYTES_IN_MAXRSS, "code": code}
    Path(result).write_text(json.dumps(measured), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
