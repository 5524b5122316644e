"""A database with people, work and limits, put there row by row, so that a test says all that matters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from threading import Barrier
from typing import Any

from sqlalchemy import Engine, create_engine, text

from models.actor import Actor
from models.connection import application_engine, driver_url

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODAY = NOW.date()
LEAD = Actor("lead", "lia", ("early",))
LEAD_OF_TWO = Actor("lead", "leo", ("early", "late"))
WELLBEING = Actor("wellbeing", "wim")
SECOND = Actor("wellbeing", "wanda")


@dataclass(frozen=True, slots=True)
class LimitsDay:
    """`engine` has the application's rights, `owner` the owner's."""

    engine: Engine
    owner: Engine

    def run(self, statement: str, owner: bool = False, **values: Any) -> Any:
        """One statement in a transaction of its own; its first value, if it gives any."""
        with (self.owner if owner else self.engine).begin() as connection:
            result = connection.execute(text(statement), values)
            return result.scalar() if result.returns_rows else None

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement), values)]

    def person(
        self, auditor: str, team: str = "early", market: str = "ID", dates: Sequence[date] = (TODAY,)
    ) -> None:
        self.run(
            """
            insert into auditor values (:id, :team, :market, 'Asia/Jakarta', 100)
            on conflict (id) do update set team = excluded.team
            """,
            id=auditor,
            team=team,
            market=market,
        )
        for day in dates:
            self.run(
                """
                insert into shift values
                    (:id, :day, :team, :market, 'Asia/Jakarta', '{id}', '{ID}', '{}', '{}', 4, 100,
                     :start, :finish)
                """,
                id=auditor,
                day=day,
                team=team,
                market=market,
                start=datetime(day.year, day.month, day.day, 6, tzinfo=UTC),
                finish=datetime(day.year, day.month, day.day, 14, tzinfo=UTC),
            )

    def limit(
        self,
        key: str,
        scope: str = "org",
        amount: int = 7200,
        *,
        ceiling: int | None = 14400,
        measure: str = "seconds",
        min_severity: int = 0,
        window_days: int = 1,
    ) -> None:
        self.run(
            """
            insert into exposure_limit (key, position, scope, use, window_days, amount, ceiling)
            values (:key, (select count(*) from exposure_limit), :scope,
                    exposure_use_of('{}', cast(:min_severity as smallint), :measure), :window_days, :amount,
                    :ceiling)
            """,
            key=key,
            scope=scope,
            amount=amount,
            ceiling=ceiling,
            measure=measure,
            min_severity=min_severity,
            window_days=window_days,
        )

    def amount(self, key: str) -> int:
        return int(self.run("select amount from exposure_limit where key = :key", key=key))

    def work_day(self, day: date = TODAY) -> None:
        self.run("insert into work_day values (:day, 'a day') on conflict do nothing", day=day)

    def item(self, item: str, **columns: Any) -> None:
        """A sample of ID in id, adult 1, of a minute, but for the columns that are given."""
        row: dict[str, Any] = {
            "id": item,
            "work_date": TODAY,
            "kind": "sample",
            "market": "ID",
            "language": "id",
            "category": "adult",
            "severity": 1,
            "modality": "image",
            "seconds": 60,
            "reviews": 1,
            "priority": 4,
            "due": None,
            "excluded": [],
            "only_for": [],
        } | columns
        if row["kind"] == "sample":
            stratum = "{market}/{language}/{category}/{severity}".format(**row)
            row = {"stratum": stratum, "draw": 1} | row
        names = ", ".join(row)
        self.run(f"insert into item ({names}) values ({', '.join(f':{name}' for name in row)})", **row)

    def plan(self, day: date = TODAY, bands: str = "[[0.1, 16], [0.4, 4], [0.5, 1]]") -> int:
        """A plan in force."""
        return int(
            self.run(
                """
                insert into plan
                    (work_date, version, state, requested_by, requested_at, published_at, document)
                values (:day, 1, 'published', 'operations:ops', :now, :now, :document)
                returning id
                """,
                day=day,
                now=NOW,
                document=f'{{"policy": {{"coverage_bands": {bands}}}}}',
            )
        )

    def slot(self, auditor: str, item: str, day: date = TODAY, **columns: Any) -> int:
        """One review in somebody's day, an hour from six o'clock, planned but for what is given."""
        start = datetime(day.year, day.month, day.day, 6, tzinfo=UTC)
        row: dict[str, Any] = {
            "auditor": auditor,
            "item": item,
            "work_date": day,
            "kind": "work",
            "review_no": 1,
            "planned_start": start,
            "planned_end": start + timedelta(hours=1),
        } | columns
        if row.get("state") in ("started", "done"):
            row = {"started_at": row["planned_start"]} | row
        if row.get("state") == "done":
            row = {"ended_at": row["planned_end"]} | row
        names = ", ".join(row)
        made = self.run(
            f"insert into slot ({names}) values ({', '.join(f':{name}' for name in row)}) returning id", **row
        )
        return int(made)

    def slots(self, people: Sequence[str], count: int) -> list[tuple[str, int]]:
        """So many reviews of an item each, dealt to these people in turn: who, and the slot."""
        self.run(
            """
            insert into item (id, work_date, kind, market, language, category, severity, modality, seconds,
                              reviews, priority, excluded, only_for, stratum, draw)
            select 'r-' || n, :day, 'sample', 'ID', 'id', 'adult', 1, 'image', 60, 1, 4, '{}', '{}', 'r', n
            from generate_series(1, :count) n
            """,
            day=TODAY,
            count=count,
        )
        self.run(
            """
            insert into slot (auditor, work_date, kind, item, review_no, planned_start, planned_end)
            select people[1 + n % cardinality(people)], :day, 'work', 'r-' || n, 1,
                   :now, :now + interval '1 minute'
            from generate_series(1, :count) n, (select cast(:people as text[]) as people) dealt
            """,
            people=list(people),
            day=TODAY,
            now=NOW,
            count=count,
        )
        return [(row[0], row[1]) for row in self.rows("select auditor, id from slot order by id")]

    def unplanned(self, plan: int, item: str, ruled_out: str, missing: int = 1) -> None:
        self.run(
            "insert into unplanned values (:plan, :item, :missing, cast(:ruled_out as json), 'as planned')",
            plan=plan,
            item=item,
            missing=missing,
            ruled_out=ruled_out,
        )

    def entry(
        self,
        auditor: str,
        entry: str,
        seconds: int,
        day: date = TODAY,
        *,
        category: str = "adult",
        severity: int = 1,
        modality: str = "image",
        slot: int | None = None,
        at: datetime = NOW,
    ) -> None:
        """One line of the ledger, one item long."""
        self.run(
            """
            insert into ledger
                (at, auditor, work_date, entry, category, severity, modality, seconds, items, slot)
            values (:at, :auditor, :day, :entry, :category, :severity, :modality, :seconds, 1, :slot)
            """,
            at=at,
            auditor=auditor,
            day=day,
            entry=entry,
            category=category,
            severity=severity,
            modality=modality,
            seconds=seconds,
            slot=slot,
        )


@contextmanager
def limits_day(url: str, owner_url: str) -> Iterator[LimitsDay]:
    engine, owner = application_engine(url, pool_size=12), create_engine(driver_url(owner_url))
    try:
        yield LimitsDay(engine, owner)
    finally:
        engine.dispose()
        owner.dispose()


def at_once(*deeds: Any) -> list[Any]:
    """What each of these gives or raises, all begun at the same moment."""
    ready = Barrier(len(deeds))

    def one(deed: Any) -> Any:
        ready.wait()
        try:
            return deed()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(one, deeds))
