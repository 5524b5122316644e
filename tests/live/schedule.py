"""A whole schedule: load, live through two work dates, and let everything that is left come to its end."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial

import psycopg
from sqlalchemy import Engine

from models.actions import retry_waiting
from models.actions.note_rings import note_rings
from models.actions.request_plan import request_plan
from models.actions.return_task import take_back_tasks
from models.actor import SYSTEM
from models.doorbell import ring
from tests.live import checks, steps
from tests.live.arena import QUEUE, Arena, stage
from tests.live.calls import Call, Way
from tests.live.life import Breached, Delayed, Life
from tests.live.rows import digest
from tests.live.waiting import SURGE
from tests.live.workers import EVERY, Worker

SHARE_LOST, SHARE_AGAIN, SHARE_LATE, SHARE_SKEWED = 0.03, 0.06, 0.04, 0.04
"""Of all calls: cut off before the commit, made twice, on their way for some steps, by a clock behind."""
SHARE_OLD = 0.06
"""Of all claims: by a worker that does not know what is asked, so that the task is parked."""
QUIET = 8
"""Rounds at the end of a schedule in which days are open still and only the clock and workers do anything:
what waits is tried again, and so is the one that was parked in the first."""
CUT_OFF: tuple[Way, ...] = ("broken", "killed")


@dataclass(slots=True)
class Lived:
    """What came of a schedule. `breach` says what does not hold, and `path` the last steps before it."""

    seed: int
    steps: int
    counts: Counter[tuple[str, str]]
    breach: str | None = None
    path: list[str] = field(default_factory=list)
    digest: str | None = None


def live(
    place: Arena,
    seed: int,
    length: int,
    *,
    trace: bool = False,
    digested: bool = False,
    prepare: Callable[[psycopg.Connection], None] = lambda _: None,
) -> Lived:
    """One schedule of `length` steps, and its end. `prepare` may change its database first."""
    with stage(place) as own, _small_surges():
        prepare(own.eyes)
        life = Life(seed, own, trace)
        breach = None
        try:
            _begin(life)
            for _ in range(length):
                life.step += 1
                _step(life, length)
            _end(life)
        except Breached as found:
            breach = str(found)
        except Exception as error:
            # Not what the product raised: that is a breach of its own. Whoever looks has to see it all.
            breach = f"simulator: {type(error).__name__}: {error}"
            life.path += traceback.format_exception(error)
        return Lived(
            seed, life.step, life.counts, breach, list(life.path) if breach else [],
            digest(own) if digested else None,
        )  # fmt: skip


@contextmanager
def _small_surges() -> Iterator[None]:
    """So few escalations are many where so few people work."""
    before = retry_waiting.SURGE
    retry_waiting.SURGE = SURGE
    try:
        yield
    finally:
        retry_waiting.SURGE = before


def _begin(life: Life) -> None:
    for place, day in enumerate(life.world.days):
        life.load(place)
        on = day.work_date
        life.do(Call("request-plan", f"{on}", partial(_ask, on)))
    # Most begin with a plan; some have to be worked for.
    if life.rng.random() < 0.85:
        for _ in range(40):
            call = life.workers[0].next_call()
            if call is None:
                break
            life.workers[0].heard(call, life.do(call))


def _ask(on: date, engine: Engine, now: datetime) -> object:
    return request_plan(engine, SYSTEM, on, now)


def _step(life: Life, length: int) -> None:
    rng = life.rng
    skew = _pass_time(life, length)
    due = next((one for one in life.delayed if one.step <= life.step), None)
    if due is not None:
        life.delayed.remove(due)
        due.call.must = False
        life.counts["delayed", due.call.kind] += 1
        life.do(due.call)
        return
    trouble = rng.random()
    if trouble < 0.015:
        _die(life)
        return
    if trouble < 0.02:
        life.counts["redis", "wiped"] += 1
        life.path.append(f"{life.step} redis wiped")
        life.stage.arena.redis.flushall()
        return
    if trouble < 0.08:
        reconcile(life)
        return
    call = steps.next_call(life)
    if call is None:
        life.counts["nothing", "to do"] += 1
        return
    worker: Worker | None = call.more.get("worker")
    if worker is None and rng.random() < SHARE_LATE:
        life.delayed.append(Delayed(life.step + rng.randint(1, 12), call))
        return
    if call.kind not in ("solve", "verify") and rng.random() < SHARE_LOST:
        answer = life.do(call, rng.choice(CUT_OFF), skew)
        if worker is not None:
            worker.heard(call, answer)
        elif answer.how == "lost" and rng.random() < 0.6:
            call.must = False
            life.do(call)  # whoever hears nothing asks again
        return
    answer = life.do(call, "normal", skew)
    if worker is None and call.repeatable and rng.random() < SHARE_AGAIN:
        life.repeat(call, answer, skew)
    if worker is not None:
        worker.heard(call, answer)
        if call.kind == "claim" and worker.claim is not None and rng.random() < SHARE_OLD:
            life.counts["worker", "is too old"] += 1
            worker.why = "unknown-kind"
        if call.kind == "verify" and answer.result:
            raise Breached(f"verify: the plan for task {call.said} breaks rules: {answer.result[:3]}")


def _pass_time(life: Life, length: int) -> int:
    """How far this step's caller is behind, in seconds; 0 for most."""
    rng = life.rng
    drawn = rng.random()
    if drawn < 0.66:
        life.now += int(rng.expovariate(1 / 28)) + 1
    elif drawn < 0.72:
        life.now += rng.randint(120, 900)
    starts = [shift.start for shift in life.rows.shifts.values()]
    ends = [shift.end for shift in life.rows.shifts.values()]
    next_opens = life.world.opens(1)
    if life.step == length // 2 and life.now < next_opens - 900:
        life.now = next_opens - 900
    elif not any(start <= life.now < end for start, end in zip(starts, ends, strict=True)):
        following = [start for start in starts if start > life.now]
        if following and rng.random() < 0.3 and (min(following) - life.now < 6 * 3600):
            life.now = min(following) + rng.randint(-30, 30)
    return -rng.randint(1, 20) if rng.random() < SHARE_SKEWED else 0


def _die(life: Life) -> None:
    busy = [worker for worker in life.workers if not worker.is_idle]
    if busy:
        worker = life.rng.choice(busy)
        doing = (
            (worker.why is not None, "return"),
            (worker.is_verified, "publish"),
            (worker.plan is not None, "verify"),
            (worker.inputs is not None, "solve"),
            (worker.queue.endswith("urgent"), "place"),
            (True, "read"),
        )
        following = next(said for holds, said in doing if holds)
        life.counts["death", f"before {following}"] += 1
        life.path.append(f"{life.step} {worker.name} dies before {following}")
        worker.let_go()


def reconcile(life: Life) -> None:
    life.do(Call("take-back", "", lambda engine, now: take_back_tasks(engine, SYSTEM, EVERY, now)))
    answer = life.do(Call("note-rings", "", lambda engine, now: note_rings(engine, 3 * EVERY, now)))
    for kind, task in answer.result:
        ring(life.stage.arena.redis, QUEUE, kind, task)


def _end(life: Life) -> None:
    """Time passes and everything that is due is done: then nothing is left over."""
    for one in life.delayed:
        one.call.must = False
        life.do(one.call)
    life.delayed.clear()
    for round_ in range(QUIET):
        life.step += 1
        life.now += 100
        _tick(life, is_one_old=round_ == 0)
    over = max(shift.end for shift in life.rows.shifts.values())
    for round_ in range(80):
        life.step += 1
        life.now = max(life.now, over) + 600 if round_ == 0 else life.now + 150
        _tick(life)
        if round_ >= 2 and not any(task.state in ("waiting", "claimed") for task in life.rows.tasks.values()):
            break
    if found := list(checks.settled(life.rows, life.told)):
        raise Breached("; ".join(found[:4]))


def _tick(life: Life, *, is_one_old: bool = False) -> None:
    """The clock's round and the reconciler's, and every worker until nothing rings. `is_one_old`: the first
    placement comes to a worker that does not know what that is."""
    for step in (steps.close_quiet, steps.close_over, steps.carry, steps.try_waiting):
        if (call := step(life)) is not None:
            life.do(call)
    reconcile(life)
    for worker in life.workers:
        for _ in range(200):
            call = worker.next_call()
            if call is None:
                break
            worker.heard(call, life.do(call))
            if is_one_old and worker.claim is not None and worker.claim.kind == "place":
                worker.why, is_one_old = "unknown-kind", False
