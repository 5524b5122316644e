"""One process of the race of a live day: real actions on people that others act on too."""

from __future__ import annotations

import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from threading import BrokenBarrierError
from typing import Any

import psycopg
from sqlalchemy import Engine, Row, text
from sqlalchemy.exc import DBAPIError

from allocator.optimise.planner import make_plan
from allocator.verify import verify
from config.logging import configure
from models.actions.approve_raise import approve_raise
from models.actions.beat import beat
from models.actions.claim_task import Claim, claim_task
from models.actions.close_silent import close_silent
from models.actions.complete import Outcome, complete
from models.actions.end_break import end_break
from models.actions.escalate import Escalation, escalate
from models.actions.hand_back import hand_back
from models.actions.lower_limit import lower_limit
from models.actions.pause import pause
from models.actions.place_escalation import place_escalation
from models.actions.propose_raise import propose_raise
from models.actions.publish_plan import publish_plan
from models.actions.request_plan import request_plan
from models.actions.resume import resume
from models.actions.retry_waiting import retry_waiting
from models.actions.return_task import return_task
from models.actions.settle_exposure import Seen
from models.actions.skip import skip
from models.actions.start import start
from models.actions.take_break import take_break
from models.actor import SYSTEM, Actor
from models.connection import application_engine
from models.refusal import Kind, Refusal, sqlstate
from tests.days.build import WORK_DATE
from tests.live_race.world import BEGINS, CATEGORIES, MODALITIES, TEAMS
from workers.planning import read

UPSTREAM = Actor("upstream", "racer")
WELLBEING = (Actor("wellbeing", "one"), Actor("wellbeing", "two"))
LEADS = {team: Actor("lead", f"lead-{team}", (team,)) for team in TEAMS}
LEASE = 1e6
DEADLOCK = "40P01"
CONNECT_WITHIN = 120.0

NEAR = text("""
    with mine as materialized (
        select id, kind, item, state, is_paused(pauses) as is_paused, started_at is not null as has_started,
            planned_start, started_at
        from slot where auditor = :auditor and work_date = :day and kind <> 'busy'
    ), ahead as (
        select * from mine where state in ('started', 'planned')
        order by state = 'started' desc, planned_start limit 6
    ), behind as (
        select * from mine where has_started and state <> 'started' order by started_at desc limit 2
    )
    select * from ahead union all select * from behind
""")
TASK = text("""
    select id from task where kind = :kind and state = 'waiting' and run_after <= :now
    order by random() limit 1
""")
PLANNING = text("select exists (select from task where kind = 'plan' and state = 'claimed')")
AMOUNTS = text("select key, amount, ceiling from exposure_limit order by key")

EVERYTHING: Mapping[str, int] = {
    "person": 916, "escalate": 15, "place": 45, "lower": 4, "raise": 5, "publish": 2, "close": 6, "retry": 6,
}  # fmt: skip
RUNNING: Mapping[str, int] = {
    "beat": 42, "complete": 28, "pause": 10, "skip": 4, "start_other": 8, "hand_back": 4, "take_break": 4,
}  # fmt: skip
PAUSED: Mapping[str, int] = {
    "resume": 55, "complete": 10, "skip": 5, "beat": 10, "pause": 5, "take_break": 10, "start_other": 5,
}  # fmt: skip
RESTING: Mapping[str, int] = {"end_break": 60, "start_other": 20, "take_break": 10, "hand_back": 10}
FREE: Mapping[str, int] = {
    "start": 70, "start_other": 10, "hand_back": 4, "take_break": 6, "again": 6, "skip_planned": 1,
}  # fmt: skip
STARTING: tuple[Kind, ...] = ("too-soon", "limit-reached", "already-started", "conflict", "stale")
EXPECTED: Mapping[str, frozenset[Kind]] = {
    kind: frozenset(refusals)
    for kind, refusals in (
        ("start", STARTING),
        ("start_other", STARTING),
        ("beat", ("limit-reached",)),
        ("pause", ()),
        ("resume", ("limit-reached", "too-soon")),
        ("complete", ("conflict",)),
        ("skip", ("conflict",)),
        ("skip_planned", ("conflict", "stale")),
        ("hand_back", ("already-started", "conflict", "stale")),
        ("again", ("conflict", "limit-reached")),
        ("take_break", ()),
        ("end_break", ()),
        ("escalate", ()),
        ("place", ("stale",)),
        ("publish", ("stale",)),
        ("lower", ("not-found", "invalid")),
        ("raise", ("conflict", "invalid")),
        ("close", ()),
        ("retry", ()),
    )
}
"""How each kind of operation may be refused: by a rule, or as others were quicker (or, of limits, as this one
concerns no such team). Any other refusal is an error."""


@dataclass
class Course:
    """What became of the operations of one process."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    ends: Counter[tuple[str, str]] = field(default_factory=Counter)
    troubles: list[str] = field(default_factory=list)


class Clock:
    """Goes by the operations of all processes together, so that a fast machine lives no shorter day."""

    def __init__(self, counter: Any, step: float) -> None:
        self.counter = counter
        self.step = step

    def __call__(self) -> datetime:
        return BEGINS + timedelta(seconds=int(self.counter.value * self.step))

    def tick(self) -> None:
        with self.counter.get_lock():
            self.counter.value += 1


class Racer:
    def __init__(self, engine: Engine, rng: Random, people: list[str], clock: Clock, name: str) -> None:
        self.engine = engine
        self.rng = rng
        self.people = people
        self.clock = clock
        self.name = name
        self.escalated = 0

    def choose(self, weights: Mapping[str, int]) -> str:
        return self.rng.choices(list(weights), list(weights.values()))[0]

    def operation(self) -> tuple[str, Callable[[], Any]]:
        """What is done next, and how; nobody has done it yet."""
        kind = self.choose(EVERYTHING)
        if kind == "person":
            return self.somebody()
        named: dict[str, Callable[[], Any]] = {
            "escalate": self.escalate,
            "place": self.place,
            "lower": self.lower,
            "raise": self.raise_,
            "publish": self.publish,
            "close": lambda: close_silent(self.engine, SYSTEM, self.clock()),
            "retry": lambda: retry_waiting(self.engine, SYSTEM, self.clock()),
        }
        return kind, named[kind]

    def somebody(self) -> tuple[str, Callable[[], Any]]:
        auditor = self.rng.choice(self.people)
        actor = Actor("auditor", auditor)
        with self.engine.connect() as connection:
            slots = connection.execute(NEAR, {"auditor": auditor, "day": WORK_DATE}).all()
        running = next((slot for slot in slots if slot.state == "started"), None)
        planned = [slot for slot in slots if slot.state == "planned" and slot.kind == "work"]
        ended = [slot for slot in slots if slot.has_started and slot.state != "started"]
        if running is None:
            kind = self.choose(FREE)
        elif running.kind != "work":
            kind = self.choose(RESTING)
        else:
            kind = self.choose(PAUSED if running.is_paused else RUNNING)
        return kind, lambda: self.act(kind, actor, running, planned, ended)

    def act(
        self,
        kind: str,
        actor: Actor,
        running: Row[Any] | None,
        planned: list[Row[Any]],
        ended: list[Row[Any]],
    ) -> Any:
        """Of what was seen a moment ago; another process may have been quicker."""
        engine = self.engine
        now = self.clock()
        if kind in ("start", "start_other", "hand_back", "skip_planned"):
            if not planned:
                return "nothing to do"
            slot = planned[0].id if kind == "start" else self.rng.choice(planned).id
            if kind == "hand_back":
                return hand_back(engine, actor, slot, now)
            if kind == "skip_planned":
                return skip(engine, actor, slot, None, now)
            return start(engine, actor, slot, now)
        if kind == "again":
            if not ended:
                return "nothing to do"
            slot = self.rng.choice(ended).id
            return self.rng.choice(
                (
                    lambda: beat(engine, actor, slot, now),
                    lambda: start(engine, actor, slot, now),
                    lambda: pause(engine, actor, slot, now),
                    lambda: self.complete(actor, slot, now),
                )
            )()
        if kind == "take_break":
            return take_break(engine, actor, now)
        assert running is not None
        slot = running.id
        if kind == "end_break":
            return end_break(engine, actor, slot, now)
        if kind == "complete":
            return self.complete(actor, slot, now)
        if kind == "skip":
            return skip(engine, actor, slot, None, now)
        return {"beat": beat, "pause": pause, "resume": resume}[kind](engine, actor, slot, now)

    def complete(self, actor: Actor, slot: int, now: datetime) -> Any:
        worse = self.rng.random() < 0.05
        seen = Seen(
            seconds=self.rng.choice((20, 60, 150, 400)),
            category=self.rng.choice(CATEGORIES) if worse else None,
            severity=4 if worse else None,
            modality="video" if worse else None,
        )
        return complete(self.engine, actor, slot, seen, Outcome("agree"), now)

    def escalate(self) -> Any:
        now = self.clock()
        self.escalated += 1
        made = Escalation(
            id=f"x-{self.name}-{self.escalated}",
            market="ID",
            language="en",
            category=self.rng.choice(CATEGORIES),
            severity=self.rng.choice((1, 2, 3, 4)),
            modality=self.rng.choice(MODALITIES),
            seconds=self.rng.choice((60, 120, 240)),
            reviews=self.rng.choice((1, 1, 2)),
            priority=self.rng.randint(1, 4),
            release=None,
            due=now + timedelta(seconds=self.rng.choice((1800, 3600, 7200)))
            if self.rng.random() < 0.7
            else None,
            excluded=(),
        )
        return escalate(self.engine, UPSTREAM, f"{self.name}-{self.escalated}", made, now)

    def claim(self, kind: str) -> Claim | None:
        now = self.clock()
        with self.engine.connect() as connection:
            task = connection.execute(TASK, {"kind": kind, "now": now}).scalar()
        return None if task is None else claim_task(self.engine, SYSTEM, task, LEASE, now)

    def place(self) -> Any:
        claim = self.claim("place")
        if claim is None:
            return "nothing to do"
        try:
            return place_escalation(self.engine, SYSTEM, claim, self.clock())
        except Refusal:
            return_task(self.engine, SYSTEM, claim, "stale", "stale", 5, self.clock())
            raise

    def publish(self) -> Any:
        claim = self.claim("plan")
        if claim is None:
            request_plan(self.engine, SYSTEM, WORK_DATE, self.clock())
            claim = self.claim("plan")
        if claim is None:
            return "nothing to do"
        try:
            # The race's day goes by faster than planning can be: it is as if it had taken no time.
            now = self.clock()
            inputs = read(self.engine, claim, lambda: now)
            plan = make_plan(inputs.instance, inputs.previous)
            if violations := list(verify(inputs.instance, plan)):
                raise AssertionError(f"not legal: {violations[:3]}")
            return publish_plan(self.engine, SYSTEM, claim, inputs, plan, now)
        except Refusal:
            return_task(self.engine, SYSTEM, claim, "stale", "stale", 5, self.clock())
            raise

    def lets_plan(self) -> bool:
        """Most changes of limits let a plan in the making be published first: here they come many a minute,
        and each makes it stale."""
        with self.engine.connect() as connection:
            return self.rng.random() < 0.95 and bool(connection.execute(PLANNING).scalar())

    def lower(self) -> Any:
        if self.lets_plan():
            return "nothing to do"
        key, amount, _ = self.some_limit()
        lower = amount * self.rng.randint(80, 95) // 100
        if self.rng.random() < 0.5:
            team = self.rng.choice(TEAMS)
            return lower_limit(self.engine, LEADS[team], key, lower, team, self.clock())
        return lower_limit(self.engine, WELLBEING[0], key, lower, None, self.clock())

    def raise_(self) -> Any:
        if self.lets_plan():
            return "nothing to do"
        key, amount, ceiling = self.some_limit()
        if ceiling is None or ceiling <= amount:
            return "nothing to do"
        by, other = self.rng.sample(WELLBEING, 2)
        wanted = min(ceiling, amount * 115 // 100 + 1)
        proposed = propose_raise(self.engine, by, key, wanted, "race", self.clock())
        return approve_raise(self.engine, other, proposed.id, self.clock())

    def some_limit(self) -> tuple[str, int, int | None]:
        with self.engine.connect() as connection:
            key, amount, ceiling = self.rng.choice(connection.execute(AMOUNTS).all())
        return key, amount, ceiling

    def run(self, operations: int) -> Course:
        course = Course()
        for _ in range(operations):
            self.clock.tick()
            kind = "choosing"
            began = time.perf_counter()
            try:
                kind, act = self.operation()
                done = act()
                end = done if isinstance(done, str) else "done"
            except Refusal as refusal:
                end = f"refused: {refusal.kind}"
                if refusal.kind not in EXPECTED.get(kind, ()):
                    end = f"error: {end}"
                    course.troubles.append(f"{kind}: {traceback.format_exc(limit=-6)}")
            except (DBAPIError, psycopg.Error) as error:
                state = sqlstate(error) if isinstance(error, DBAPIError) else error.sqlstate
                end = f"error: {state}"
                course.troubles.append(f"{kind}: {state}\n{traceback.format_exc(limit=-6)}")
            except Exception as error:
                end = f"error: {type(error).__name__}"
                course.troubles.append(f"{kind}: {traceback.format_exc(limit=-6)}")
            course.seconds[kind].append(time.perf_counter() - began)
            course.ends[kind, end] += 1
        course.seconds = dict(course.seconds)
        return course


start_together: Any = None
counter: Any = None


def stand_at_the_start(barrier: Any, shared: Any) -> None:
    global start_together, counter
    start_together, counter = barrier, shared


def run(url: str, name: str, operations: int, people: list[str], step: float) -> Course:
    """In a process of its own."""
    configure("error")
    engine = application_engine(url, pool_size=2)
    racer = Racer(engine, Random(name), people, Clock(counter, step), name)
    with engine.connect() as connection:
        connection.execute(text("select 1"))
    try:
        start_together.wait(CONNECT_WITHIN)
    except BrokenBarrierError:
        raise RuntimeError("not all racing processes could be started") from None
    try:
        return racer.run(operations)
    finally:
        engine.dispose()
