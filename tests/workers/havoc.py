"""Kills and wipes, each at its point, and how long it took until all was done that they had kept from being
done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import httpx
import psycopg
from redis import Redis
from sqlalchemy import Engine, text

from allocator.verify import verify
from models.actions.complete import Outcome, complete
from models.actions.escalate import escalate
from models.actions.issue_token import issue_token
from models.actions.load_day import load_day
from models.actions.request_plan import request_plan
from models.actions.settle_exposure import Seen
from models.actor import SYSTEM, Actor, Persona
from models.connection import application_engine, snapshot_transaction
from models.doorbell import connect, ring, ring_what_is_filed
from models.export import read_published
from models.refusal import Refusal
from tests.live_race.invariants import faults
from tests.workers.dates import FIRST, SAMPLES, ends_of, load
from tests.workers.load import CLIENTS, NEXT, Load, escalation_of, live_day, names, soon_day
from tests.workers.nursery import Child, Nursery, nursery
from tests.workers.processes import wait_for
from tests.workers.scenes import now

QUEUE = "breakwater"
ADDRESS = "Breakwater answers at "
STAGES = 8
LATE = 15.0
"""Seconds in which what was held up is to be done, at the 99th percentile."""
LIVE = text("select count(*) from task where state in ('waiting', 'claimed') and id = any (:tasks)")
ALL_LIVE = text("select id from task where state in ('waiting', 'claimed')")
PLACED = text("""
    select item.id from item where submitted_by is not null and (
        select count(*) from slot where slot.item = item.id and slot.state in ('planned', 'started', 'done')
    ) < reviews
    and not exists (select from waiting_escalation waits where waits.item = item.id)
    and not exists (select from unplanned join plan on plan.id = unplanned.plan
                    where unplanned.item = item.id and plan.state = 'published')
""")
TASK_OF_ITEM = text("select id from task where dedupe_key = 'place:' || :item order by id desc limit 1")

TRIES = 5
"""Workers born to die at a point before nobody comes there: on a busy machine the fleet may be rung for their
task first, and then there is nothing to kill."""


@dataclass
class Result:
    """Of one kill or wipe: how long until what was live then was done; and what was wrong afterwards."""

    point: str
    seconds: float
    faults: list[str]


@dataclass
class Havoc:
    """One installation under load. Lanes are work dates of their own, so that several kills go on at once."""

    engine: Engine
    silent: Engine
    redis: Redis
    eyes: psycopg.Connection[Any]
    nursery: Nursery
    load: Load
    fleet: dict[str, Child]
    rng: Random
    results: list[Result] = field(default_factory=list)
    began: datetime = field(default_factory=now)
    dates: int = 0
    samples: int = 20
    changing: Any = field(default_factory=threading.RLock)
    looking: threading.Lock = field(default_factory=threading.Lock)

    # ------------------------------------------------------------------ what is done to it

    def points(self) -> dict[str, Callable[[], Result]]:
        kills: dict[str, Callable[[], Result]] = {
            "planner: after claim": lambda: self.planner("claimed"),
            "planner: after read": lambda: self.planner("read"),
            "planner: mid-solve": lambda: self.planner(f"solving:{self.rng.randint(1, STAGES)}"),
            "planner: before commit": lambda: self.planner("before-commit"),
            "planner: after commit": lambda: self.planner("after-commit"),
            "planner: its work alone": lambda: self.planner("solving:2", "work"),
            "planner: RQ's parent alone": lambda: self.planner("solving:2", "parent"),
            "planner: its keeper alone": lambda: self.planner("solving:2", "keeper"),
            "placer: after claim": lambda: self.placer("claimed"),
            "placer: deciding": lambda: self.placer("deciding"),
            "placer: before commit": lambda: self.placer("before-commit"),
            "placer: after commit": lambda: self.placer("after-commit"),
            "placer: RQ's parent alone": lambda: self.placer("deciding", "parent"),
            "server: before commit": lambda: self.server("before-commit"),
            "server: between commit and ring": lambda: self.server("before-ring"),
            "client: while a lease runs": lambda: self.client("leased"),
            "client: before commit": lambda: self.client("before-commit"),
            "clock: before commit": lambda: self.clock("before-commit"),
            "clock: between commit and ring": lambda: self.clock("before-ring"),
            "reconcilers": self.reconcilers,
            "all workers at once": self.everything,
        }
        return kills

    def planner(self, point: str, whom: str = "all") -> Result:
        """A worker that makes a plan of a date of its own."""
        for _ in range(TRIES):
            with self.doomed("worker", point) as doomed:
                loaded, task = self.ask()
                ring(self.redis, doomed.queue, "plan", task)
                if not doomed.reaches(partial(self.is_done, task)):
                    continue
                began, live = self.struck(doomed, whom, task)
                seconds = self.until_done(began, live)
            return Result("", seconds, self.faults_of(loaded.work_date))
        raise AssertionError("others were quicker each time")

    def placer(self, point: str, whom: str = "all") -> Result:
        """An urgent worker that places an escalation into the day that is under way."""
        for _ in range(TRIES):
            with self.doomed("urgent", point) as doomed:
                task = self.file_escalation(self.load.submission(self.rng))
                ring(self.redis, doomed.queue, "place", task)
                if not doomed.reaches(partial(self.is_done, task)):
                    continue
                began, live = self.struck(doomed, whom, task)
                return Result("", self.until_done(began, live), [])
        raise AssertionError("others were quicker each time")

    def server(self, point: str) -> Result:
        """A server that takes an escalation; the tool that sent it sends it again to another."""
        submission = self.load.submission(self.rng)
        with self.doomed("serve", point) as doomed:
            address = address_of(doomed)

            def send() -> None:
                with suppress(httpx.TransportError), httpx.Client(base_url=address, timeout=60) as client:
                    self.load.submit(client, submission)

            sender = threading.Thread(target=send, daemon=True)
            sender.start()
            doomed.wait_until_reached()
            began, live = self.struck(doomed, "all", None)
            sender.join()
        self.load.accept(submission)
        with self.engine.connect() as connection:
            task = connection.execute(TASK_OF_ITEM, {"item": submission["id"]}).scalar_one()
        return Result("", self.until_done(began, [*live, task]), [])

    def client(self, point: str) -> Result:
        """Somebody's program, which begins a review; another goes on from there."""
        people = names()[:CLIENTS]
        self.rng.shuffle(people)
        for person in people:
            with self.engine.connect() as connection:
                row = {"auditor": person, "day": self.load.work_date}
                slot = connection.execute(NEXT, row).one_or_none()
            if slot is None or slot.state != "planned":
                continue
            with self.doomed("client", point, SLOT=str(slot.id)) as doomed:
                if not doomed.reaches():
                    continue  # a rest comes first, for one
                began, live = self.struck(doomed, "all", None)
            found = []
            try:
                actor = Actor("auditor", person)
                complete(self.engine, actor, slot.id, Seen(seconds=5), Outcome("agree"), now())
            except Refusal as refusal:
                found.append(f"the review that was begun could not be completed: {refusal}")
            return Result("", self.until_done(began, live), found)
        raise AssertionError("nobody has a review to begin")

    def clock(self, point: str) -> Result:
        """The clock, while it asks for the plan of a date whose day has been loaded anew."""
        with self.changing:
            self.fleet["clock"].kill()
            self.samples += 1
            soon = soon_day(self.began, self.samples)
            load_day(self.engine, SYSTEM, soon, now())
            with self.doomed("clock", point) as doomed:
                doomed.wait_until_reached()
                began, live = self.struck(doomed, "all", None)
            self.fleet["clock"] = self.nursery.bear("clock")
            planned = text("""
                select exists (
                    select from plan join work_day using (work_date)
                    where work_date = :day and state = 'published'
                      and plan.input_version = work_day.input_version)
            """)

            def is_planned() -> bool:
                with self.engine.connect() as connection:
                    return bool(connection.execute(planned, {"day": soon.work_date}).scalar_one())

            wait_for(is_planned, "the date that the clock is to have planned is planned")
            return Result("", self.until_done(began, live), [])

    def reconcilers(self) -> Result:
        """Both workers', while a task waits that nobody has rung for."""
        task = self.file_escalation(self.load.submission(self.rng))
        with self.changing:
            for name in ("worker", "urgent"):
                child = self.fleet[name]
                child.kill(child.children(child.process)[:1])
            began, live = self.struck(None, "", task)
        return Result("", self.until_done(began, live), [])

    def everything(self) -> Result:
        """All workers, with whatever they are doing; they are started again as a service would be."""
        submissions = [self.load.submission(self.rng) for _ in range(3)]
        for submission in submissions:
            self.load.accept(submission)
        with self.changing:
            for name in ("worker", "urgent"):
                self.fleet[name].kill()
            began, live = self.struck(None, "", None)
            for name in ("worker", "urgent"):
                self.fleet[name] = self.nursery.bear(name)
        return Result("", self.until_done(began, live), [])

    def wipe(self) -> Result:
        """Redis is emptied while escalations come in and a plan is asked for."""
        loaded, task = self.ask()
        ring(self.redis, QUEUE, "plan", task)
        for _ in range(self.rng.randint(1, 3)):
            self.load.accept(self.load.submission(self.rng))
        time.sleep(self.rng.uniform(0, 0.3))  # any moment of what the workers do meanwhile
        (self.redis.flushall if self.rng.random() < 0.5 else self.redis.flushdb)()
        began, live = self.struck(None, "", task)
        seconds = self.until_done(began, live)
        return Result("", seconds, self.faults_of(loaded.work_date))

    # ------------------------------------------------------------------ how

    def do(self, point: str, act: Callable[[], Result]) -> Result:
        try:
            result = act()
        except Exception as error:
            result = Result("", float("nan"), [f"{type(error).__name__}: {error}"])
        result.point = point
        with self.looking:
            result.faults += faults(self.eyes)
        self.results.append(result)
        return result

    def ask(self) -> tuple[Any, int]:
        """A further date that has nothing in common with others; asked for, and nobody has rung."""
        with self.changing:
            self.dates += 1
            number = self.dates
        loaded = load(self.engine, FIRST + timedelta(days=3000 + 30 * number), SAMPLES)
        return loaded, request_plan(self.silent, SYSTEM, loaded.work_date, now()).task

    def faults_of(self, work_date: date) -> list[str]:
        """Of a date that should have been planned, once, by the rules. What waits for a place and belongs to
        no date is in its plan too."""
        with self.engine.begin() as connection:
            found = ends_of(connection, work_date)
        with snapshot_transaction(self.engine) as connection:
            kept = read_published(connection, work_date, now())
        if kept.plan is None:
            return found
        return found + [f"{violation}" for violation in verify(kept.instance, kept.plan)]

    def file_escalation(self, submission: dict[str, Any]) -> int:
        """As the server does, but nobody rings."""
        escalate(self.silent, Actor("upstream", "tool"), submission["id"], escalation_of(submission), now())
        self.load.accepted.append(submission["id"])
        with self.engine.connect() as connection:
            task: int = connection.execute(TASK_OF_ITEM, {"item": submission["id"]}).scalar_one()
            return task

    @contextmanager
    def doomed(self, what: str, point: str, **more: str) -> Iterator[Child]:
        """A process that stops at the point, apart from the fleet: a worker on a queue of its own."""
        queue = f"doomed-{next(self.nursery.numbers)}"
        own = {"BREAKWATER_QUEUE": queue}
        child = self.nursery.bear(what, point, **({} if what == "clock" else own), **more)
        child.queue = queue
        if what in ("worker", "urgent"):  # before anything is filed that others could take meanwhile
            wait_for(lambda: "waiting" in child.said() or not child.members(), "the worker is there")
        try:
            yield child
        finally:
            child.kill()

    def struck(self, doomed: Child | None, whom: str, task: int | None) -> tuple[float, list[int]]:
        """Kill what is to be killed; when that was, and which tasks were live then."""
        if doomed is not None:
            parts = doomed.children(doomed.process)  # the reconciler is started first, then the work
            if whom == "all":
                doomed.kill()
            elif whom == "parent":
                doomed.kill([doomed.process])
            elif whom == "work":
                doomed.kill(parts[1:2])
            elif whom == "keeper":
                doomed.kill(doomed.children(parts[1]))
        began = time.monotonic()
        with self.engine.connect() as connection:
            live = list(connection.execute(ALL_LIVE).scalars())
        return began, live if task is None or task in live else [*live, task]

    def is_done(self, task: int) -> bool:
        with self.engine.connect() as connection:
            return bool(connection.execute(LIVE, {"tasks": [task]}).scalar_one() == 0)

    def until_done(self, began: float, tasks: list[int]) -> float:
        """Seconds from then until none of these tasks is live any more."""

        def done() -> bool:
            with self.engine.connect() as connection:
                return bool(connection.execute(LIVE, {"tasks": tasks}).scalar_one() == 0)

        wait_for(done, "what was held up is done")
        return time.monotonic() - began

    def settle(self) -> list[str]:
        """After the load: what is wrong once everything has been done that there is to do."""

        def nothing_live() -> bool:
            with self.engine.connect() as connection:
                return not connection.execute(ALL_LIVE).scalars().all()

        wait_for(nothing_live, "nothing is left to be done")
        found = [*self.load.troubles, *self.nursery.crashed()]
        with self.engine.connect() as connection:
            ids = {"ids": self.load.accepted}
            there = connection.execute(text("select count(*) from item where id = any (:ids)"), ids)
            missing = len(set(self.load.accepted)) - there.scalar_one()
            if missing or len(set(self.load.accepted)) != len(self.load.accepted):
                found.append(f"of {len(self.load.accepted)} escalations {missing} are not there")
            for item in connection.execute(PLACED).scalars():
                found.append(f"{item} is neither placed nor explained")
            parked = connection.execute(text("select id, last_error from task where state = 'parked'"))
            found += [f"task {task} is parked: {why}" for task, why in parked]
            plans = connection.execute(
                text("select id, state, failure from plan where id = any (:ids)"), {"ids": self.load.plans}
            )
            for plan, state, failure in plans:
                if state not in ("published", "superseded"):
                    found.append(f"plan {plan} was asked for and is {state}: {failure}")
        return found + faults(self.eyes)


def address_of(child: Child) -> str:
    """Where the server answers."""
    wait_for(lambda: ADDRESS in child.said() or not child.members(), "the server answers")
    (line,) = [line for line in child.said().splitlines() if line.startswith(ADDRESS)]
    return line.removeprefix(ADDRESS)


@contextmanager
def installation(
    database_url: str, eyes_url: str, redis_url: str, folder: Path, seed: int
) -> Iterator[Havoc]:
    """Everything that runs in earnest: a server, a worker of each kind and a clock; today is planned, and the
    load is on. `eyes_url` sees every table."""
    engine, silent = application_engine(database_url, pool_size=12), application_engine(database_url)
    redis = connect(redis_url)
    redis.flushall()
    ring_what_is_filed(engine, redis, QUEUE, aside=True)
    environment = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    wanted: tuple[tuple[Persona, str], ...] = (("upstream", "tool"), ("operations", "control"))
    tokens: dict[str, str] = {
        persona: issue_token(engine, SYSTEM, persona, subject, (), 1, now()).token
        for persona, subject in wanted
    }
    today = live_day(now())
    load_day(engine, SYSTEM, today, now())
    with nursery(folder, environment) as born, psycopg.connect(eyes_url, autocommit=True) as eyes:
        fleet = {name: born.bear(name) for name in ("serve", "worker", "urgent", "clock")}
        under = Load(engine, address_of(fleet["serve"]), tokens, today.work_date, seed)
        in_force = text("select exists (select from plan where work_date = :day and state = 'published')")

        def is_planned() -> bool:
            with engine.connect() as connection:
                return bool(connection.execute(in_force, {"day": today.work_date}).scalar_one())

        wait_for(is_planned, "the clock has today planned")
        with under:
            yield Havoc(engine, silent, redis, eyes, born, under, fleet, Random(seed))
        for child in fleet.values():
            child.kill()
    engine.dispose()
    silent.dispose()
    redis.close()


def run_havoc(there: Havoc, kills: int, wipes: int, lanes: int, tell: Callable[[str], None]) -> list[str]:
    """So many kills, spread over all points in turn, and wipes among them. What is wrong when all is over."""
    points = there.points()
    names = list(points)
    there.rng.shuffle(names)
    todo = [(names[n % len(names)], points[names[n % len(names)]]) for n in range(kills)]
    for _ in range(wipes):
        todo.insert(there.rng.randint(0, len(todo)), ("Redis emptied", there.wipe))
    todo.reverse()
    taking = threading.Lock()
    died: list[str] = []

    def lane() -> None:
        try:
            while True:
                with taking:
                    if not todo:
                        return
                    point, act = todo.pop()
                last = there.do(point, act)
                done = f"{len(there.results)} of {kills + wipes}"
                tell(f"{done}: {last.point}: {last.seconds:.1f} s {last.faults}")
        except BaseException as error:
            died.append(f"a lane died: {error!r}")

    threads = [threading.Thread(target=lane, daemon=True) for _ in range(lanes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    there.load.stop()
    return died + there.settle()
