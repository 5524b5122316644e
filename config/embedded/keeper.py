"""The keeper: a process that starts the servers, watches the program they are for, and ends them after it.

It is a process rather than a thread or an exit handler because a program that is killed runs neither. It
uses the standard library only, loads in some 30 ms and has one thread. It stands in a session of its own, so
that Ctrl-C in a terminal reaches the program and not the servers, which then end in order.

The program holds the other end of the keeper's input. The keeper goes when a byte or the end of the input
arrives, or when it finds that it has another parent: a child of the program may have kept the input open.
"""

from __future__ import annotations

import functools
import os
import select
import signal
import sys
from pathlib import Path

from config.embedded.account import Account, holds, servers_account
from config.embedded.answers import Answer, Order, ServersRefused
from config.embedded.children import (
    Child,
    await_start,
    initialise,
    postgres_is_ready,
    reachable_install,
    reachable_program,
    redis_is_ready,
    start_postgres,
    start_redis,
    stop,
)
from config.embedded.folder import Folder, prepare, sweep, take_named, take_temporary

LOOK_EVERY = 0.5
"""Seconds. The input tells at once; this bounds what only looking finds: a new parent, a server gone."""


class ProgramGone(Exception):  # noqa: N818
    """Nobody needs the servers any more."""


class Program:
    """The process that the servers are for, at the other end of our input and output."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.input = select.poll()
        self.input.register(sys.stdin.fileno(), select.POLLIN)
        self.told_to_stop = False
        for ending in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(ending, self.take_signal)

    def take_signal(self, number: int, frame: object) -> None:  # noqa: ARG002
        self.told_to_stop = True

    def watch(self, seconds: float = 0.0) -> None:
        """Wait so long, less if it goes.

        Raises:
            ProgramGone: it wants the servers no more, or has ended.
        """
        if self.input.poll(seconds * 1000) or self.told_to_stop or os.getppid() != self.number:
            raise ProgramGone

    def tell(self, answer: Answer) -> None:
        try:
            os.write(sys.stdout.fileno(), answer.as_line())
        except BrokenPipeError:
            raise ProgramGone from None


def refuse_unreachable(folder: Folder, account: Account | None) -> None:
    """Refuse a folder that lies below one that the servers' account may not pass through."""
    if holds(account, lambda: os.access(folder.run, os.W_OK | os.X_OK)):
        return
    closed = next(
        above
        for above in (*reversed(folder.path.parents), folder.path)
        if not holds(account, functools.partial(os.access, above, os.X_OK))
    )
    raise ServersRefused(
        f"{folder.path}: root's servers run as 'nobody', to whom {closed} is closed; give a folder elsewhere"
    )


def start(order: Order, folder: Folder, account: Account | None, program: Program) -> list[Child]:
    """Start what is ordered and wait until all of it answers. Ends what it started if that fails."""
    children: list[Child] = []
    try:
        redis = start_redis(reachable_program(Path(order.redis), folder, account), folder, account)
        children.append(redis)
        if order.postgres is not None:
            install = reachable_install(Path(order.postgres), folder, account)
            if not folder.postgres.exists():
                initialise(install, folder, account, program.watch, durable=order.durable)
            postgres = start_postgres(install, folder, account, durable=order.durable)
            children.append(postgres)
            await_start(postgres, lambda: postgres_is_ready(postgres, folder), program.watch)
        await_start(redis, lambda: redis_is_ready(folder), program.watch)
    except BaseException:
        stop(children, folder)
        raise
    return children


def attend(children: list[Child], program: Program) -> Child:
    """Stay until the program goes, which is raised, or one of the servers does, which is returned."""
    while True:
        program.watch(LOOK_EVERY)
        for child in children:
            if child.has_ended():
                return child


def keep(order: Order, program: Program) -> None:
    program.watch()
    account = servers_account()
    above = Path(order.temporary)
    if order.folder is None:
        folder = take_temporary(above, account, order.program)
    else:
        folder = take_named(Path(order.folder), account, order.program, program.watch)
    os.umask(0o077)
    try:
        prepare(folder, account)
        refuse_unreachable(folder, account)
        children = start(order, folder, account, program)
        try:
            program.tell(Answer(folder=os.fspath(folder.path)))
            sweep(above)
            child = attend(children, program)
            program.tell(Answer(ended=f"{child.name} ended by itself: {child.last_words()}"))
        finally:
            stop(children, folder)
    finally:
        folder.give_back()


def main(text: str) -> int:
    """Keep what the order asks for until the program goes. An exit code: 0, or 2 for a refusal."""
    order = Order.from_text(text)
    program = Program(order.program)
    try:
        keep(order, program)
    except ProgramGone:
        return 0
    except ServersRefused as refused:
        program.tell(Answer(refused=str(refused)))
        return 2
    except OSError as error:
        program.tell(Answer(refused=f"the servers cannot be started: {error}"))
        return 2
    return 0
