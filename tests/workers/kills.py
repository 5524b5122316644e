"""The day is planned, once, whatever is killed and whenever Redis is emptied:

    python -m tests.workers.kills --times 20

Each time, on each kind of Redis that is here: a worker with all its processes is killed with SIGKILL while it
solves, one when all of the plan is written and COMMIT comes next, one right after its COMMIT; and Redis is
emptied while a task waits. Then one worker is started, and everything is counted.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import psycopg

from config.embedded import Servers, redis_server, servers
from config.embedded.roles import database_url
from models.migrate import migrate
from tests.conftest import KINDS as REDIS
from tests.workers.scenes import KINDS, scene, trouble


def new_database(own: Servers, name: str) -> str:
    with psycopg.connect(database_url(own.folder, "super", "postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} owner breakwater_owner")
    migrate(database_url(own.folder, "owner", name))
    return database_url(own.folder, "app", name)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.workers.kills")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--redis", choices=[*REDIS], action="append")
    options = parser.parse_args()
    good: dict[tuple[str, str], int] = {}
    with ExitStack() as stack:
        own = stack.enter_context(servers())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bw-kills-")))
        for redis in options.redis or REDIS:
            url = stack.enter_context(redis_server(REDIS[redis]))
            for turn in range(options.times):
                began = time.monotonic()
                database = new_database(own, f"{redis}_{turn}")
                with scene(database, url, folder) as there:
                    faults = trouble(there, turn)
                for kind, found in faults.items():
                    good[redis, kind] = good.get((redis, kind), 0) + (not found)
                    for fault in found:
                        print(f"{redis}, time {turn + 1}, {kind}: {fault}", flush=True)
                took = time.monotonic() - began
                print(
                    f"{redis}, time {turn + 1} of {options.times}: {took:.1f} s", file=sys.stderr, flush=True
                )
    print(f"{'':12}" + "".join(f"{kind:>16}" for kind in KINDS))
    for redis in options.redis or REDIS:
        print(f"{redis:12}" + "".join(f"{good[redis, kind]:>10} of {options.times:<2}" for kind in KINDS))
    return 0 if all(count == options.times for count in good.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
