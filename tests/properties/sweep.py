"""Random days, planned and verified: `python -m tests.properties.sweep --days 1000 --seed 0`.

Prints a line for each day that goes wrong, with its seed, and a last line with the numbers. Exit 1 where any
did.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback

from allocator.instance import Instance
from allocator.optimise.planner import make_plan
from allocator.verify import verify
from tests.days.random_day import random_day

SIZES = (((1, 3), (0, 20)), ((1, 10), (0, 60)), ((2, 10), (20, 150)), ((20, 40), (100, 300)))
"""How many auditors and how many items, from tiny to a large team; day by day in turn."""


def day_of(seed: int) -> Instance:
    """The day that a seed stands for. Two in five are planned again with `now`, one in thirty has nobody."""
    auditors, items = SIZES[seed % len(SIZES)]
    if seed % 30 == 29:
        auditors = (0, 1)
    return random_day(seed, auditors=auditors, items=items, replan=seed % 5 < 2)


def one_day(seed: int) -> list[str]:
    """What is wrong with the plan of this seed's day."""
    day = day_of(seed)
    return [f"{v.rule}: {v.message}" for v in verify(day, make_plan(day))]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Plan and verify random days.")
    parser.add_argument("--days", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    options = parser.parse_args(arguments)
    wrong = 0
    begun = time.perf_counter()
    for seed in range(options.seed, options.seed + options.days):
        try:
            found = one_day(seed)
        except Exception:  # a crash is one more thing to report; the sweep goes on
            found = [traceback.format_exc()]
        wrong += bool(found)
        for line in found[:5]:
            print(f"seed {seed}: {line}", flush=True)
    print(f"{options.days} days, {wrong} wrong, {time.perf_counter() - begun:.0f} seconds")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
