"""A day that is under way, into which escalations are placed: its people, rules that bind, and what is asked
of the database afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from sqlalchemy import Engine

from allocator.instance import Instance
from allocator.rules.policy import Limit, Policy, Stretch
from models.actions.claim_task import Claim, claim_task
from models.actions.escalate import Escalation, escalate
from models.actions.place_escalation import Placed, Waiting, place_escalation
from models.actor import SYSTEM, Actor
from models.connection import snapshot_transaction
from models.snapshot import read_inputs
from tests.days.build import NINE, Day, auditor, instance, policy, sample
from tests.days.judge import hard_rules_named
from tests.days_in_database.steps import load, planned, rows

TOOL = Actor("upstream", "tool-1")
NOON = datetime.fromtimestamp(NINE, UTC)
"""When the shifts begin."""
NOW = NOON - timedelta(hours=1)
ASKED = Escalation(None, "ID", "en", "hate", 3, "image", 600, 1, 1, None, NOON + timedelta(hours=1), ())


def rules(**changes: Any) -> Policy:
    plain: dict[str, Any] = {
        "stretches": (Stretch("screen", measure="span", amount=3000, rest=600),),
        "limits": (
            Limit("severe-day", min_severity=3, scope="org", measure="seconds", window_days=1, amount=1200),
        ),
    }
    return policy(**plain | changes)


def a_day(samples: int = 4, people: tuple[str, ...] = ("ada", "ben"), **changes: Any) -> Instance:
    """Two people on shift for an hour from nine, and everyday samples of five minutes."""
    items = tuple(sample(f"s{n}", draw=n + 1) for n in range(samples))
    return instance(Day(rules(**changes), tuple(auditor(name) for name in people), items))


@dataclass(frozen=True, slots=True)
class World:
    engine: Engine

    def accept(self, asked: Escalation = ASKED, key: str = "key", now: datetime = NOW) -> str:
        return escalate(self.engine, TOOL, key, asked, now).id

    def claim(self, item: str, now: datetime = NOW) -> Claim:
        found = rows(
            self.engine,
            "select id from task where dedupe_key = 'place:' || :item and state = 'waiting'",
            item=item,
        )
        claim = claim_task(self.engine, SYSTEM, found[0][0], 600, now)
        assert claim is not None
        return claim

    def place(self, item: str, now: datetime = NOW) -> Placed | Waiting:
        return place_escalation(self.engine, SYSTEM, self.claim(item, now), now)

    def live(self, person: str | None = None) -> list[tuple[Any, ...]]:
        """Slot, item, state, start and end in minutes from nine."""
        return rows(
            self.engine,
            "select id, coalesce(item, kind), state,"
            " (extract(epoch from planned_start) - :nine)::float8 / 60,"
            " (extract(epoch from planned_end) - :nine)::float8 / 60 from slot"
            " where state in ('planned', 'started', 'done') and auditor = coalesce(:person, auditor)"
            " order by auditor, planned_start, id",
            nine=NINE,
            person=person,
        )

    def faults(self) -> set[str]:
        """What is wrong: rules that the plans as they stand break, and sums that are not the ledger's."""
        found = set()
        for (date_,) in rows(self.engine, "select work_date from plan where state = 'published'"):
            with snapshot_transaction(self.engine) as connection:
                inputs = read_inputs(connection, date_, NOW)
            slots = inputs.previous.slots if inputs.previous is not None else None
            assert slots is not None
            fixed = inputs.instance.fixed.with_columns(label=pl.lit(None, pl.String())).select(slots.columns)
            found |= hard_rules_named(inputs.instance, pl.concat([slots, fixed]))
        wrong = rows(
            self.engine,
            """
            select auditor, use, work_date, seen, reserved from limit_day where seen <> 0 or reserved <> 0
            except select sums.* from exposure_use u cross join lateral ledger_sums(u.id) sums
            """,
        )
        unreserved = rows(
            self.engine,
            """
            select slot.id from slot where kind = 'work' and state in ('planned', 'withdrawn')
              and (state = 'planned') <> exists (
                select from slot_reserved(slot.id, slot.work_date) where seconds > 0)
            """,
        )
        return found | ({"sums"} if wrong else set()) | ({"reserved"} if unreserved else set())

    def notices(self, addressee: str) -> list[tuple[Any, ...]]:
        return rows(
            self.engine,
            "select kind, sentence, detail from notice where addressee = :addressee order by id",
            addressee=addressee,
        )

    def tasks(self) -> list[tuple[Any, ...]]:
        return rows(self.engine, "select kind, state from task where kind = 'place' order by id")


def in_force(world: World, day: Instance) -> None:
    load(world.engine, day)
    planned(world.engine, day.work_date)


def fields(escalation: Escalation, **changes: Any) -> dict[str, Any]:
    return {name: getattr(escalation, name) for name in Escalation.__slots__} | changes
