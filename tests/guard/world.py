"""A small world to race in: few people, so that everybody is always in somebody's way.

Limits of each measure, window and scope are small enough to be full most of the time. Half of the slots have
started, so that something can be posted for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from allocator.rules.policy import MODALITIES, SEVERITIES, Dose, Limit, LimitMeasure

NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)
FIRST = date(2026, 11, 23)
DATES = tuple(FIRST + timedelta(days) for days in range(9))
TEAMS = ("blue", "red")
MARKETS = ("ID", "MY")
CATEGORIES = ("adult", "child-safety", "violence")
SLOTS_A_DAY = 4
DOSE = Dose((0, 1, 2, 5, 10), {"text": 5, "image": 10, "audio": 10, "video": 15, "live": 20})
DOSE_WEIGHTS = [
    {"severity": severity, "modality": modality, "units": DOSE.units_per_second(severity, modality)}
    for severity in SEVERITIES
    for modality in MODALITIES
]


def limit(
    key: str, scope: str, measure: LimitMeasure, window_days: int, amount: int, **selection: Any
) -> Limit:
    return Limit(
        key,
        scope=scope,
        measure=measure,
        window_days=window_days,
        amount=amount,
        ceiling=amount * 3 // 2,
        **selection,
    )


LIMITS = (
    limit("severe-day", "org", "seconds", 1, 400, min_severity=3),
    limit("severe-week", "org", "seconds", 7, 900, min_severity=3),
    limit("items-day", "org", "items", 1, 8),
    limit("dose-week", "org", "dose", 7, 90),
    limit("violence-week", "team:red", "seconds", 7, 700, categories=frozenset({"violence"}), min_severity=1),
    limit("dose-day", "auditor:p01", "dose", 1, 20),
    limit("items-week", "market:ID", "items", 7, 30),
)
LATER_LIMITS = (
    limit("late-adult", "org", "seconds", 7, 600, categories=frozenset({"adult"}), min_severity=1),
    limit("late-violence", "org", "items", 1, 4, categories=frozenset({"violence"}), min_severity=2),
    limit("late-dose", "org", "dose", 7, 40, categories=frozenset({"child-safety"}), min_severity=1),
    limit("late-items", "org", "items", 7, 5, categories=frozenset({"adult"}), min_severity=3),
)
"""Put in force while the race is on: each adds up what no limit has added up before."""


@dataclass(frozen=True, slots=True)
class Place:
    """A slot that exposure can be entered for."""

    slot: int
    auditor: str
    work_date: date
    started: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A row for the ledger; the columns that the application gives, but `at`."""

    auditor: str
    work_date: date
    entry: str
    category: str
    severity: int
    modality: str
    seconds: int
    items: int
    slot: int | None


ENTER = """
    insert into ledger (at, auditor, work_date, entry, category, severity, modality, seconds, items, slot)
    values {rows}
"""
COPY = """
    copy ledger (at, auditor, work_date, entry, category, severity, modality, seconds, items, slot) from stdin
"""


def values_of(entry: Entry) -> tuple[object, ...]:
    return (
        NOW, entry.auditor, entry.work_date, entry.entry, entry.category, entry.severity, entry.modality,
        entry.seconds, entry.items, entry.slot,
    )  # fmt: skip


def enter(connection: psycopg.Connection, *entries: Entry) -> None:
    """Write entries to the ledger in one statement."""
    rows = ", ".join(["(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"] * len(entries))
    given = [value for entry in entries for value in values_of(entry)]
    connection.execute(ENTER.format(rows=rows).encode(), given)


def copy_in(connection: psycopg.Connection, entries: Sequence[Entry]) -> None:
    """The same by COPY."""
    with connection.cursor().copy(COPY) as copy:
        for entry in entries:
            copy.write_row(values_of(entry))


def put_in_force(connection: psycopg.Connection, limit: Limit, position: int = 0) -> None:
    """A new limit, and the sums for it. The limits' lock is held from here to the end of the transaction."""
    use = "select exposure_use_of(%s, %s::smallint, %s)"
    selection = [sorted(limit.categories), limit.min_severity, limit.measure]
    row = connection.execute(use, selection).fetchone()
    assert row is not None
    connection.execute(
        """
        insert into exposure_limit (key, position, scope, use, window_days, amount, ceiling)
        values (%s, %s, %s, %s, %s, %s, %s)
        """,
        [limit.key, position, limit.scope, row[0], limit.window_days, limit.amount, limit.ceiling],
    )


def add_people(connection: psycopg.Connection, names: Sequence[str]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into auditor values (%s, %s, %s, 'Asia/Jakarta', 100)",
            [(name, TEAMS[i % 2], MARKETS[i // 2 % 2]) for i, name in enumerate(names)],
        )


def add_slots(
    connection: psycopg.Connection, names: Sequence[str], dates: Sequence[date], each: int
) -> list[Place]:
    """Slots of work for everybody on every date; every second one has started and is over."""
    for day in dates:
        connection.execute("insert into work_day values (%s, 'race') on conflict do nothing", [day])
    wanted = [
        (f"{name}-{day}-{k}", name, day, k % 2 == 1) for name in names for day in dates for k in range(each)
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            insert into item (id, work_date, kind, market, language, category, severity, modality, seconds,
                              reviews, priority, excluded, only_for)
            values (%s, %s, 'calibration', 'ID', 'id', 'violence', 4, 'video', 60, 1, 4, '{}', '{}')
            """,
            [(item, day) for item, _, day, _ in wanted],
        )
        cursor.executemany(
            """
            insert into slot (auditor, work_date, kind, item, review_no, planned_start, planned_end, state,
                              started_at, ended_at)
            select %s, %s::date, 'work', %s, 1, %s::date, %s::date + interval '1 minute',
                   case when %s then 'done' else 'planned' end, case when %s then %s::date end,
                   case when %s then %s::date end
            """,
            [(name, day, item, day, day, on, on, day, on, day) for item, name, day, on in wanted],
        )
    rows = connection.execute(
        "select id, auditor, work_date, started_at is not null from slot order by id"
    ).fetchall()
    return [Place(*row) for row in rows]


def build(connection: psycopg.Connection, people: int, days: int = len(DATES)) -> list[Place]:
    """The world, written with the application's rights: `people` from `p01` on; the slots."""
    names = [f"p{i:02}" for i in range(1, people + 1)]
    with connection.transaction():
        connection.execute("select set_dose_weights(%s)", [Jsonb(DOSE_WEIGHTS)])
        for position, limit in enumerate(LIMITS):
            put_in_force(connection, limit, position)
        add_people(connection, names)
        return add_slots(connection, names, DATES[:days], SLOTS_A_DAY)


def some_reserve(random: Random, place: Place) -> Entry:
    """A reservation of some material. Sizes are such that a limit takes a handful."""
    return Entry(
        place.auditor,
        place.work_date,
        "reserve",
        random.choice(CATEGORIES),
        random.choice((0, 1, 2, 3, 3, 4)),
        random.choice(MODALITIES),
        random.randint(10, 150),
        1,
        place.slot,
    )
