"""The verb `servers`: PostgreSQL and Valkey in the foreground, for a second terminal to use."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from pathlib import Path

from config.embedded.answers import ServersRefused
from config.embedded.start import Servers
from config.embedded.start import servers as started
from config.settings import SettingsRefused, refuse, settings


def interrupt(number: int, frame: object) -> None:  # noqa: ARG001
    raise KeyboardInterrupt


def announcement(own: Servers, *, stays: bool) -> str:
    """Lines for a shell: comments for the reader, and the variables for the second terminal."""
    end = "ends them; the database stays" if stays else "ends them and removes the folder"
    exports = [f"export {name}={shlex.quote(value)}" for name, value in own.environment().items()]
    return "\n".join(
        [
            f"# PostgreSQL and Valkey run in {own.folder}, for this account only. Ctrl-C {end}.",
            "# In a second terminal:",
            *exports,
        ]
    )


def servers(arguments: list[str]) -> int:
    """`breakwater servers [--data DIR]`"""
    parser = argparse.ArgumentParser(
        prog="breakwater servers",
        description="Run PostgreSQL and Valkey here until Ctrl-C, on Unix sockets that only this account can "
        "reach, and print the variables with which a second terminal uses them.",
        epilog="Exit code 0: ended by Ctrl-C or SIGTERM. 1: a server ended by itself. 2: refused.",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="keep the database there and use it again (default: BREAKWATER_DATA, else a folder that is "
        "removed at the end)",
    )
    given = parser.parse_args(arguments)
    try:
        folder = given.data or settings().data
    except SettingsRefused as refused:
        return refuse(refused)
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        with started(folder) as own:
            try:
                print(announcement(own, stays=folder is not None), flush=True)
                print(f"breakwater servers: {own.wait()}", file=sys.stderr)
                return 1
            except KeyboardInterrupt:
                return 0
    except ServersRefused as refused:
        print(f"breakwater servers: {refused}", file=sys.stderr)
        return 2
    finally:
        signal.signal(signal.SIGTERM, before)
