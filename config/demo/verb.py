"""The verb `demo`: an invented team's day, through database, queue and worker, then as each persona.

Everything is real and new: PostgreSQL and Valkey of its own, and every step a verb or a request that anybody
could make. Without a terminal it ends after its summary; on one it stays up until Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from allocator.cli import refuse, unusable
from config.demo.processes import DemoFailed
from config.demo.view.signs import ASCII, UNICODE

PLAIN_WIDTH = 100
ENDINGS = (signal.SIGTERM, signal.SIGHUP)


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
    print("\n".join(line.rstrip() for line in text.get().splitlines()), flush=True)


@contextmanager
def progress(console: Console) -> Iterator[Callable[[str], None]]:
    """A spinner with the present stage beside it on a terminal; nothing anywhere else."""
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("loading") as status:
        yield lambda stage: status.update(stage)


@dataclass(frozen=True, slots=True)
class Given:
    out: Path | None
    check: bool


def arguments_of(arguments: list[str]) -> Given:
    parser = argparse.ArgumentParser(
        prog="breakwater demo",
        description="Plan an invented team's day with PostgreSQL, a queue, a worker and a server of its own, "
        "check it, show it, and do each persona's part over HTTP. On a terminal it stays up until Ctrl-C.",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep the files, in DIR/day and DIR/plan")
    parser.add_argument(
        "--check", action="store_true", help="end after the summary; the last line is one JSON object"
    )
    given = parser.parse_args(arguments)
    return Given(out=given.out, check=given.check)


def demo(arguments: list[str]) -> int:
    """`breakwater demo [--out DIR] [--check]`"""
    given = arguments_of(arguments)
    if given.out is not None and (faults := unusable(given.out)):
        return refuse(faults)
    before = {
        number: signal.signal(number, interrupt)
        for number in ENDINGS
        if signal.getsignal(number) is not signal.SIG_IGN  # as `nohup` wants it
    }
    try:
        return live(given, console_for(sys.stdout.isatty()), started=time.monotonic())
    except DemoFailed as failed:
        print(f"breakwater demo: {failed}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def interrupt(number: int, frame: object) -> None:  # noqa: ARG001
    """As Ctrl-C, once: a terminal that closes sends its signal more than once, and ending takes a moment."""
    for ending in ENDINGS:
        signal.signal(ending, signal.SIG_IGN)
    raise KeyboardInterrupt


def live(given: Given, console: Console, started: float) -> int:
    """The whole demo. Raises DemoFailed where a part does not do what it should."""
    with ExitStack() as parts:
        with progress(console) as tell:
            tell("loading")
            from allocator.verify import recompute, verify
            from config.demo.day import live_through
            from config.demo.view.page import page

            lived = live_through(parts, given.out, tell)
            tell("checking what is in the database")
            violations = verify(lived.instance, lived.plan)
            signs = UNICODE if console.encoding.startswith("utf") else ASCII
            shown = page(lived.instance, lived.plan, violations, signs, console.width)
        show(console, shown)
        tell_story(console, lived.story)
        if given.out is not None:
            day, planned = given.out / "day", given.out / "plan"
            say(console, ["", f"Kept. To check the files: breakwater verify {day} {planned}"])
        if given.check:
            in_order = float(recompute(lived.instance, lived.plan.slots).in_order_coverage)
            summary = {
                "planned": lived.plan.counts["reviews_planned"],
                "violations": len(violations),
                "queue_items": lived.queue_items,
                "coverage_gap": round(1 - in_order / lived.plan.bounds["coverage"], 6),
                "seconds": round(time.monotonic() - started, 1),
            }
            print(json.dumps(summary))
        elif console.is_terminal and sys.stdin.isatty():
            say(console, invitation(lived.address, lived.tokens))
            while True:
                signal.pause()
    return 1 if violations else 0


def say(console: Console, lines: Iterable[str]) -> None:
    """Lines as they are, however long, so that they can be copied."""
    for line in lines:
        console.print(line, soft_wrap=True, markup=False)


def tell_story(console: Console, story: Iterable[tuple[str, str]]) -> None:
    """A paragraph for each persona, the name before it."""
    table = Table.grid(padding=(0, 2))
    for who, what in story:
        table.add_row(Text(who, style="bold"), Text(what))
    show(console, Group(Text(), table))


def invitation(address: str, tokens: dict[str, str]) -> list[str]:
    named = {"api": address, **tokens}
    return [
        "",
        f"The server is at {address} until Ctrl-C. For the tour in README.md, in a second terminal:",
        "",
        *(f"export {name}={value}" for name, value in named.items()),
    ]
