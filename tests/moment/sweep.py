"""The readings of the rules side by side, over more seeds than a test takes:
`python -m tests.moment.sweep --seeds 1000`.

Prints a line for each seed that goes wrong, and last how often each answer came up. Exit 1 where any did.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable

from tests.moment.agreement import (
    Counts,
    check_moments_of_plan,
    check_moments_of_real_day,
    check_room,
    check_walk,
    check_way_out,
    planned_day,
)


def _walk(seed: int) -> Counts:
    return Counter({"planned reviews": check_walk(*planned_day(seed))})


CHECKS: tuple[Callable[[int], Counts], ...] = (
    check_moments_of_real_day,
    check_way_out,
    check_room,
    _walk,
    check_moments_of_plan,
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Ask the moment and the verifier the same things.")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--without-plans", action="store_true", help="only days that nobody planned")
    options = parser.parse_args(arguments)
    counted: Counts = Counter()
    wrong = 0
    for seed in range(options.seed, options.seed + options.seeds):
        for check in CHECKS[:3] if options.without_plans else CHECKS:
            try:
                counted.update(check(seed))
            except AssertionError as failed:
                wrong += 1
                print(f"seed {seed}: {check.__name__}: {str(failed)[:300]}", flush=True)
        planned_day.cache_clear()
    print(f"{options.seeds} seeds, {wrong} wrong, {dict(sorted(counted.items()))}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
