"""Many random days, lived through and checked after every step.

    python -m tests.live.simulate --schedules 1000 --steps 200 --seed 0 --processes 2

Prints how far it is, what happened how often, how often each kind of call was refused, and every breach with
the steps before it. Exit code 1 if there was one, or if not every schedule was lived to its end, as when one
of the processes dies. A seed replays identically: `--schedules 1 --seed N --trace` shows each of its steps.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

import structlog

from tests.live.arena import Arena, arena
from tests.live.schedule import Lived, live


def main() -> int:
    asked = _arguments()
    quiet()
    began = time.monotonic()
    seeds = range(asked.seed, asked.seed + asked.schedules)
    total: Counter[tuple[str, str]] = Counter()
    missing = set(seeds)
    breaches, taken = [], 0
    for done, lived in enumerate(_lived(asked, seeds), 1):
        missing.remove(lived.seed)
        taken += lived.steps
        total += lived.counts
        if lived.breach is not None:
            breaches.append(lived)
            print(f"\nseed {lived.seed}, step {lived.steps}: {lived.breach}")
            for line in lived.path[-asked.path :]:
                print(f"    {line.rstrip()}")
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
    if missing:
        shown = ", ".join(map(str, sorted(missing)[:20]))
        print(f"MISSING: {len(missing)} of {asked.schedules} schedules were not lived, of seeds {shown}")
    return 1 if breaches or missing else 0


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
    asked = parser.parse_args()
    if min(asked.schedules, asked.steps, asked.processes) < 1:
        parser.error("there is at least one schedule, one step and one process")
    return asked


def _lived(asked: argparse.Namespace, seeds: Iterable[int]) -> Iterator[Lived]:
    if asked.processes == 1:
        with arena() as place:
            for seed in seeds:
                yield _one(place, seed, asked.steps, trace=asked.trace)
        return
    context = multiprocessing.get_context("spawn")
    running: dict[Connection, SpawnProcess] = {}
    for n in range(asked.processes):
        results, mine = context.Pipe(duplex=False)
        process = context.Process(
            target=_work, args=(list(seeds)[n :: asked.processes], asked.steps, asked.trace, mine)
        )
        process.start()
        mine.close()  # else nobody would hear that the process is gone
        running[results] = process
    while running:
        wait([*running, *(process.sentinel for process in running.values())])
        for results, process in list(running.items()):
            is_over = process.exitcode is not None
            try:
                while results.poll():
                    yield results.recv()
            except (EOFError, OSError):  # also where it died in the middle of a result
                is_over = True
            if is_over:
                del running[results]
                process.join()
                if process.exitcode:
                    print(f"\na process ended with exit code {process.exitcode}", flush=True)


def _work(seeds: list[int], steps: int, trace: bool, results: Connection) -> None:
    quiet()
    with arena() as place:
        for seed in seeds:
            results.send(_one(place, seed, steps, trace=trace))


def _one(place: Arena, seed: int, steps: int, *, trace: bool) -> Lived:
    """One schedule; that it could not be lived at all is a breach like others."""
    try:
        return live(place, seed, steps, trace=trace)
    except Exception as error:
        said = f"simulator: {type(error).__name__}: {error}"
        return Lived(seed, 0, Counter(), said, traceback.format_exception(error))


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
