"""One peer as a whole process: an instance folder in, its slots out. Run as `python -m tests.bench.run_peer`.

Only slots are written: a peer explains nothing and proves nothing, and its time is not to be charged for
what only the planner is asked to do.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl

from allocator.files.instance import read_instance
from allocator.instance import Instance
from tests.bench.fifo import fifo
from tests.bench.pull_router import pull_router

PEERS: dict[str, Callable[[Instance], pl.DataFrame]] = {"fifo": fifo, "pull-router": pull_router}
SLOTS_FILE = "slots.parquet"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.run_peer", description=__doc__)
    parser.add_argument("peer", choices=sorted(PEERS))
    parser.add_argument("instance", type=Path, metavar="INSTANCE")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    given = parser.parse_args(arguments)
    slots = PEERS[given.peer](read_instance(given.instance))
    given.out.mkdir(parents=True, exist_ok=True)
    slots.write_parquet(given.out / SLOTS_FILE)


if __name__ == "__main__":
    main(sys.argv[1:])
