"""The verbs `migrate`, `load` and `export`: a database made ready, a day brought in, a day and its plan taken
out.

Exit codes: 0 done, 2 refused, with a line a fault on stderr and nothing changed.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from allocator.cli import attempt, refuse, unusable
from allocator.figures import several
from allocator.files.faults import Fault, Refused
from allocator.files.instance import read_instance, write_instance
from allocator.files.plan import write_plan
from allocator.files.tables import FORMATS
from config.arguments import iso_date
from config.clock import clock_of
from config.settings import Settings, SettingsRefused, settings
from config.settings import refuse as refuse_settings
from models.actor import Actor
from models.connection import snapshot_transaction
from models.with_database import NO_ANSWER, with_database

OPERATOR = Actor("operations", "command-line")
"""Whoever can start this command with the database's password."""


def migrate(arguments: list[str]) -> int:
    """`breakwater migrate`"""
    parser = argparse.ArgumentParser(
        prog="breakwater migrate",
        description="Bring the database of OWNER_DATABASE_URL (or of DATABASE_URL) to the newest revision. "
        "Safe to repeat.",
    )
    parser.parse_args(arguments)
    from models.migrate import migrate as to_newest

    try:
        to_newest(settings().need("owner_database_url"))
    except SettingsRefused as refused:
        return refuse_settings(refused)
    except OperationalError:
        return refuse(["breakwater migrate: " + NO_ANSWER.format("OWNER_DATABASE_URL or DATABASE_URL")])
    print("The database is at the newest revision.")
    return 0


def load(arguments: list[str]) -> int:
    """`breakwater load FOLDER`"""
    parser = argparse.ArgumentParser(
        prog="breakwater load",
        description="Bring a day into the database: a folder such as 'breakwater plan' takes. The first day "
        "brings the policy; from then on limits change one by one and never by loading.",
        epilog="Loading a day again adds what is new. Input that breaks the rule book, or that cannot stand "
        "beside what is there, is refused whole: one line a fault, exit code 2.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder with the day")
    given = parser.parse_args(arguments)
    faults: list[Fault] = []
    instance = attempt(read_instance, given.folder, faults)
    if instance is None:
        return refuse(faults)
    from models.actions.load_day import load_day

    def bring(engine: Engine, configured: Settings) -> int:
        try:
            loaded = load_day(engine, OPERATOR, instance, clock_of(configured)())
        except Refused as refused:
            return refuse(located(given.folder, fault) for fault in refused.faults)
        print(
            f"Loaded {instance.name}, {loaded.work_date}: {several(loaded.auditors, 'auditor')}, "
            f"{several(loaded.items, 'item')}"
        )
        print(f"  {what_changed(loaded.counts)}")
        if loaded.adopted:
            print("  its policy is in force from now on")
        return 0

    return with_database("load", bring)


def export(arguments: list[str]) -> int:
    """`breakwater export DATE --out FOLDER [--format ndjson|parquet]`"""
    parser = argparse.ArgumentParser(
        prog="breakwater export",
        description="Write a date's plan as it is in force, and the day that it was made from, as FOLDER/day "
        "and FOLDER/plan: 'breakwater verify FOLDER/day FOLDER/plan' then checks what is in the database.",
    )
    parser.add_argument("date", type=iso_date, metavar="DATE", help="work date, such as 2026-11-23")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder to write to")
    parser.add_argument("--format", choices=FORMATS, default="ndjson", help="of the tables (default: ndjson)")
    given = parser.parse_args(arguments)
    day, plan = given.out / "day", given.out / "plan"
    no_place = unusable(given.out) or [*unusable(day), *unusable(plan)]
    if no_place:
        return refuse(no_place)
    from models.export import read_published

    def take(engine: Engine, configured: Settings) -> int:
        with snapshot_transaction(engine) as connection:
            found = read_published(connection, given.date, clock_of(configured)())
        try:
            # The plan goes first: it is never beside a day that it is not of.
            (plan / "plan.json").unlink(missing_ok=True)
            write_instance(found.instance, day, given.format)
            if found.plan is not None:
                write_plan(found.plan, plan, given.format)
        except OSError as error:
            return refuse([f"{error.filename or given.out}: not written, {error.strerror}"])
        if found.plan is None:
            print(f"Wrote {found.instance.name}, {given.date}, to {day}; no plan of that date is in force.")
            return 0
        print(
            f"Wrote {found.instance.name}, {given.date}, to {day} "
            f"and version {found.version} of its plan to {plan}"
        )
        if found.changed:
            print("  the day was changed after it was planned: the plan need not hold any more")
        if found.left_alone:
            print(
                f"  this is the plan as it was made: {several(found.left_alone, 'auditor')} had moved on by "
                f"then and kept what they had, {several(found.dropped, 'review')} of others were theirs"
            )
        return 0

    return with_database("export", take)


def what_changed(counts: dict[str, int]) -> str:
    """`16 new shifts, 1 600 new items`, or that nothing has."""
    told = [f"{several(number, name)}" for name, number in counts.items() if number]
    return ", ".join(told) or "nothing that was not there already"


def located(folder: Path, fault: Fault) -> Fault:
    """A fault of a table, with its file, and the line in it: blank lines of ndjson hold no row."""
    for path in (folder / f"{fault.file}.ndjson", folder / f"{fault.file}.parquet"):
        if not path.exists():
            continue
        row = fault.row
        if row is not None and path.suffix == ".ndjson":
            with path.open(encoding="utf-8", newline="\n") as lines:
                row = [number for number, line in enumerate(lines, start=1) if line.strip()][row - 1]
        return replace(fault, file=path.name, row=row)
    return fault
