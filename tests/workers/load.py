"""What goes on while processes are killed: people at work, escalations coming in, plans asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from allocator.instance import Instance
from models.actions.beat import beat
from models.actions.complete import Outcome, complete
from models.actions.escalate import Escalation
from models.actions.settle_exposure import Seen
from models.actions.start import start
from models.actor import Actor
from models.refusal import Kind, Refusal
from tests.days.build import Day, Row, auditor, escalation, instance, sample
from tests.workers.dates import guarded_policy

LANGUAGE = "id"
"""Of the live day's people and work alone: what comes in today is for nobody of another date."""
PEOPLE = 24
CLIENTS = 6
"""Of them, those whose programs are killed; the others work in peace."""
UNANSWERED = 60.0
"""Seconds for which something is sent again and again before that is a trouble."""
MAY_BE_REFUSED: frozenset[Kind] = frozenset(
    {
        "stale",  # a plan that was just published has it no more
    }
)
"""What may come of beginning a review, hearing of it or ending it while everything else goes on."""
NEXT = text("""
    select id, state from slot
    where auditor = :auditor and work_date = :day and kind = 'work' and state in ('planned', 'started')
    order by state = 'started' desc, planned_start limit 1
""")


def names() -> list[str]:
    return [f"live-{n:02}" for n in range(PEOPLE)]


def live_day(now: datetime) -> Instance:
    """Today: everybody has been on shift for half an hour, for as long as shifts may be."""
    begins = int(now.timestamp()) // 60 * 60 - 1800
    on = datetime.fromtimestamp(begins, UTC).date()
    people: list[Row] = [
        auditor(name, languages=[LANGUAGE], shift_start=begins, shift_end=begins + 15 * 3600)
        for name in names()
    ]
    work: list[Row] = [
        sample(f"live-s-{n}", draw=n + 1, language=LANGUAGE, severity=0, category="adult", seconds=240)
        for n in range(PEOPLE * 40)
    ]
    work += [
        escalation(f"live-e-{n}", language=LANGUAGE, severity=1, category="hate", seconds=120)
        for n in range(20)
    ]
    return instance(Day(guarded_policy(), tuple(people), tuple(work), work_date=on, name="live"))


def soon_day(now: datetime, samples: int) -> Instance:
    """A date whose shifts begin in some hours, so that the clock is to have it planned; each time that it is
    loaded with more samples, anew. It is no other date, wherever on Earth it is today."""
    begins = (int(now.timestamp()) // 3600 + 10) * 3600
    zone = "Pacific/Kiritimati"
    on = datetime.fromtimestamp(begins, ZoneInfo(zone)).date()
    people = tuple(
        auditor(f"soon-{n}", timezone=zone, shift_start=begins, shift_end=begins + 7200) for n in range(6)
    )
    work = tuple(sample(f"soon-{on}-{n}", draw=n + 1, severity=1) for n in range(samples))
    return instance(Day(guarded_policy(), people, work, work_date=on, name="soon"))


def escalation_of(submission: dict[str, Any]) -> Escalation:
    """What the server makes of it."""
    due = datetime.fromisoformat(submission["due"])
    return Escalation(**submission | {"due": due, "release": None, "excluded": ()})


class Load:
    """Three threads, until they are told to stop. `accepted` are the escalations that the server took (202);
    `troubles` what went otherwise than it may."""

    def __init__(
        self, engine: Engine, address: str, tokens: dict[str, str], work_date: date, seed: int
    ) -> None:
        self.engine = engine
        self.address = address
        self.tokens = tokens
        self.work_date = work_date
        self.seed = seed
        self.over = threading.Event()
        self.numbers = 0
        self.numbering = threading.Lock()
        self.accepted: list[str] = []
        self.plans: list[int] = []
        self.reviewed = 0
        self.troubles: list[str] = []
        self.threads = [
            threading.Thread(target=self.kept_up, args=(one,), daemon=True)
            for one in (self.escalate_on, self.plan_on, self.work_on)
        ]

    def __enter__(self) -> Load:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()

    def kept_up(self, one: Callable[[], None]) -> None:
        """A load that comes to nothing must not look like one that went well."""
        try:
            one()
        except BaseException as error:
            self.troubles.append(f"{one.__name__} died: {error!r}")

    def submission(self, rng: Random) -> dict[str, Any]:
        with self.numbering:
            self.numbers += 1
            number = self.numbers
        due = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=rng.choice((1, 3, 6)))
        return {
            "id": f"case-{number}",
            "market": "ID",
            "language": LANGUAGE,
            "category": rng.choice(("hate", "adult")),
            "severity": rng.choice((0, 1, 2)),
            "modality": "image",
            "seconds": rng.choice((30, 60, 120)),
            "reviews": rng.choice((1, 1, 2)),
            "priority": rng.randint(1, 4),
            "due": due.isoformat().replace("+00:00", "Z"),
        }

    def submit(self, client: httpx.Client, submission: dict[str, Any]) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.tokens['upstream']}", "Idempotency-Key": submission["id"]}
        return client.post("/v1/escalations", json=submission, headers=headers)

    def accept(self, submission: dict[str, Any]) -> None:
        """Send it until it is taken, as a tool does that was not answered."""
        deadline = time.monotonic() + UNANSWERED
        with httpx.Client(base_url=self.address, timeout=30) as client:
            while True:
                try:
                    answer = self.submit(client, submission)
                    last = f"{answer.status_code} {answer.text}"
                    if answer.status_code == 202:
                        self.accepted.append(submission["id"])
                        return
                    if answer.status_code < 500:
                        break
                except httpx.TransportError as error:
                    last = repr(error)
                if time.monotonic() >= deadline:
                    break
                time.sleep(0.2)
        self.troubles.append(f"{submission['id']} was not taken: {last}")

    def escalate_on(self) -> None:
        rng = Random(f"{self.seed}-escalations")
        while not self.over.wait(rng.uniform(0.4, 1.6)):
            self.accept(self.submission(rng))

    def plan_on(self) -> None:
        rng = Random(f"{self.seed}-plans")
        headers = {"Authorization": f"Bearer {self.tokens['operations']}"}
        with httpx.Client(base_url=self.address, timeout=30) as client:
            while not self.over.wait(rng.uniform(6, 14)):
                with suppress(httpx.TransportError):
                    answer = client.post(
                        "/v1/plans", json={"work_date": self.work_date.isoformat()}, headers=headers
                    )
                    if answer.status_code == 202:
                        self.plans.append(answer.json()["plan"])
                    elif answer.status_code < 500:
                        self.troubles.append(f"a plan: {answer.status_code} {answer.text}")

    def work_on(self) -> None:
        rng = Random(f"{self.seed}-work")
        while not self.over.wait(rng.uniform(0.05, 0.2)):
            actor = Actor("auditor", rng.choice(names()[CLIENTS:]))
            now = datetime.now(UTC)
            try:
                with self.engine.connect() as connection:
                    row = {"auditor": actor.subject, "day": self.work_date}
                    slot = connection.execute(NEXT, row).one_or_none()
                if slot is None:
                    continue
                if slot.state == "planned":
                    start(self.engine, actor, slot.id, now)
                elif rng.random() < 0.5:
                    beat(self.engine, actor, slot.id, now)
                else:
                    complete(
                        self.engine, actor, slot.id, Seen(seconds=rng.randint(1, 30)), Outcome("agree"), now
                    )
                    self.reviewed += 1
            except Refusal as refusal:
                if refusal.kind not in MAY_BE_REFUSED:
                    self.troubles.append(f"at work: {refusal.kind}: {refusal}")
            except DBAPIError as error:
                self.troubles.append(f"at work: {error.orig!r}")
