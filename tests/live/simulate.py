"""Many random days, lived through and checked after every step.

    python -m tests.live.simulate --schedules 1000 --steps 200 --seed 0 --processes 2

Prints how far it is, what happened how often, how often each kind of call was refused, and every breach with
the steps before it. Exit code 1 if there was one. A seed replays identically:
`--schedules 1 --seed N --trace` shows each of its steps.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator

import structlog

from tests.live.arena import arena
from tests.live.schedule import Lived, live


def main() -> int:
    asked = _arguments()
    quiet()
    began = time.monotonic()
    seeds = range(asked.seed, asked.seed + asked.schedules)
    total: Counter[tuple[str, str]] = Counter()
    breaches, taken = [], 0
    for done, lived in enumerate(_lived(asked, seeds), 1):
        taken += lived.steps
        total += lived.counts
        if lived.breach is not None:
            breaches.append(lived)
            print(f"\nseed {lived.seed}, step {lived.steps}: {lived.breach}")
            for line in lived.path[-asked.path :]:
                print(f"    {line}")
        if done % 20 == 0 or done == asked.schedules:
            took = time.monotonic() - began
            print(
                f"{done} of {asked.schedules} schedules, {taken} steps, {took:.0f} s "
                f"({taken / took:.0f} steps a second), {len(breaches)} breaches",
                flush=True,
            )
    _show(total)
    kinds = Counter(lived.breach.split(":")[0] for lived in breaches if lived.breach)
    print(f"breaches: {len(breaches)}{f' {dict(kinds)}' if breaches else ''}")
    return 1 if breaches else 0


def quiet() -> None:
    """What the product logs of lost rings and the like is not what is asked here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.live.simulate", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--schedules", type=int, default=100)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="of the first schedule; the next have the next")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--path", type=int, default=12, help="steps to show before a breach")
    parser.add_argument("--trace", action="store_true", help="print every step")
    return parser.parse_args()


def _lived(asked: argparse.Namespace, seeds: Iterable[int]) -> Iterator[Lived]:
    if asked.processes == 1:
        with arena() as place:
            for seed in seeds:
                yield live(place, seed, asked.steps, trace=asked.trace)
        return
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[Lived | None] = context.Queue()
    processes = [
        context.Process(
            target=_work, args=(list(seeds)[n :: asked.processes], asked.steps, asked.trace, results)
        )
        for n in range(asked.processes)
    ]
    for process in processes:
        process.start()
    ended = 0
    while ended < len(processes):
        lived = results.get()
        if lived is None:
            ended += 1
        else:
            yield lived
    for process in processes:
        process.join()


def _work(seeds: list[int], steps: int, trace: bool, results: multiprocessing.Queue[Lived | None]) -> None:
    quiet()
    try:
        with arena() as place:
            for seed in seeds:
                results.put(live(place, seed, steps, trace=trace))
    finally:
        results.put(None)


def _show(total: Counter[tuple[str, str]]) -> None:
    kinds: dict[str, dict[str, int]] = {}
    for (kind, came), number in sorted(total.items()):
        kinds.setdefault(kind, {})[came] = number
    for kind, found in kinds.items():
        print(
            f"  {kind:14} {sum(found.values()):8}  " + ", ".join(f"{came} {n}" for came, n in found.items())
        )


if __name__ == "__main__":
    sys.exit(main())
