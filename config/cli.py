"""The command `breakwater`: the list of its verbs, and nothing else.

The list is written by hand and names functions as text, so that asking for help loads none of them and a
verb loads only what it needs. A verb is a function from its arguments to an exit code.
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

OK = 0
REFUSED = 2
INTERRUPTED = 130
PIPE_CLOSED = 141


@dataclass(frozen=True, slots=True)
class Verb:
    name: str
    function: str
    summary: str


VERBS = (
    Verb("demo", "config.demo.verb:demo", "live through an invented team's day with servers of its own"),
    Verb("generate", "config.generate:generate", "write a realistic day to plan, of a size you choose"),
    Verb("plan", "allocator.cli:plan", "plan a day: a folder of files in, a folder of files out"),
    Verb("verify", "allocator.cli:verify", "check a plan against every rule and every claim it makes"),
    Verb("servers", "config.embedded.verb:servers", "run PostgreSQL and Redis here, for a second terminal"),
    Verb("migrate", "models.cli:migrate", "bring the database to the newest revision"),
    Verb("load", "models.cli:load", "bring a day into the database"),
    Verb("export", "models.cli:export", "write a date's plan, and the day it was made from, as files"),
    Verb("token", "models.token_cli:token", "issue, list or revoke what people and tools sign in with"),
    Verb("serve", "api.cli:serve", "answer auditors, leads and tools over HTTP"),
    Verb("worker", "workers.cli:worker", "make and publish the plans that were asked for"),
    Verb("clock", "workers.cli:clock", "ask for each date's plan in time before its first shift"),
    Verb("ready", "models.ready:ready", "say whether the database and Redis are there and up to date"),
)

HELP = """\
usage: breakwater VERB ...

Plans who audits which content-moderation decisions and when, so that nobody passes an exposure limit.

verbs:
{verbs}

  breakwater VERB --help   says more about a verb
  breakwater --version     prints the version

exit codes: 0 all is well, 1 verify found something, 2 the input or the command line was refused
"""


def help_text() -> str:
    return HELP.format(verbs="\n".join(f"  {verb.name:<10} {verb.summary}" for verb in VERBS))


def load(verb: Verb) -> Callable[[list[str]], int]:
    module, _, name = verb.function.partition(":")
    function: Callable[[list[str]], int] = getattr(importlib.import_module(module), name)
    return function


def unknown_verb(name: str) -> str:
    near = difflib.get_close_matches(name, [verb.name for verb in VERBS], n=1)
    advice = f"did you mean '{near[0]}'?" if near else "'breakwater --help' lists them."
    return f"breakwater: there is no verb '{name}'; {advice}"


def run(arguments: list[str]) -> int:
    """One command line, without the program's name, to an exit code."""
    if not arguments:
        print(help_text(), end="", file=sys.stderr)
        return REFUSED
    name, rest = arguments[0], arguments[1:]
    if name in ("-h", "--help", "help"):
        print(help_text(), end="")
        return OK
    if name == "--version":
        print(f"breakwater {version('breakwater-scheduler')}")
        return OK
    verb = next((verb for verb in VERBS if verb.name == name), None)
    if verb is None:
        print(unknown_verb(name), file=sys.stderr)
        return REFUSED
    try:
        return load(verb)(rest)
    except SystemExit as stop:  # argparse: --help, or arguments that it refused
        return stop.code if isinstance(stop.code, int) else OK


def main(argv: list[str] | None = None) -> int:
    """The command `breakwater`; returns the exit code. `argv` is without the program's name."""
    try:
        code = run(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("breakwater: stopped.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough. What is still to be written goes nowhere, quietly.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    return code


if __name__ == "__main__":
    sys.exit(main())
