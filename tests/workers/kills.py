"""Nothing is lost and nothing doubled, whatever is killed and whenever Redis is emptied:

    python -m tests.workers.kills --kills 200 --wipes 50

Real processes under load: escalations come in over HTTP, plans are asked for, people work. Processes are
killed with SIGKILL at named points, several at once, and Redis is emptied. Each time it is measured how long
it takes until every task that was live then has been done, and PostgreSQL is asked for anything that may
never be.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack
from math import isnan
from pathlib import Path

from config.embedded import redis_server, servers
from config.embedded.roles import database_url
from models.migrate import migrate
from tests.conftest import KINDS as REDIS
from tests.workers.havoc import LATE, Result, installation, run_havoc


def at(times: list[float], share: float) -> float:
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def table(results: list[Result]) -> list[str]:
    """A line a point: how often, how long until all was done again, how often something was wrong."""
    by_point: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_point[result.point].append(result)
    by_point = dict(sorted(by_point.items())) | {"all": results}
    lines = [f"{'':34}{'times':>6}{'p50 s':>8}{'p99 s':>8}{'wrong':>7}"]
    for point, found in by_point.items():
        times = [result.seconds for result in found if not isnan(result.seconds)] or [float("nan")]
        wrong = sum(bool(result.faults) for result in found)
        lines.append(f"{point:34}{len(found):>6}{at(times, 0.5):>8.1f}{at(times, 0.99):>8.1f}{wrong:>7}")
    return lines


def missing(results: list[Result], wanted: int, accepted: int, reviewed: int) -> list[str]:
    """Without these the run says nothing."""
    found = []
    if len(results) != wanted:
        found.append(f"{wanted} kills and wipes were wanted, and {len(results)} were done")
    if not accepted:
        found.append("no escalation was accepted")
    if not reviewed:
        found.append("no review was done")
    return found


def main() -> int:
    """Exit code 0: nothing was lost or doubled, and at the 99th percentile all was done in 15 seconds."""
    parser = argparse.ArgumentParser(prog="python -m tests.workers.kills")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--wipes", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lanes", type=int, default=3, help="kills that go on at once")
    parser.add_argument("--redis", choices=[*REDIS], default="valkey")
    options = parser.parse_args()
    began = time.monotonic()
    with ExitStack() as stack:
        own = stack.enter_context(servers())
        migrate(own.owner_database_url)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bw-kills-")))
        url = stack.enter_context(redis_server(REDIS[options.redis]))
        eyes = database_url(own.folder, "super", "breakwater")
        there = stack.enter_context(installation(own.database_url, eyes, url, folder, options.seed))

        def tell(line: str) -> None:
            print(f"{time.monotonic() - began:7.1f} s  {line}", file=sys.stderr, flush=True)

        wrong = run_havoc(there, options.kills, options.wipes, options.lanes, tell)
        results = there.results
        accepted, plans, reviewed = len(there.load.accepted), len(there.load.plans), there.load.reviewed
    wrong += missing(results, options.kills + options.wipes, accepted, reviewed)
    for line in table(results):
        print(line)
    print(f"{accepted} escalations accepted, {plans} plans of today asked for, {reviewed} reviews done")
    for fault in [*wrong, *(f"{result.point}: {fault}" for result in results for fault in result.faults)]:
        print(fault)
    in_time = bool(results) and at([result.seconds for result in results], 0.99) <= LATE
    return 0 if in_time and not wrong and not any(result.faults for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
