"""Processor time of processes, as Linux counts it: what an answer costs, however busy the machine is."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import psycopg

TICKS = os.sysconf("SC_CLK_TCK")


def seconds(processes: Iterable[int]) -> float:
    """User and system time of these processes together; one that has ended counts for nothing."""
    total = 0
    for process in processes:
        try:
            stat = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace")
        except FileNotFoundError:
            continue
        after_name = stat.rpartition(")")[2].split()
        total += int(after_name[11]) + int(after_name[12])
    return total / TICKS


def backends(url: str) -> list[int]:
    """The processes that serve connections to this database, the asking one left out."""
    with psycopg.connect(url) as connection:
        return [
            pid
            for (pid,) in connection.execute(
                "select pid from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
        ]
