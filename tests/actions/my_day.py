"""One person's day for tests: three severe reviews, an everyday one and a break, under a daily and a weekly
limit on severe work; reserved as a published plan has it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from models.actions.complete import Outcome
from models.actor import Actor
from models.refusal import Refusal
from tests.actions.limits_day import LimitsDay, limits_day
from tests.conftest import Database

DAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)
"""An hour into the shift, which is from 6 to 14 o'clock UTC."""
ADA = Actor("auditor", "ada")
BEN = Actor("auditor", "ben")
AGREE = Outcome("agree")
RULES: dict[str, Any] = {
    "severe_from": 3,
    "categories": ["violence", "self-harm"],
    "clearances": {"self-harm": "care"},
    "dose": {
        "severity": [0, 1, 2, 5, 10],
        "modality_tenths": {"text": 5, "image": 10, "audio": 10, "video": 15, "live": 20},
    },
    "escalation_weights": {"1": 1000, "2": 100, "3": 10, "4": 1},
    "coverage_bands": [[1, 1]],
}
POLICY = json.dumps(RULES)
"""Without stretches and edges: `with_rests` adds them."""
RECOVERY = {"key": "recovery", "min_severity": 3, "measure": "seconds", "amount": 1200, "rest": 900}
WIND_DOWN = {"key": "wind-down", "min_severity": 3, "last": 2700}


@dataclass(frozen=True, slots=True)
class MyDay:
    """`slots` by name: `one`, `two`, `three` (severe, 10 minutes each), `mild`, `pause`."""

    rows: LimitsDay
    plan: int
    slots: dict[str, int] = field(default_factory=dict)

    @property
    def engine(self) -> Engine:
        return self.rows.engine

    def review(self, name: str, auditor: str = "ada", reserved: int | None = None, **item: Any) -> int:
        """An item and its planned review, reserved for as long as it takes."""
        plain = {"category": "violence", "severity": 3, "seconds": 600, "draw": len(self.slots) + 1}
        columns: dict[str, Any] = plain | item
        self.rows.item(name, **columns)
        start = NOW + timedelta(minutes=20 * len(self.slots))
        slot = self.rows.slot(
            auditor, name, plan=self.plan, planned_start=start, planned_end=start + timedelta(minutes=10)
        )
        self.slots[name] = slot
        self.rows.entry(
            auditor,
            "reserve",
            columns["seconds"] if reserved is None else reserved,
            category=columns["category"],
            severity=columns["severity"],
            slot=slot,
        )
        return slot

    def begun(self, slot: int, at: datetime = NOW, **columns: Any) -> int:
        """This planned review runs, as starting it leaves it but for these columns; the slot."""
        self.rows.run(
            "update slot set state = 'started', started_at = :at, leased_until = :at + make_interval(secs =>"
            " (select sum(seconds)::double precision from slot_reserved(slot.id, work_date)))"
            " where id = :slot",
            slot=slot,
            at=at,
        )
        for name, value in columns.items():
            self.rows.run(f"update slot set {name} = :value where id = :slot", slot=slot, value=value)
        return slot

    def escalation(self, name: str, auditor: str = "ada", priority: int = 1, **item: Any) -> int:
        """An escalation, planned like the other reviews."""
        plain: dict[str, Any] = {"kind": "escalation", "priority": priority, "draw": None, "stratum": None}
        return self.review(name, auditor, **plain | item)

    def tasks(self, kind: str) -> list[Any]:
        """What tasks of a kind are to be done: their payloads, in the order in which they were filed."""
        found = self.rows.rows("select payload from task where kind = :kind order by id", kind=kind)
        return [row[0] for row in found]

    def notices(self, addressee: str) -> list[tuple[Any, ...]]:
        """Kind, sentence and detail of what somebody was told."""
        return self.rows.rows(
            "select kind, sentence, detail from notice where addressee = :addressee order by id",
            addressee=addressee,
        )

    def with_rests(self) -> None:
        """After 20 severe minutes a rest of 15 comes first; nothing severe in the shift's last 45."""
        rules = RULES | {"stretches": [RECOVERY], "edges": [WIND_DOWN]}
        self.rows.run("update policy set document = :document", document=json.dumps(rules))

    def pause(self, auditor: str = "ada") -> int:
        start = NOW + timedelta(minutes=20 * len(self.slots))
        self.slots["pause"] = self.rows.run(
            "insert into slot (plan, auditor, work_date, kind, label, planned_start, planned_end)"
            " values (:plan, :auditor, :day, 'break', 'short', :start, :finish) returning id",
            plan=self.plan,
            auditor=auditor,
            day=DAY,
            start=start,
            finish=start + timedelta(minutes=5),
        )
        return self.slots["pause"]

    def seen(self, seconds: int, auditor: str = "ada", day: date = DAY, **what: Any) -> None:
        """Exposure from elsewhere; severe violence if nothing else is said."""
        plain: dict[str, Any] = {"category": "violence", "severity": 3}
        self.rows.entry(auditor, "history", seconds, day, **plain | what)

    def state(self, slot: int) -> str:
        return str(self.rows.run("select state from slot where id = :slot", slot=slot))

    def ledger(self, slot: int) -> list[tuple[Any, ...]]:
        """Entry, category, severity, modality, seconds and items of a slot, as they were added."""
        return self.rows.rows(
            "select entry, category, severity, modality, seconds, items from ledger"
            " where slot = :slot order by id",
            slot=slot,
        )

    def sums_are_true(self) -> bool:
        """Whether the guard's sums are those of the raw ledger."""
        return not self.rows.rows("""
            select auditor, use, work_date, seen, reserved from limit_day where seen <> 0 or reserved <> 0
            except
            select sums.* from exposure_use u cross join lateral ledger_sums(u.id) sums
        """)

    def verbs(self) -> list[str]:
        return [row[0] for row in self.rows.rows("select verb from audit where verb <> 'test' order by id")]


@contextmanager
def cut_off(engine: Engine, after: str) -> Iterator[None]:
    """What is done here loses its connection right after the first statement with these words."""

    def cut(*given: Any) -> None:
        if after in given[2]:
            raise ConnectionError("cut")

    event.listen(engine, "after_cursor_execute", cut)
    try:
        with pytest.raises(ConnectionError, match="cut"):
            yield
    finally:
        event.remove(engine, "after_cursor_execute", cut)


def refusal(deed: Callable[..., Any], *given: Any) -> Refusal:
    """How this deed, given this, is refused; a test fails if it is not."""
    with pytest.raises(Refusal) as raised:
        deed(*given)
    return raised.value


@contextmanager
def my_day(database: Database, day_amount: int = 3600, week_amount: int = 7200) -> Iterator[MyDay]:
    with limits_day(database.url, database.owner_url) as rows:
        rows.run(
            "with made as ("
            " insert into policy (document, adopted_by, adopted_at) values (:document, 'test', :now)"
            " returning id) update installation set policy = made.id from made",
            document=POLICY,
            now=NOW,
        )
        rows.limit("severe-day", amount=day_amount, min_severity=3)
        rows.limit("severe-week", amount=week_amount, min_severity=3, window_days=7)
        rows.person("ada")
        rows.person("ben")
        rows.work_day()
        made = MyDay(rows, rows.plan())
        for name in ("one", "two", "three"):
            made.review(name)
        made.review("mild", severity=1)
        made.pause()
        yield made
