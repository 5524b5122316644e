"""One day of the invented team, lived through with real servers, a real worker and real requests."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from allocator.cli import STAGES
from allocator.files.instance import read_instance, write_instance
from allocator.files.plan import read_plan
from allocator.instance import Instance
from allocator.plan import Plan
from allocator.scenarios.demo import DEMO_DATE, demo_day
from config.demo.personas import Personas, evening_before, morning
from config.demo.processes import DemoFailed, answers, run, running, serving
from config.embedded import ServersRefused, servers
from config.policy import default_policy_document

PLANNING_MAY_TAKE = 120.0
TIMEOUT = 30.0
"""Seconds."""
EVENING_BEFORE = timedelta(hours=10)
"""How long before the first shift the day is planned."""
FIRST_MINUTES = timedelta(minutes=30)
"""How far into the first shift the people begin: the first of them have had their eleven hours of rest."""


@dataclass(frozen=True, slots=True)
class Lived:
    """What came of the day: as it is in the database, and as people saw it."""

    instance: Instance
    plan: Plan
    story: list[tuple[str, str]]
    queue_items: int
    address: str
    tokens: dict[str, str]


def live_through(parts: ExitStack, out: Path | None, tell: Callable[[str], None]) -> Lived:
    """Start everything, plan the day in the evening before and begin it in the morning.

    Servers and processes run until `parts` closes. The day is written to `out`, if there is one. Raises
    DemoFailed.
    """
    tell("starting PostgreSQL and Valkey")
    try:
        own = parts.enter_context(servers())
    except ServersRefused as refused:
        raise DemoFailed(str(refused)) from None
    # In the servers' own folder, which their keeper removes however this process ends.
    scratch = own.folder / "demo"
    scratch.mkdir(mode=0o700)
    kept = out or scratch / "kept"
    # What the surroundings say of other servers and settings is not for these.
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("BREAKWATER_")}
    basis = {**surroundings, **own.environment()}

    tell("inventing a day and loading it")
    invented = demo_day(default_policy_document())
    write_instance(invented, scratch / "invented", "ndjson")
    first_shift = datetime.fromtimestamp(invented.auditors["shift_start"].min(), UTC)  # type: ignore[arg-type]
    evening = basis | {"BREAKWATER_CLOCK_AHEAD": ahead(first_shift - EVENING_BEFORE)}
    run(evening, "migrate")
    run(evening, "load", str(scratch / "invented"))
    personas = Personas.issue(lambda *asked: run(evening, "token", "issue", *asked))

    tell("starting the server")
    with (
        serving(evening, scratch / "evening.log") as (server, address),
        running(evening, scratch / "worker.log", "worker") as worker,
        httpx.Client(base_url=address, timeout=TIMEOUT) as client,
    ):
        server.wait_until(lambda: answers(client, "/readyz"), "the server was ready")
        asked = evening_before(client, personas, DEMO_DATE)

        def published() -> bool:
            found = personas.get(client, "operations", f"/v1/plans/{asked.plan}").json()
            if found["state"] == "failed":
                raise DemoFailed("the plan failed; see the worker's log")
            if found["stage"]:
                tell(f"a worker plans: {STAGES.get(found['stage'], found['stage'])}")
            return bool(found["state"] == "published")

        worker.wait_until(published, "the plan was published", PLANNING_MAY_TAKE)
    run(evening, "export", DEMO_DATE.isoformat(), "--out", str(kept))

    tell("the next morning")
    early = basis | {"BREAKWATER_CLOCK_AHEAD": ahead(first_shift + FIRST_MINUTES)}
    server, address = parts.enter_context(serving(early, scratch / "morning.log"))
    client = parts.enter_context(httpx.Client(base_url=address, timeout=TIMEOUT))
    for part in (("worker",), ("worker", "--urgent"), ("clock",)):
        parts.enter_context(running(early, scratch / f"{''.join(part)}.log", *part))
    server.wait_until(lambda: answers(client, "/readyz"), "the server was ready")
    begun = morning(client, personas, asked)
    return Lived(
        instance=read_instance(kept / "day"),
        plan=read_plan(kept / "plan"),
        story=begun.story,
        queue_items=begun.queue_items,
        address=address,
        tokens=personas.tokens,
    )


def ahead(moment: datetime) -> str:
    """BREAKWATER_CLOCK_AHEAD for a process that is to take this moment for now."""
    return str(round((moment - datetime.now(UTC)).total_seconds()))
