"""How soon an accepted escalation is on somebody's timeline, beside the round trip of an empty RQ job.

    python -m tests.bench.escalations --size L

The day is the one of `tests.bench.publish`: 2 000 people and 200 000 items for L, loaded, planned and
published. It is then half over: everything planned before its busiest hour is done as planned, whatever lies
over that instant runs. Escalations like the day's own come in one by one, each timed from the return of
`escalate` (committed) until its review is among the slots that its person's queue is made of, or until it is
said to wait; an urgent worker as `breakwater worker --urgent` runs it does the work. Between them empty jobs
(`time.monotonic`) go to a plain RQ worker on the same Redis, timed from `enqueue` until RQ says that they are
finished. At last a hundred escalations come at once. Both are asked for every 5 ms.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import psycopg
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import Engine, text

from allocator.instance import Instance
from allocator.plan import Plan
from allocator.scenarios.generate import Size
from config.embedded import servers
from models.actions.claim_task import claim_task
from models.actions.escalate import Escalation, escalate
from models.actions.load_day import load_day
from models.actions.publish_plan import publish_plan
from models.actions.request_plan import request_plan
from models.actor import SYSTEM, Actor
from models.connection import application_engine, snapshot_transaction
from models.doorbell import connect, ring_what_is_filed
from models.migrate import migrate
from models.snapshot import read_inputs
from tests.bench.publish import NOW as BEFORE
from tests.bench.publish import WORK_DATE, planned_day

CHECKOUT = Path(__file__).resolve().parents[2]
TOOL = Actor("upstream", "bench")
PLAIN_QUEUE = "empty-jobs"
EVERY = 0.005
PATIENCE = 120.0
AT_ONCE = 100
MOST_SECONDS, MOST_TIMES, MOST_ALL = 2.0, 5.0, 20.0
"""What is wanted: p99 in seconds and in empty jobs; seconds for all at once."""
MOST_WAITING = 0.5
"""Share of the escalations that may wait: if most do, the figures are not those of placing."""

# As the day would have gone by the plan. The guard is for concurrent writers, and here is one.
GONE_BY = (
    "alter table ledger disable trigger guard",
    """
    update slot set state = 'done', started_at = planned_start, ended_at = planned_end,
        seen_seconds = case kind when 'work' then extract(epoch from planned_end - planned_start) end
    where state = 'planned' and planned_end <= %(now)s
    """,
    """
    update slot set state = 'started', started_at = planned_start
    where state = 'planned' and planned_start <= %(now)s and planned_end > %(now)s
    """,
    """
    insert into ledger (at, auditor, work_date, entry, category, severity, modality, seconds, items, slot)
    select %(now)s, slot.auditor, slot.work_date, entry, category, severity, modality, seconds, 1, slot.id
    from slot join item on item.id = slot.item cross join unnest(array['release', 'post']) entry
    where slot.state = 'done'
    """,
    "select fill_limit_days(id) from exposure_use",
    "alter table ledger enable trigger guard",
    "vacuum analyze",
)
SETTLED = text("""
    select exists (select from slot where item = :item and state = 'planned') as placed,
        exists (select from waiting_escalation where item = :item) as waits
""")
ALL_SETTLED = text("""
    select (select count(distinct item) from slot where item like :like and state = 'planned') as placed,
        (select count(*) from waiting_escalation where item like :like
         and item not in (select item from slot where item like :like and state = 'planned')) as waiting,
        (select count(*) from task where kind = 'place' and state in ('waiting', 'claimed')) as live
""")


@dataclass(slots=True)
class Times:
    """Seconds each."""

    accepted: list[float] = field(default_factory=list)
    visible: list[float] = field(default_factory=list)
    empty: list[float] = field(default_factory=list)
    waited: int = 0


def load_and_publish(engine: Engine, day: Instance, plan: Plan) -> None:
    load_day(engine, SYSTEM, day, BEFORE)
    asked = request_plan(engine, SYSTEM, WORK_DATE, BEFORE)
    claim = claim_task(engine, SYSTEM, asked.task, 3600, BEFORE)
    assert claim is not None
    with snapshot_transaction(engine) as connection:
        inputs = read_inputs(connection, WORK_DATE, BEFORE)
    publish_plan(engine, SYSTEM, claim, inputs, plan, BEFORE)


def busiest(day: Instance) -> datetime:
    """The instant at which most people are on shift."""
    starts, ends = day.auditors["shift_start"].to_list(), day.auditors["shift_end"].to_list()
    best = max(starts, key=lambda at: (sum(b <= at < e for b, e in zip(starts, ends, strict=True)), -at))
    return datetime.fromtimestamp(best + 1800, UTC)


def pass_time(owner_url: str, now: datetime) -> None:
    with psycopg.connect(owner_url, autocommit=True) as connection:
        for statement in GONE_BY:
            connection.execute(statement, {"now": now} if "%(" in statement else None)


def like_those_of(day: Instance, chance: random.Random, now: datetime) -> Callable[[], Escalation]:
    """Escalations like the day's own, due in one to four hours."""
    rows = day.items.filter(day.items["kind"] == "escalation").to_dicts()

    def one() -> Escalation:
        row = chance.choice(rows)
        return Escalation(
            id=None,
            market=row["market"],
            language=row["language"],
            category=row["category"],
            severity=row["severity"],
            modality=row["modality"],
            seconds=row["seconds"],
            reviews=1,
            priority=row["priority"],
            release=None,
            due=now + timedelta(minutes=chance.randint(60, 240)),
            excluded=(),
        )

    return one


Make = Callable[[Instance, random.Random, datetime], Callable[[], Escalation]]
"""What is asked for on a day, given its chance and the time."""


@contextmanager
def running(command: list[str], environment: dict[str, str], log: Path) -> Iterator[None]:
    """A process with a session of its own, told to stop at the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env={"PATH": os.environ["PATH"], **environment},
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(happened: Callable[[], Any]) -> float:
    """Seconds until it is so."""
    began = time.perf_counter()
    while not happened():
        if time.perf_counter() - began > PATIENCE:
            raise TimeoutError("it never came about")
        time.sleep(EVERY)
    return time.perf_counter() - began


def empty_job(queue: Queue) -> float:
    began = time.perf_counter()
    job = queue.enqueue("time.monotonic", result_ttl=60)
    until(lambda: queue.connection.hget(job.key, "status") == b"finished")
    return time.perf_counter() - began


def one_by_one(
    engine: Engine, reader: Engine, plain: Queue, make: Callable[[], Escalation], now: Callable[[], datetime],
    count: int,
) -> Times:  # fmt: skip
    times = Times()
    for number in range(-3, count):  # the first ones warm up
        began = time.perf_counter()
        accepted = escalate(engine, TOOL, f"one-{number}", make(), now())
        accepting = time.perf_counter() - began
        with reader.connect() as connection:
            polled = connection.execution_options(isolation_level="AUTOCOMMIT")
            seconds = until(lambda: any(polled.execute(SETTLED, {"item": accepted.id}).one()))  # noqa: B023
            placed = polled.execute(SETTLED, {"item": accepted.id}).one().placed
        empty = empty_job(plain)
        if number >= 0:
            times.accepted.append(accepting)
            times.visible.append(seconds)
            times.empty.append(empty)
            times.waited += not placed
    return times


def at_once(
    engine: Engine, reader: Engine, make: Callable[[], Escalation], now: Callable[[], datetime], together: int
) -> tuple[float, int, int]:
    """Seconds until so many are placed or explained, and how many are which."""
    wanted = [(number, make()) for number in range(together)]
    began = time.perf_counter()

    def one(given: tuple[int, Escalation]) -> None:
        number, asked = given
        escalate(engine, TOOL, f"many-{number}", replace(asked, id=f"many-{number}"), now())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, wanted))
    with reader.connect() as connection:
        polled = connection.execution_options(isolation_level="AUTOCOMMIT")

        def settled() -> bool:
            row = polled.execute(ALL_SETTLED, {"like": "many-%"}).one()
            return bool(row.placed + row.waiting >= together and row.live == 0)

        until(settled)
        took = time.perf_counter() - began
        row = polled.execute(ALL_SETTLED, {"like": "many-%"}).one()
        return took, row.placed, row.waiting


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def told(times: Times) -> None:
    empty = statistics.median(times.empty), percentile(times.empty, 0.99)
    for name, values in (
        ("empty RQ job", times.empty),
        ("accepting", times.accepted),
        ("visible", times.visible),
    ):
        p50, p99 = statistics.median(values), percentile(values, 0.99)
        print(
            f"{name:14} p50 {1000 * p50:7.1f} ms   p99 {1000 * p99:7.1f} ms   {p50 / empty[0]:5.2f} and "
            f"{p99 / empty[1]:5.2f} of an empty job",
            flush=True,
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """`took` seconds for so many at once, of which `placed` have a place and `waiting` an explanation."""

    times: Times
    took: float
    placed: int
    waiting: int

    @property
    def ratio(self) -> float:
        return percentile(self.times.visible, 0.99) / percentile(self.times.empty, 0.99)


def shortcomings(measured: Measured) -> list[str]:
    """What is not as wanted. Waiting is soon said: only what is placed says how long placing takes."""
    times, found = measured.times, []
    for waited, of in (
        (times.waited, len(times.visible)),
        (measured.waiting, measured.placed + measured.waiting),
    ):
        if waited > MOST_WAITING * of:
            found.append(f"{waited} of {of} only wait, and say nothing of placing")
    slow = percentile(times.visible, 0.99)
    if slow >= MOST_SECONDS:
        found.append(f"p99 is {slow:.2f} s and not below {MOST_SECONDS:.0f} s")
    if measured.ratio >= MOST_TIMES:
        found.append(f"p99 is that of {measured.ratio:.1f} empty jobs and not below {MOST_TIMES:.0f}")
    if measured.took >= MOST_ALL:
        found.append(f"all at once took {measured.took:.1f} s and not less than {MOST_ALL:.0f} s")
    return found


def measure(day: Instance, plan: Plan, seed: int, count: int, together: int, make: Make) -> Measured:
    """What `make` asks for, one by one and together, into this day with its plan."""
    start = busiest(day)
    with servers() as own:
        migrate(own.owner_database_url)
        engine = application_engine(own.database_url, pool_size=10)
        reader = application_engine(own.database_url, pool_size=1)
        load_and_publish(engine, day, plan)
        pass_time(own.owner_database_url, start)
        ahead = start - datetime.now(UTC)
        redis = connect(own.redis_url)
        bell = ring_what_is_filed(engine, redis, "breakwater", aside=True)
        urls = {"DATABASE_URL": own.database_url, "REDIS_URL": own.redis_url}
        clock = {"BREAKWATER_CLOCK_AHEAD": str(int(ahead.total_seconds()))}
        urgent = [sys.executable, "-m", "config.cli", "worker", "--urgent"]
        plain_worker = [
            sys.executable, "-m", "rq.cli", "worker", PLAIN_QUEUE, "--url", own.redis_url,
            "--serializer", "rq.serializers.JSONSerializer", "--quiet",
        ]  # fmt: skip
        plain = Queue(PLAIN_QUEUE, connection=Redis.from_url(own.redis_url), serializer=JSONSerializer)
        one = make(day, random.Random(seed), start)

        def now() -> datetime:
            return datetime.now(UTC) + timedelta(seconds=int(ahead.total_seconds()))

        with (
            running(urgent, urls | clock, own.folder / "urgent.log"),
            running(plain_worker, {}, own.folder / "plain.log"),
        ):
            times = one_by_one(engine, reader, plain, one, now, count)
            told(times)
            print(f"{times.waited} of {count} wait with an explanation", flush=True)
            took, placed, waiting = at_once(engine, reader, one, now, together)
            print(f"{together} at once: {took:.1f} s; {placed} placed, {waiting} explained", flush=True)
        bell.close()
        engine.dispose()
        reader.dispose()
    return Measured(times, took, placed, waiting)


def judged(measured: Measured) -> int:
    """The exit code: 1 where anything is not as wanted, told line by line."""
    found = shortcomings(measured)
    for shortcoming in found:
        print(shortcoming)
    slow = percentile(measured.times.visible, 0.99)
    print(f"p99 {slow:.2f} s, {measured.ratio:.1f} empty jobs: {'NOT as wanted' if found else 'as wanted'}")
    return 1 if found else 0


def main(make: Make = like_those_of) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.escalations", description=__doc__)
    parser.add_argument("--size", choices=get_args(Size)[:3], default="L")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=200, help="one by one (default: 200)")
    parser.add_argument("--together", type=int, default=AT_ONCE, help=f"at once (default: {AT_ONCE})")
    given = parser.parse_args()
    began = time.perf_counter()
    day, plan = planned_day(given.size, given.seed)
    print(
        f"{day.auditors.height} people, {plan.slots.height} slots; planned in "
        f"{time.perf_counter() - began:.0f} s",
        flush=True,
    )
    return judged(measure(day, plan, given.seed, given.count, given.together, make))


if __name__ == "__main__":
    sys.exit(main())
