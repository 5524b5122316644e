"""The verbs `plan` and `verify`: a thin shell around reading, planning, checking and writing.

Exit codes: 0 done and legal, 1 `verify` found something, 2 refused, with one line a fault on stderr and
nothing written.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import polars as pl

from allocator.figures import figures, grouped, several
from allocator.files.faults import Fault, Refused
from allocator.files.instance import read_instance
from allocator.files.plan import read_plan, write_plan
from allocator.files.tables import FORMATS
from allocator.instance import Instance
from allocator.plan import Plan

Read = TypeVar("Read")
STAGES = {
    "reach": "who could take what",
    "relax": "how much of what each should take",
    "promise": "who does the escalations",
    "fill": "everybody's day, review by review",
    "order": "draw order, mended",
    "exact": "the best choice for a small day",
    "even": "exposure and load, evened out",
    "keep": "what of the earlier plan can stand",
    "certify": "how good a plan could be at best",
    "explain": "why the rest is left out",
}
"""The planner's stages, as a person is told of them while they run."""


def refuse(faults: Iterable[object]) -> int:
    """Say what is wrong, one line a fault, and give the exit code of a refusal."""
    for fault in faults:
        print(fault, file=sys.stderr)
    return 2


def unusable(folder: Path) -> list[str]:
    """Why results could not be written to this folder; empty where they could. Nothing is created.

    A folder is written beside its place and then moved there, so the folder above it is asked too.
    """
    try:
        if folder.exists() and not folder.is_dir():
            return [f"--out {folder}: is a file; give the name of a folder"]
        above = folder.parent
        while not above.exists() and above != above.parent:
            above = above.parent
        if not above.is_dir():
            return [f"--out {folder}: cannot be made, {above} is a file"]
    except PermissionError as error:
        return [f"--out {folder}: cannot be written, no permission in {error.filename}"]
    places = [above, folder] if folder.exists() else [above]
    return [
        f"--out {folder}: cannot be written, no permission in {place}"
        for place in places
        if not os.access(place, os.W_OK | os.X_OK)
    ]


def stages_on_terminal() -> Callable[[str], None] | None:
    """What tells a person how far it has come: a line a stage on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        return None
    start = time.monotonic()

    def tell(stage: str) -> None:
        print(f"{time.monotonic() - start:7.1f} s  {STAGES.get(stage, stage)}", file=sys.stderr, flush=True)

    return tell


def attempt(read: Callable[[Path], Read], folder: Path, faults: list[Fault]) -> Read | None:
    """What was read; or nothing, and its faults added to `faults`: both folders are judged before a word."""
    try:
        return read(folder)
    except Refused as refused:
        faults.extend(refused.faults)
        return None


def plan(arguments: list[str]) -> int:
    """`breakwater plan INSTANCE --out DIR [--format ndjson|parquet] [--previous PLAN]`"""
    parser = argparse.ArgumentParser(
        prog="breakwater plan",
        description="Plan a day: an instance folder in, a plan folder out (plan.json, slots, unplanned).",
        epilog="Input that breaks the rule book is refused whole: one line a fault, exit code 2.",
    )
    parser.add_argument("instance", type=Path, metavar="INSTANCE", help="folder with the day to plan")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write the plan to")
    parser.add_argument("--format", choices=FORMATS, default="ndjson", help="of the tables (default: ndjson)")
    parser.add_argument(
        "--previous", type=Path, metavar="PLAN", help="an earlier plan, to be disturbed no more than needed"
    )
    given = parser.parse_args(arguments)

    faults: list[Fault] = []
    no_place = unusable(given.out)
    if (given.out / "instance.json").exists():
        no_place.append(f"--out {given.out}: holds a day; give the plan a folder of its own")
    instance = attempt(read_instance, given.instance, faults)
    previous = attempt(read_plan, given.previous, faults) if given.previous else None
    if no_place or faults or instance is None:
        return refuse([*no_place, *faults])

    from allocator.optimise.planner import make_plan  # the solver, which a refusal need not wait for

    made = make_plan(instance, previous, clock=time.perf_counter, progress=stages_on_terminal())
    try:
        write_plan(made, given.out, given.format)
    except OSError as error:
        return refuse([f"{error.filename or given.out}: not written, {error.strerror}"])
    print(f"Planned {instance.name}, {instance.work_date}: written to {given.out}")
    print(figures(made))
    if previous is not None:
        print(f"  {what_became_of(previous, made, instance)}")
    return 0


def what_became_of(previous: Plan, made: Plan, instance: Instance) -> str:
    """How many of the earlier plan's reviews still to come stay where they are."""
    if previous.work_date != instance.work_date:
        return f"The earlier plan is for {previous.work_date}, another day: there was nothing to keep."
    to_come = previous.slots.filter(
        (pl.col("kind") == "work") & (pl.col("start") >= (-1 if instance.now is None else instance.now))
    )
    same_person = to_come.join(made.slots, on=["auditor", "item"], how="semi").height
    same_time = to_come.join(made.slots, on=["auditor", "item", "start"], how="semi").height
    return (
        f"of {several(to_come.height, 'review')} still to come in the earlier plan, {grouped(same_person)} "
        f"stay with the same person, {grouped(same_time)} of them at the same time"
    )


def verify(arguments: list[str]) -> int:
    """`breakwater verify INSTANCE PLAN`"""
    parser = argparse.ArgumentParser(
        prog="breakwater verify",
        description="Check a plan from the files alone: every hard rule, goal, count, bound and reason.",
        epilog="Exit code 0: legal and true. 1: a line for each violation or false claim. 2: unreadable.",
    )
    parser.add_argument("instance", type=Path, metavar="INSTANCE", help="folder with the day")
    parser.add_argument("plan", type=Path, metavar="PLAN", help="folder with the plan")
    given = parser.parse_args(arguments)

    from allocator.verify import verify as check

    faults: list[Fault] = []
    instance = attempt(read_instance, given.instance, faults)
    made = attempt(read_plan, given.plan, faults)
    if faults or instance is None or made is None:
        return refuse(faults)

    violations = check(instance, made)
    for violation in violations:
        print(violation)
    if violations:
        print(f"Not to be used: {several(len(violations), 'fault')}.")
        return 1
    print("Legal: every hard rule is kept, and every claim of the plan is true.")
    print(figures(made))
    return 0
