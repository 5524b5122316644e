"""The simulated workers: they hear rings in the real Redis and go through a task's life one step at a time,
so that anything may happen between two of them, their death too."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from redis import Redis
from sqlalchemy import Engine

from allocator.optimise.planner import make_plan
from allocator.plan import Plan
from allocator.verify import verify
from models.actions.claim_task import Claim, claim_task
from models.actions.place_escalation import place_escalation
from models.actions.publish_plan import publish_plan
from models.actions.return_task import Why, return_task
from models.actor import SYSTEM
from models.snapshot import Inputs
from tests.live.calls import Answer, Call
from workers.planning import read

LEASE_SECONDS = 120
EVERY = 10.0
"""Seconds between the reconciler's rounds, as the pauses of tasks given back have it."""


class Worker:
    """One worker of one queue. `next_call` is what it does next (None: nobody rings); `heard` what came of
    it."""

    def __init__(self, name: str, redis: Redis, queue: str) -> None:
        self.name = name
        self.redis = redis
        self.queue = queue
        self.let_go()

    def let_go(self) -> None:
        """Forget everything, as who dies does."""
        self.claim: Claim | None = None
        self.inputs: Inputs | None = None
        self.plan: Plan | None = None
        self.is_verified = False
        self.why: Why | None = None
        self.task: int | None = None

    @property
    def is_idle(self) -> bool:
        return self.claim is None

    def next_call(self) -> Call | None:
        if self.claim is None:
            return self._answer_a_ring()
        if self.why is not None:
            return self._return(self.claim, self.why)
        if self.claim.kind == "place":
            claim = self.claim
            return self._call("place", lambda engine, now: place_escalation(engine, SYSTEM, claim, now))
        if self.inputs is None:
            return self._call("read", self._read)
        if self.plan is None:
            return self._call("solve", self._solve)
        if not self.is_verified:
            return self._call("verify", self._verify)
        claim, inputs, plan = self.claim, self.inputs, self.plan
        return self._call(
            "publish", lambda engine, now: publish_plan(engine, SYSTEM, claim, inputs, plan, now)
        )

    def _answer_a_ring(self) -> Call | None:
        rung: Any = self.redis.lpop(f"rq:queue:{self.queue}")
        if rung is None:
            return None
        task = int(rung.decode().removeprefix("task-"))
        self.task = task
        return self._call(
            "claim", lambda engine, now: claim_task(engine, SYSTEM, task, LEASE_SECONDS, now), f"task {task}"
        )

    def _read(self, engine: Engine, now: datetime) -> Inputs:
        assert self.claim is not None
        return read(engine, self.claim, lambda: now)

    def _solve(self, _engine: Engine, _now: datetime) -> Plan:
        assert self.inputs is not None
        return make_plan(self.inputs.instance, self.inputs.previous)

    def _verify(self, _engine: Engine, _now: datetime) -> list[Any]:
        assert self.inputs is not None
        assert self.plan is not None
        return list(verify(self.inputs.instance, self.plan))

    def _return(self, claim: Claim, why: Why) -> Call:
        return self._call(
            "return", lambda engine, now: return_task(engine, SYSTEM, claim, why, why, EVERY, now)
        )

    def _call(self, kind: str, act: Any, said: str = "") -> Call:
        task = self.claim.task if self.claim is not None else self.task
        return Call(kind, f"{self.name} {said or f'task {task}'}", act, more={"worker": self})

    def heard(self, call: Call, answer: Answer) -> None:
        """A lost call is as if its worker had met an error: it gives the task back, and may find it gone."""
        if answer.how == "lost":
            self.why = "error"
            if call.kind in ("claim", "return"):
                self.let_go()
        elif answer.refusal is not None:
            self.why = "stale" if answer.refusal.kind == "stale" else "error"
        elif call.kind == "claim":
            self.claim = answer.result
        elif call.kind == "read":
            self.inputs = answer.result
        elif call.kind == "solve":
            self.plan = answer.result
        elif call.kind == "verify":
            self.is_verified = True
        else:
            self.let_go()
