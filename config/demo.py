"""The verb `demo`: an invented team's day, planned, checked and shown in the terminal.

Without a terminal the same page comes as plain text, 100 signs wide.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, RenderableType

from allocator.cli import STAGES, refuse, unusable
from config.demo_view.signs import ASCII, UNICODE

PLAIN_WIDTH = 100


def console_for(stdout_is_terminal: bool) -> Console:
    if stdout_is_terminal:
        return Console(highlight=False)
    return Console(highlight=False, width=PLAIN_WIDTH, force_terminal=False, color_system=None)


def show(console: Console, page: RenderableType) -> None:
    """Print the page; as plain text without the blanks that fill its lines."""
    if console.is_terminal:
        console.print(page)
        return
    with console.capture() as text:
        console.print(page)
    print("\n".join(line.rstrip() for line in text.get().splitlines()))


@contextmanager
def progress(console: Console) -> Iterator[Callable[[str], None]]:
    """A spinner with the present stage beside it on a terminal; nothing anywhere else."""
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("loading") as status:
        yield lambda stage: status.update(stage)


def demo(arguments: list[str]) -> int:
    """`breakwater demo [--out DIR]`"""
    parser = argparse.ArgumentParser(
        prog="breakwater demo",
        description="Plan and check an invented team's day, and show it: the timeline, what is covered, how "
        "far the limits are used, what was left out and why, and how good the plan can be shown to be.",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep the files, in DIR/day and DIR/plan")
    given = parser.parse_args(arguments)
    if given.out is not None and (faults := unusable(given.out)):
        return refuse(faults)

    console = console_for(sys.stdout.isatty())
    with progress(console) as tell:
        tell("loading")
        from allocator.optimise.planner import make_plan
        from allocator.scenarios.demo import demo_day
        from allocator.verify import verify
        from config.demo_view.page import page
        from config.policy import default_policy_document

        tell("inventing a day")
        instance = demo_day(default_policy_document())
        plan = make_plan(
            instance,
            clock=time.perf_counter,
            progress=lambda stage: tell(f"planning: {STAGES.get(stage, stage)}"),
        )
        tell("checking the plan")
        violations = verify(instance, plan)
    signs = UNICODE if console.encoding.startswith("utf") else ASCII
    show(console, page(instance, plan, violations, signs, console.width))

    if given.out is None:
        console.print("\nbreakwater demo --out DIR keeps the files; breakwater plan plans yours.")
    else:
        from allocator.files.instance import write_instance
        from allocator.files.plan import write_plan

        day, planned = given.out / "day", given.out / "plan"
        write_instance(instance, day, "ndjson")
        write_plan(plan, planned, "ndjson")
        # One line, however long, so that it can be copied.
        console.print(f"\nKept. To check the files: breakwater verify {day} {planned}", soft_wrap=True)
    return 1 if violations else 0
