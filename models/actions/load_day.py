"""A day that was read from files, brought into the database: whole or not at all, as often as one likes.

What is there already stays: a second time nothing is added, shifts of other teams are left alone, exposure
is topped up to what the files say and never taken away, and no item changes under somebody who has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl
from sqlalchemy import Connection, Engine, text

from allocator.files.faults import Fault, Refused, show
from allocator.files.instance import HEAD, MOST_TOTAL
from allocator.files.instants import text_from_instant
from allocator.instance import Instance
from models import audit
from models.actions.adopt_policy import adopt_policy, unadoptable
from models.actions.ask_replan import ask_replan
from models.actions.keep_within_limits import keep_within_limits
from models.actions.place_again import place_again
from models.actor import Actor
from models.frames import copy_in
from models.policy_in_force import differences, read_policy

ONE_AT_A_TIME = 20_261_124
"""Advisory lock: of two loads at once the second waits for the first."""
MOST_SMALL = 2**31 - 1
EXPOSURE = ["auditor", "work_date", "category", "severity", "modality"]
TABLES = ("auditors", "items", "history")
ITEM_COLUMNS = {
    "kind": "kind",
    "market": "market",
    "language": "language",
    "category": "category",
    "severity": "severity",
    "modality": "modality",
    "seconds": "seconds",
    "reviews": "reviews",
    "priority": "priority",
    "release": "release",
    "due": "due",
    "stratum": "stratum",
    "draw": "draw",
    "excluded": "excluded",
    "only_for": "only",
}
"""The item's columns in the database, and what the files call them."""
SHIFT_COLUMNS = (
    "team",
    "home_market",
    "timezone",
    "languages",
    "markets",
    "clearances",
    "opt_outs",
    "max_severity",
    "exposure_percent",
    "shift_start",
    "shift_end",
    "last_end",
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load has changed. `history` counts the ledger's new entries; `adopted`: its policy is now in
    force. `version` is the day's `input_version`."""

    work_date: date
    auditors: int
    items: int
    new_shifts: int
    changed_shifts: int
    new_items: int
    changed_items: int
    history: int
    adopted: bool
    version: int

    @property
    def counts(self) -> dict[str, int]:
        """What has changed, under a name for one of it."""
        return {
            "new shift": self.new_shifts,
            "changed shift": self.changed_shifts,
            "new item": self.new_items,
            "changed item": self.changed_items,
            "earlier exposure": self.history,
        }

    @property
    def changed(self) -> bool:
        return any(self.counts.values())


def load_day(engine: Engine, actor: Actor, instance: Instance, now: datetime) -> Loaded:
    """Bring the day in. Raises Refused with every fault; the files of its faults are the tables' names
    without an ending, and their rows count from 1."""
    if faults := [*_unkeepable(instance), *unadoptable(instance.policy)]:
        raise Refused(tuple(faults))
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
        known = read_policy(connection)
        if known is not None and (faults := list(differences(known, instance.policy))):
            raise Refused(tuple(faults))
        if known is None:
            adopt_policy(connection, actor, instance, now)
        _stage(connection, instance)
        connection.execute(LOCK_PEOPLE)
        day = {"work_date": instance.work_date}
        connection.execute(WORK_DAY, day | {"name": instance.name})
        if faults := list(_clashes(connection, instance)):
            raise Refused(tuple(faults))

        connection.execute(AUDITORS, day)
        before = connection.execute(COUNT_SHIFTS, day).scalar_one()
        touched_shifts = connection.execute(SHIFTS, day).rowcount
        new_shifts = connection.execute(COUNT_SHIFTS, day).scalar_one() - before
        changed_items = connection.execute(CHANGED_ITEMS, day).rowcount
        new_items = connection.execute(NEW_ITEMS, day).rowcount
        if connection.execute(TOTAL, day).scalar_one() * _heaviest(instance) > MOST_TOTAL:
            message = "adds up, with the items of that day that are here, to more than 64 bits hold"
            raise Refused((Fault("items", None, "seconds", message),))
        history = 0 if instance.history.is_empty() else connection.execute(HISTORY, {"now": now}).rowcount
        changes = {
            "new_shifts": new_shifts,
            "changed_shifts": touched_shifts - new_shifts,
            "new_items": new_items,
            "changed_items": changed_items,
            "history": history,
        }
        more = int(any(changes.values()))
        connection.execute(VERSION, day | {"more": more})
        audit.record(connection, actor, "load_day", f"day:{instance.work_date}", now, **changes)
        if more:
            people = connection.execute(PEOPLE).scalars().all()
            gone = keep_within_limits(connection, people, now, "day-loaded")
            no_longer_fit = {"slots": gone.slots, "work_date": instance.work_date, "now": now}
            for work_date in connection.execute(TO_PLAN_AGAIN, no_longer_fit).scalars().all():
                ask_replan(connection, actor, work_date, "day-loaded", now)
            place_again(connection, gone.items, now)
        version: int = connection.execute(VERSION, day | {"more": 0}).scalar_one()
        return Loaded(
            work_date=instance.work_date,
            auditors=instance.auditors.height,
            items=instance.items.height,
            **changes,
            adopted=known is None,
            version=version,
        )


def _unkeepable(instance: Instance) -> Iterator[Fault]:
    """What a file may hold and a database, or a day that is loaded, may not."""
    if instance.now is not None:
        message = "a day in progress is not loaded: what was begun here is known here"
        yield Fault(HEAD, None, "now", message)
    if "\0" in instance.name:
        yield Fault(HEAD, None, "name", "must not hold a null character")
    frames = {name: getattr(instance, name) for name in TABLES}
    for table, frame in frames.items():
        for name, kind in frame.schema.items():
            held = frame[name].list.join("") if kind == pl.List(pl.String()) else frame[name]
            if held.dtype == pl.String():
                for place in held.str.contains("\0", literal=True).fill_null(False).arg_true():
                    yield Fault(table, place + 1, name, "must not hold a null character")
    for place in (instance.items["reviews"] > MOST_SMALL).arg_true():
        yield Fault("items", place + 1, "reviews", f"must be at most {MOST_SMALL} here")


def _heaviest(instance: Instance) -> int:
    dose = instance.policy.dose
    return max(1, max(dose.severity) * max(dose.modality_tenths.values()))


# ------------------------------------------------------------------------------- from files to the database

STAGING = text("""
    create temp table given_shift on commit drop as
        select 0::bigint as place, shift.* from shift with no data;
    create temp table given_item on commit drop as
        select 0::bigint as place, item.* from item with no data;
    create temp table given_history on commit drop as
        select auditor, work_date, category, severity, modality, seconds, items from ledger with no data
""")


def _stage(connection: Connection, instance: Instance) -> None:
    """Copy the tables beside those they belong in."""
    connection.execute(STAGING)
    day = pl.lit(instance.work_date).alias("work_date")
    shifts = instance.auditors.rename({"id": "auditor"}).with_row_index("place", 1).with_columns(day)
    copy_in(connection, "given_shift", shifts, ("shift_start", "shift_end", "last_end"))
    items = instance.items.rename({"only": "only_for"}).with_row_index("place", 1).with_columns(day)
    copy_in(connection, "given_item", items, ("release", "due"))
    history = instance.history.group_by(EXPOSURE).agg(pl.col("seconds", "items").sum())
    copy_in(connection, "given_history", history.sort(EXPOSURE))
    connection.execute(text("analyze given_shift, given_item, given_history"))


GIVEN_PEOPLE = """
    select auditor from given_shift
    union select auditor from given_history join auditor on auditor.id = given_history.auditor
"""
LOCK_PEOPLE = text(f"select lock_guards(array({GIVEN_PEOPLE}))")
PEOPLE = text(GIVEN_PEOPLE)
# Work dates whose plans no longer fit: the one that was loaded, from shortly before its first shift on (until
# then the clock asks for a plan when all is loaded), and those in which people's limits now hold less.
TO_PLAN_AGAIN = text("""
    select work_date from slot where id = any (:slots)
    union
    select work_date from shift where work_date = :work_date
    group by work_date
    having min(shift_start) <= cast(:now as timestamptz) + interval '5 minutes' and max(shift_end) > :now
    order by work_date
""")
# Locks the day until the end, as publishing does: what is loaded and what is published wait for each other.
WORK_DAY = text("""
    insert into work_day (work_date, name) values (:work_date, :name)
    on conflict (work_date) do update set name = work_day.name
""")
VERSION = text("""
    update work_day set input_version = input_version + :more where work_date = :work_date
    returning input_version
""")

# The profile is that of the latest shift, in whatever order days are loaded.
AUDITORS = text("""
    insert into auditor (id, team, home_market, timezone, exposure_percent)
    select auditor, team, home_market, timezone, exposure_percent from given_shift order by auditor
    on conflict (id) do update
        set team = excluded.team, home_market = excluded.home_market, timezone = excluded.timezone,
            exposure_percent = excluded.exposure_percent
        where (auditor.team, auditor.home_market, auditor.timezone, auditor.exposure_percent)
              is distinct from
              (excluded.team, excluded.home_market, excluded.timezone, excluded.exposure_percent)
          and not exists (
              select from shift where shift.auditor = auditor.id and shift.work_date > :work_date
          )
""")
COUNT_SHIFTS = text("select count(*) from shift where work_date = :work_date")
SHIFTS = text(f"""
    insert into shift (auditor, work_date, {", ".join(SHIFT_COLUMNS)})
    select auditor, work_date, {", ".join(SHIFT_COLUMNS)} from given_shift order by auditor
    on conflict (work_date, auditor) do update
        set {", ".join(f"{name} = excluded.{name}" for name in SHIFT_COLUMNS)}
        where ({", ".join(f"shift.{name}" for name in SHIFT_COLUMNS)})
              is distinct from ({", ".join(f"excluded.{name}" for name in SHIFT_COLUMNS)})
""")

CONTENT = f"({', '.join(f'known.{name}' for name in ITEM_COLUMNS)})"
GIVEN = f"({', '.join(f'given.{name}' for name in ITEM_COLUMNS)})"
CHANGED_ITEMS = text(f"""
    update item known
    set {", ".join(f"{name} = given.{name}" for name in ITEM_COLUMNS)}
    from given_item given
    where known.id = given.id and {CONTENT} is distinct from {GIVEN}
""")
NEW_ITEMS = text(f"""
    insert into item (id, work_date, {", ".join(ITEM_COLUMNS)})
    select id, work_date, {", ".join(ITEM_COLUMNS)} from given_item given
    where not exists (select from item known where known.id = given.id)
    order by place
""")
TOTAL = text("""
    select coalesce(sum(seconds::numeric * reviews), 0) from item where work_date = :work_date
""")

# What the ledger holds for the same person, date and material counts, wherever it came from.
HISTORY = text("""
    with known as (
        select auditor, work_date, category, severity, modality,
               sum(case entry when 'release' then -seconds else seconds end) as seconds,
               sum(case entry when 'release' then -items else items end) as items
        from ledger
        where work_date between (select min(work_date) from given_history)
                            and (select max(work_date) from given_history)
          and auditor in (select auditor from given_history)
        group by auditor, work_date, category, severity, modality
    ), lacking as (
        select given.auditor, work_date, category, severity, modality,
               greatest(given.seconds - coalesce(known.seconds, 0), 0)::bigint as seconds,
               greatest(given.items - coalesce(known.items, 0), 0)::bigint as items
        from given_history given
        join auditor on auditor.id = given.auditor
        left join known using (auditor, work_date, category, severity, modality)
    )
    insert into ledger (at, auditor, work_date, entry, category, severity, modality, seconds, items)
    select :now, auditor, work_date, 'history', category, severity, modality, seconds, items
    from lacking where seconds > 0 or items > 0
    order by auditor, work_date
""")

# ------------------------------------------------------------------------------------------------- clashes

# An escalation that came with a day has no date any more once that day is over (`carry_over`).
ELSEWHERE = text("""
    select given.place, given.id, known.work_date
    from given_item given join item known on known.id = given.id
    where known.work_date is distinct from given.work_date
      and not (known.work_date is null and known.submitted_by is null)
    order by given.place
""")
HELD = text(f"""
    select given.place, {", ".join(f"known.{name}, given.{name} as given_{name}" for name in ITEM_COLUMNS)}
    from given_item given join item known on known.id = given.id
    where {CONTENT} is distinct from {GIVEN}
      and exists (
          select from slot
          where slot.item = known.id and kind = 'work' and state in ('planned', 'started', 'done')
      )
    order by given.place
""")
STRATA = text("""
    select given.place, given.draw = known.draw as drawn, given.stratum, given.draw, known.id
    from given_item given join item known on known.work_date = :work_date and known.stratum = given.stratum
    where not exists (select from given_item other where other.id = known.id)
      and (given.draw = known.draw
           or (given.market, given.language, given.category, given.severity)
              <> (known.market, known.language, known.category, known.severity))
    order by given.place, known.id
""")
BEGUN = text("""
    select given.place, given.auditor, min(slot.started_at) as started_at
    from given_shift given
    join slot on slot.auditor = given.auditor and slot.work_date = given.work_date and slot.kind = 'work'
        and slot.started_at is not null
    where slot.started_at not between given.shift_start and given.shift_end
    group by given.place, given.auditor order by given.place
""")


def _clashes(connection: Connection, instance: Instance) -> Iterator[Fault]:
    """What in the files cannot be beside what is here: one fault an item or a shift."""
    for row in connection.execute(BEGUN):
        message = (
            f"leaves out what {show(row.auditor)} began at {_said(row.started_at)}; a work date has one "
            "shift, and this is another"
        )
        yield Fault("auditors", row.place, "shift_start", message)
    for row in connection.execute(ELSEWHERE):
        owner = "came from upstream, for no date" if row.work_date is None else f"belongs to {row.work_date}"
        yield Fault("items", row.place, "id", f"repeats {show(row.id)}, which {owner}")
    for held in connection.execute(HELD).mappings():
        column = next(name for name in ITEM_COLUMNS if held[name] != held[f"given_{name}"])
        known, given = (_said(held[name]) for name in (column, f"given_{column}"))
        message = f"is {given}, and was {known} when the item was given to somebody, who has it still"
        yield Fault("items", held["place"], ITEM_COLUMNS[column], message)
    seen = set()
    for row in connection.execute(STRATA, {"work_date": instance.work_date}):
        if row.place in seen:
            continue
        seen.add(row.place)
        stratum, other = show(row.stratum), show(row.id)
        if row.drawn:
            message = f"repeats position {row.draw} in the draw of stratum {stratum}, of item {other} here"
            yield Fault("items", row.place, "draw", message)
        else:
            message = f"must have one market, language, category and severity; item {other} has others"
            yield Fault("items", row.place, "stratum", message)


def _said(value: Any) -> str:
    return text_from_instant(int(value.timestamp())) if isinstance(value, datetime) else show(value)
