"""People at work, as the ledger sees it: they are early and late, skip, see more or less than was planned."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random

from sqlalchemy import Connection, Engine, text

SLOTS = text("""
    select id, auditor, kind, planned_start, planned_end from slot
    where work_date = :work_date and state = 'planned' order by auditor, planned_start
""")
BEFORE = text("""
    select id, auditor, kind, state, started_at, planned_end - planned_start as planned, ended_at from slot
    where work_date = :work_date and state in ('started', 'done') order by auditor, started_at
""")
BEGUN = text("update slot set state = 'started', started_at = :start where id = :id")
DONE = text("update slot set state = 'done', started_at = :start, ended_at = :end where id = :id")
SKIPPED = text("update slot set state = 'skipped' where id = :id")
EXPOSURE = text("""
    insert into ledger (at, auditor, work_date, entry, category, severity, modality, seconds, items, slot)
    select :now, auditor, work_date, entry, category, severity, modality, seconds, items, id
    from (
        select slot.*, item.category, item.severity, item.modality, entry,
               case entry when 'release' then extract(epoch from planned_end - planned_start)::bigint
                    else cast(:seen as bigint) end as seconds,
               case entry when 'incident' then 0 else 1 end as items
        from slot join item on item.id = slot.item cross join unnest(cast(:entries as text[])) entry
        where slot.id = :id
    ) entries
""")


def work_until(engine: Engine, rng: Random, work_date: date, now: datetime) -> list[tuple[object, ...]]:
    """Everybody works through their slots until `now`, each with delays of their own. Gives back what stands:
    id, auditor, state, started_at and ended_at, by id."""
    stands = []
    with engine.begin() as connection:
        slots = connection.execute(SLOTS, {"work_date": work_date}).all()
        connection.execute(
            text("select lock_guards(:people)"), {"people": sorted({slot.auditor for slot in slots})}
        )
        clocks: dict[str, datetime] = {}
        for slot in connection.execute(BEFORE, {"work_date": work_date}).all():
            if slot.state == "done":
                clocks[slot.auditor] = slot.ended_at
                continue
            took = slot.planned * rng.choice((0.9, 1, 1.4))
            clocks[slot.auditor] = end = slot.started_at + max(took, timedelta(seconds=1))
            if end <= now:
                connection.execute(DONE, {"id": slot.id, "start": slot.started_at, "end": end})
                stands.append((slot.id, slot.auditor, "done", slot.started_at, end))
                if slot.kind == "work":
                    post(connection, slot.id, now, int(took.total_seconds()), ["release", "post"])
        for slot in slots:
            start = max(slot.planned_start, clocks.get(slot.auditor, slot.planned_start))
            if start >= now:
                continue
            if slot.kind == "work" and rng.random() < 0.15:
                connection.execute(SKIPPED, {"id": slot.id})
                post(connection, slot.id, now, 0, ["release"])
                continue
            took = (slot.planned_end - slot.planned_start) * rng.choice((0.3, 0.9, 1, 1, 1.4))
            end = start + max(took, timedelta(seconds=0.4))
            clocks[slot.auditor] = end + timedelta(seconds=rng.choice((0, 0, 3)))
            done = end <= now
            times = {"id": slot.id, "start": start, "end": end}
            connection.execute(DONE if done else BEGUN, times)
            stands.append(
                (slot.id, slot.auditor, "done" if done else "started", start, end if done else None)
            )
            if slot.kind == "work":
                if done:
                    post(connection, slot.id, now, int(took.total_seconds()), ["release", "post"])
                if rng.random() < 0.1:
                    post(connection, slot.id, now, rng.randint(1, 900), ["incident"])
    return sorted(stands)


def post(connection: Connection, slot: int, now: datetime, seen: int, entries: list[str]) -> None:
    connection.execute(EXPOSURE, {"id": slot, "now": now, "seen": seen, "entries": entries})
