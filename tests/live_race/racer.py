"""One process of the race of a live day: real actions on people that others act on too."""

from __future__ import annotations

import re
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from threading import BrokenBarrierError
from typing import Any

import psycopg
from sqlalchemy import Engine, Row, text
from sqlalchemy.exc import DBAPIError

from allocator.files.faults import Refused
from allocator.optimise.planner import make_plan
from allocator.verify import verify
from config.logging import configure
from models.actions.approve_raise import approve_raise
from models.actions.arrive_late import arrive_late
from models.actions.beat import beat
from models.actions.carry_over import carry_over
from models.actions.claim_task import Claim, claim_task
from models.actions.close_shifts import close_shifts
from models.actions.close_silent import close_silent
from models.actions.complete import Outcome, complete
from models.actions.end_break import end_break
from models.actions.end_day import end_day
from models.actions.escalate import Escalation, escalate
from models.actions.hand_back import hand_back
from models.actions.load_day import ITEM_COLUMNS, SHIFT_COLUMNS, load_day
from models.actions.lower_limit import lower_limit
from models.actions.mark_absent import mark_absent
from models.actions.mark_present import mark_present
from models.actions.pause import pause
from models.actions.place_escalation import place_escalation
from models.actions.propose_raise import propose_raise
from models.actions.publish_plan import publish_plan
from models.actions.request_plan import request_plan
from models.actions.resume import resume
from models.actions.retry_task import retry_task
from models.actions.retry_waiting import retry_waiting
from models.actions.return_task import Why, return_task, take_back_tasks
from models.actions.settle_exposure import Seen
from models.actions.skip import skip
from models.actions.start import start
from models.actions.take_break import take_break
from models.actions.withdraw_item import withdraw_item
from models.actor import SYSTEM, Actor
from models.connection import application_engine
from models.refusal import Kind, Refusal, sqlstate
from tests.days.build import Day, escalation, instance, sample
from tests.days.build import Row as Given
from tests.live_race.world import (
    BEGINS,
    CATEGORIES,
    MODALITIES,
    TEAMS,
    WORK_DATES,
    Content,
    live_policy,
    open_dates,
)
from workers.planning import read

UPSTREAM = Actor("upstream", "racer")
OPERATIONS = Actor("operations", "desk")
WELLBEING = (Actor("wellbeing", "one"), Actor("wellbeing", "two"))
LEADS = {team: Actor("lead", f"lead-{team}", (team,)) for team in TEAMS}
LEASE = 1e6
SHORT_LEASE = 20.0
"""Of some claims, in seconds of the race: they are lost if somebody else takes back what has expired."""
GOES_HOME = 6e-5
"""How likely somebody ends their day, for each second of it: many do before their shift is over."""
DEADLOCK = "40P01"
SHIFT_TIMES = ("shift_start", "shift_end")
NOT_ANY_MORE = re.compile("who has it still|and this is another|which belongs to|came from upstream")
CONNECT_WITHIN = 120.0

SOON = timedelta(minutes=15)
"""Nobody begins what is planned for later."""
NEAR = text("""
    with mine as materialized (
        select id, kind, item, state, is_paused(pauses) as is_paused, started_at is not null as has_started,
            planned_start, started_at
        from slot join shift using (auditor, work_date)
        where auditor = :auditor and kind <> 'busy' and (state <> 'planned'
            or planned_start < :soon and (there_until(shift) > :now or random() < 0.05))
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
PLANNING = text("""
    select exists (
        select from task join plan on plan.id = cast(task.payload ->> 'plan' as bigint)
        where task.kind = 'plan' and task.state = 'claimed'
          and (cast(:day as date) is null or plan.work_date = :day))
""")
AMOUNTS = text("select key, amount, ceiling from exposure_limit order by key")
SHIFT = text("select team, shift_start, shift_end from shift where auditor = :auditor and work_date = :day")
AWAY = text("""
    select auditor, work_date from shift
    where work_date = any (:days) and (available_from is not null or available_until <= shift_start)
    order by random() limit 1
""")
SHIFTS = text("select to_jsonb(shift) from shift where work_date = :day order by random() limit :most")
# What nobody has may be loaded with other contents.
NOT_HAD = text("""
    select to_jsonb(item) || jsonb_build_object(
        'release', extract(epoch from release)::bigint, 'due', extract(epoch from due)::bigint)
    from item
    where (work_date = :day or work_date is null and submitted_by is null) and withdrawn_at is null
      and not exists (
        select from slot
        where slot.item = item.id and slot.kind = 'work' and slot.state in ('planned', 'started', 'done'))
    order by kind = 'escalation' and random() < 0.7 desc, random() limit :most
""")
WANTED = text("""
    select id from item
    where withdrawn_at is null and (:of_upstream = false or submitted_by = :upstream)
    order by random() limit 1
""")
PARKED = text("select id from task where state = 'parked' order by random() limit 1")

EVERYTHING: Mapping[str, int] = {
    "person": 874, "escalate": 15, "place": 52, "lower": 4, "raise": 5, "publish": 5, "close": 4, "retry": 6,
    "shifts_over": 8, "carry_over": 3, "absent": 4, "late": 3, "present": 6, "load": 5, "withdraw": 3,
    "take_back": 4, "fail": 4, "retry_task": 1,
}  # fmt: skip
TURMOIL = (
    "shifts_over", "carry_over", "retry", "absent", "late", "present", "load", "withdraw", "take_back",
    "fail", "retry_task", "close", "lower",
)  # fmt: skip
"""What changes the day itself: so rare that a short race hardly meets two of them at once."""
COMPANY: Mapping[str, tuple[str, ...]] = {
    "end_day": ("load", "load", "absent", "place", "lower"),
    "absent": ("load", "load", "absent", "present", "place"),
    "carry_over": ("place", "place", "shifts_over", "carry_over"),
    "retry": ("place", "fail", "retry", "shifts_over", "absent"),
}
"""What others do for the next operations when one process does this: by itself they would hardly meet."""
IN_COMPANY = 8
"""Operations of all processes together."""
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
STARTING: tuple[Kind, ...] = (
    "too-early",
    "too-soon",
    "limit-reached",
    "already-started",
    "conflict",
    "stale",
)
EXPECTED: Mapping[str, frozenset[Kind]] = {
    kind: frozenset(refusals)
    for kind, refusals in (
        ("start", STARTING),
        ("start_other", STARTING),
        ("beat", ("limit-reached",)),
        ("pause", ()),
        ("resume", ("limit-reached", "too-soon", "stale")),
        ("complete", ("conflict",)),
        ("skip", ("conflict",)),
        ("skip_planned", ("conflict", "stale")),
        ("hand_back", ("already-started", "conflict", "stale")),
        ("again", ("conflict", "limit-reached")),
        ("take_break", ("conflict",)),
        ("end_break", ()),
        ("escalate", ()),
        ("place", ("stale",)),
        ("publish", ("stale",)),
        ("lower", ("not-found", "invalid")),
        ("raise", ("conflict", "invalid")),
        ("close", ()),
        ("retry", ()),
        ("shifts_over", ()),
        ("carry_over", ()),
        ("end_day", ("conflict",)),
        ("absent", ("conflict",)),
        ("late", ("conflict", "invalid")),
        ("present", ("conflict",)),
        ("load", ("conflict",)),
        ("withdraw", ()),
        ("take_back", ()),
        ("fail", ()),
        ("retry_task", ("conflict",)),
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

    def __init__(self, counter: Any, step: float, company: Any = None) -> None:
        self.counter = counter
        self.step = step
        self.company = company

    def ask_for_company(self, kind: str) -> None:
        """Have others do what gets in its way."""
        if self.company is not None:
            until = self.counter.value + IN_COMPANY
            self.company.value = until * len(COMPANY) + list(COMPANY).index(kind)

    def company_of(self) -> str | None:
        """Whom somebody keeps company just now."""
        if self.company is None:
            return None
        until, kind = divmod(self.company.value, len(COMPANY))
        return list(COMPANY)[kind] if self.counter.value < until else None

    def __call__(self) -> datetime:
        return BEGINS + timedelta(seconds=int(self.counter.value * self.step))

    def tick(self) -> None:
        with self.counter.get_lock():
            self.counter.value += 1


class Racer:
    def __init__(
        self, engine: Engine, rng: Random, people: list[str], clock: Clock, name: str, turmoil: int = 1
    ) -> None:
        self.engine = engine
        self.rng = rng
        self.people = people
        self.clock = clock
        self.name = name
        self.escalated = 0
        self.loaded = 0
        self.content = Content(rng)
        self.turmoil = turmoil
        self.weights = {kind: of * turmoil if kind in TURMOIL else of for kind, of in EVERYTHING.items()}

    def choose(self, weights: Mapping[str, int]) -> str:
        return self.rng.choices(list(weights), list(weights.values()))[0]

    def operation(self) -> tuple[str, Callable[[], Any]]:
        """What is done next, and how; nobody has done it yet."""
        kind, of = self.choose(self.weights), self.clock.company_of()
        if of is not None and self.rng.random() < 0.7:
            kind = self.rng.choice(COMPANY[of])
        elif kind in COMPANY:
            self.clock.ask_for_company(kind)
        if kind == "person":
            return self.somebody()
        named: dict[str, Callable[[], Any]] = {
            "escalate": self.escalate,
            "place": self.place,
            "lower": self.lower,
            "raise": self.raise_,
            "publish": self.publish,
            "close": lambda: close_silent(self.engine, SYSTEM, self.clock()),
            "shifts_over": lambda: close_shifts(self.engine, SYSTEM, self.clock()),
            "carry_over": lambda: carry_over(self.engine, SYSTEM, self.clock()),
            "retry": lambda: retry_waiting(self.engine, SYSTEM, self.clock()),
            "absent": self.absent,
            "late": self.late,
            "present": self.present,
            "load": self.load,
            "withdraw": self.withdraw,
            "take_back": lambda: take_back_tasks(self.engine, SYSTEM, 5, self.clock()),
            "fail": self.fail,
            "retry_task": self.retry_task,
        }
        return kind, named[kind]

    def somebody(self) -> tuple[str, Callable[[], Any]]:
        auditor = self.rng.choice(self.people)
        actor = Actor("auditor", auditor)
        if self.rng.random() < GOES_HOME * len(self.people) * self.clock.step * min(self.turmoil, 3):
            self.clock.ask_for_company("end_day")
            return "end_day", lambda: end_day(self.engine, actor, self.clock())
        now = self.clock()
        with self.engine.connect() as connection:
            slots = connection.execute(NEAR, {"auditor": auditor, "now": now, "soon": now + SOON}).all()
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
        lease = SHORT_LEASE if self.rng.random() < 0.1 else LEASE
        return None if task is None else claim_task(self.engine, SYSTEM, task, lease, now)

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
            request_plan(self.engine, SYSTEM, self.rng.choice(open_dates(self.clock())), self.clock())
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

    def lets_plan(self, share: float, work_date: date | None = None) -> bool:
        """Of the changes of a date, or of limits, this share lets a plan in the making be published first:
        here they come many a minute, and each makes it stale."""
        with self.engine.connect() as connection:
            planning = connection.execute(PLANNING, {"day": work_date}).scalar()
        return bool(planning) and self.rng.random() < share

    def fail(self) -> Any:
        """A worker dies with what it has claimed, or gives it back undone, or for good."""
        claim = self.claim("place")
        if claim is None:
            return "nothing to do"
        whys: tuple[Why | None, ...] = (None, "error", "worker-died", "unknown-kind", "unknown-kind")
        why = self.rng.choice(whys)
        return None if why is None else return_task(self.engine, SYSTEM, claim, why, why, 5, self.clock())

    def retry_task(self) -> Any:
        with self.engine.connect() as connection:
            task = connection.execute(PARKED).scalar()
        return "nothing to do" if task is None else retry_task(self.engine, OPERATIONS, task, self.clock())

    def some_date(self) -> date:
        """Most often the one that ends next; now and then a later one."""
        dates = open_dates(self.clock())
        return dates[0] if self.rng.random() < 0.6 else self.rng.choice(dates)

    def some_shift(self) -> tuple[Actor, str, date, Row[Any]]:
        """Somebody's shift, and somebody who may say when they come."""
        auditor, work_date = self.rng.choice(self.people), self.some_date()
        with self.engine.connect() as connection:
            shift = connection.execute(SHIFT, {"auditor": auditor, "day": work_date}).one()
        return self.rng.choice((OPERATIONS, LEADS[shift.team])), auditor, work_date, shift

    def absent(self) -> Any:
        actor, auditor, work_date, _ = self.some_shift()
        if self.lets_plan(0.75, work_date):
            return "nothing to do"
        return mark_absent(self.engine, actor, auditor, work_date, self.clock())

    def late(self) -> Any:
        actor, auditor, work_date, shift = self.some_shift()
        if self.lets_plan(0.75, work_date):
            return "nothing to do"
        now = self.clock()
        arrives = max(now, shift.shift_start) + timedelta(minutes=self.rng.choice((-10, 5, 20)))
        return arrive_late(self.engine, actor, auditor, work_date, arrives, now)

    def present(self) -> Any:
        with self.engine.connect() as connection:
            away = connection.execute(AWAY, {"days": open_dates(self.clock())}).one_or_none()
        if away is None:
            return "nothing to do"
        return mark_present(self.engine, OPERATIONS, away.auditor, away.work_date, self.clock())

    def load(self) -> Any:
        """A part of a date again: some shifts, exposure elsewhere, items that nobody has, and new ones. Also
        of a date that is over, as what comes late does."""
        work_date = self.rng.choice(WORK_DATES) if self.rng.random() < 0.3 else self.some_date()
        if self.lets_plan(0.75, work_date):
            return "nothing to do"
        now = self.clock()
        with self.engine.connect() as connection:
            most = {"day": work_date, "most": self.rng.randint(1, 3)}
            shifts = [self.shift_again(row) for row in connection.execute(SHIFTS, most).scalars()]
            most = {"day": work_date, "most": self.rng.randint(0, 3)}
            items = [self.item_again(row) for row in connection.execute(NOT_HAD, most).scalars()]
        items += [self.new_item() for _ in range(self.rng.randint(0, 2))]
        history = [self.seen_elsewhere(work_date) for _ in range(self.rng.randint(0, 2))]
        day = Day(
            live_policy(), tuple(shifts), tuple(items), tuple(history), work_date=work_date, name="again"
        )
        try:
            loaded = load_day(self.engine, OPERATIONS, instance(day), now)
        except Refused as refused:
            # Somebody has the item by now, or has begun when the shift would be over.
            if all(NOT_ANY_MORE.search(fault.message) for fault in refused.faults):
                raise Refusal("conflict", str(refused)) from None
            raise
        if loaded.changed and work_date in open_dates(now):
            # As the clock does before the first shift.
            request_plan(self.engine, SYSTEM, work_date, now)
        return loaded

    def shift_again(self, row: dict[str, Any]) -> Given:
        start, end = (int(datetime.fromisoformat(row[name]).timestamp()) for name in SHIFT_TIMES)
        given = {name: row[name] for name in SHIFT_COLUMNS if name not in (*SHIFT_TIMES, "last_end")}
        return given | {
            "id": row["auditor"],
            "exposure_percent": self.rng.choice((row["exposure_percent"], 80, 100)),
            "shift_start": start,
            "shift_end": end + self.rng.choice((-60, 0, 0, 60)),
        }

    def item_again(self, row: dict[str, Any]) -> Given:
        given = {name: row[name] for name in (*ITEM_COLUMNS, "id") if name != "only_for"}
        given["seconds"] = self.rng.choice((60, 120, 180, 300))
        if given["kind"] == "escalation":
            given["severity"] = self.rng.choice((1, 2, 3, 4))
            given["reviews"] = self.rng.choice((1, 1, 2))
            given["excluded"] = sorted(self.rng.sample(self.people, k=min(2, len(self.people) - 1)))
        return given

    def new_item(self) -> Given:
        self.loaded += 1
        named = f"{self.name}-{self.loaded}"
        if self.rng.random() < 0.7:
            priority, reviews = self.rng.randint(1, 4), self.rng.choice((1, 1, 2))
            return escalation(f"l-{named}", priority=priority, reviews=reviews, **self.content.draw())
        return sample(f"m-{named}", stratum=named, draw=self.loaded, **self.content.draw())

    def seen_elsewhere(self, work_date: date) -> Given:
        auditor = self.rng.choice(self.people)
        if self.rng.random() < 0.3:
            # So much that what is planned for them has no room any more.
            much = {"category": "hate", "severity": 3, "modality": "image", "items": 1}
            return much | {"auditor": auditor, "work_date": work_date, "seconds": self.rng.randint(200, 2400)}
        return {
            "auditor": auditor,
            "work_date": work_date - timedelta(days=self.rng.randint(0, 2)),
            "category": self.rng.choice(CATEGORIES),
            "severity": self.rng.choice((1, 1, 3)),
            "modality": self.rng.choice(MODALITIES),
            "seconds": self.rng.randint(1, 90),
            "items": 1,
        }

    def withdraw(self) -> Any:
        if self.lets_plan(0.75):
            return "nothing to do"
        actor = self.rng.choice((UPSTREAM, UPSTREAM, OPERATIONS))
        asked = {"of_upstream": actor == UPSTREAM, "upstream": UPSTREAM.name}
        with self.engine.connect() as connection:
            item = connection.execute(WANTED, asked).scalar()
        return "nothing to do" if item is None else withdraw_item(self.engine, actor, item, self.clock())

    def lower(self) -> Any:
        if self.lets_plan(0.95):
            return "nothing to do"
        key, amount, _ = self.some_limit()
        lower = amount * self.rng.randint(80, 95) // 100
        if self.rng.random() < 0.5:
            team = self.rng.choice(TEAMS)
            return lower_limit(self.engine, LEADS[team], key, lower, team, self.clock())
        return lower_limit(self.engine, WELLBEING[0], key, lower, None, self.clock())

    def raise_(self) -> Any:
        if self.lets_plan(0.95):
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
company: Any = None


def stand_at_the_start(barrier: Any, shared: Any, together: Any) -> None:
    global start_together, counter, company
    start_together, counter, company = barrier, shared, together


def run(url: str, name: str, operations: int, people: list[str], step: float, turmoil: int) -> Course:
    """In a process of its own."""
    configure("error")
    engine = application_engine(url, pool_size=2)
    racer = Racer(engine, Random(name), people, Clock(counter, step, company), name, turmoil)
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
