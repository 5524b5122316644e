"""Servers of one's own, in the program that wants them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from config.embedded.answers import Answer, Order, ServersRefused, redis_socket
from config.embedded.binaries import postgres_install, valkey_server

KEEPER = """\
import sys
sys.path.append(sys.argv[1])
from config.embedded.keeper import main
sys.exit(main(sys.argv[2]))
"""
IMPORT_ROOT = Path(__file__).resolve().parents[2]
STOP_MAY_TAKE = 90.0
"""Seconds; the keeper itself kills what has not ended after 70."""


@dataclass(frozen=True, slots=True)
class Servers:
    """Running servers: URLs that psycopg, SQLAlchemy and redis-py take as they are, and their folder.

    `database_url` is the application's account, which may do what the migrations grant it;
    `owner_database_url` is the owner's, for migrations.
    """

    database_url: str
    owner_database_url: str
    redis_url: str
    folder: Path
    keeper: Keeper

    def environment(self) -> dict[str, str]:
        """The variables that a process needs to use these servers."""
        return {
            "DATABASE_URL": self.database_url,
            "OWNER_DATABASE_URL": self.owner_database_url,
            "REDIS_URL": self.redis_url,
        }

    def wait(self) -> str:
        """Wait until a server ends by itself, which none should; says which. Ctrl-C breaks this off."""
        return self.keeper.next_answer().ended or "the servers' keeper ended"


class Keeper:
    """The keeper process, as its program sees it: see keeper.py."""

    def __init__(self, folder: Path | None, postgres: Path | None, redis: Path, *, durable: bool) -> None:
        order = Order(
            program=os.getpid(),
            folder=None if folder is None else os.fspath(folder.resolve()),
            temporary=os.fspath(Path(tempfile.gettempdir()).absolute()),
            durable=durable,
            postgres=None if postgres is None else os.fspath(postgres),
            redis=os.fspath(redis),
        )
        self.program = os.getpid()
        # -I and -S: neither the environment nor installed packages have a say in what it runs.
        command = [sys.executable, "-I", "-S", "-c", KEEPER, os.fspath(IMPORT_ROOT), order.as_text()]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )

    def next_answer(self) -> Answer:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return Answer.from_line(line) if line else Answer()

    def stop(self) -> None:
        """End the servers and wait until they have ended. A process forked from the program may not."""
        if os.getpid() != self.program:
            return
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            # A word rather than the end of the input alone: a process forked from this one holds that open.
            self.process.stdin.write(b"stop\n")
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # It has gone already.
        self.process.stdout.close()
        self.process.wait(STOP_MAY_TAKE)


@contextmanager
def kept(
    folder: Path | None, postgres: Path | None, redis: Path, *, durable: bool = False
) -> Iterator[tuple[Path, Keeper]]:
    """A keeper whose servers all answer, and their folder."""
    if sys.platform != "linux":
        raise ServersRefused("servers of one's own need Linux; set DATABASE_URL and REDIS_URL instead")
    keeper = Keeper(folder, postgres, redis, durable=durable)
    try:
        answer = keeper.next_answer()
        if answer.folder is None:
            raise ServersRefused(answer.refused or "the servers' keeper ended without a word")
        yield Path(answer.folder), keeper
    finally:
        keeper.stop()


@contextmanager
def servers(folder: Path | None = None, *, durable: bool | None = None) -> Iterator[Servers]:
    """PostgreSQL and Valkey for as long as the block lasts, however the process ends.

    Without a folder they have one of their own, which goes with them; what is in a named folder stays, the
    queue apart, and can be used again. It outlives the machine, too, if `durable`, which a named folder is
    unless told otherwise: PostgreSQL then waits for the disk.

    Raises:
        ServersRefused: the folder is in use, out of reach or not for servers; or a server does not start.
    """
    from config.embedded.roles import database_url, prepare_cluster  # psycopg, which the keeper does not have

    lasting = folder is not None if durable is None else durable
    with kept(folder, postgres_install(), valkey_server(), durable=lasting) as (place, keeper):
        prepare_cluster(place)
        yield Servers(
            database_url=database_url(place, "app"),
            owner_database_url=database_url(place, "owner"),
            redis_url=redis_url(place),
            folder=place,
            keeper=keeper,
        )


@contextmanager
def redis_server(program: Path) -> Iterator[str]:
    """Only a Redis, with a folder of its own: `program` is any `redis-server`. The value is its URL."""
    with kept(None, None, program) as (place, _):
        yield redis_url(place)


def redis_url(folder: Path) -> str:
    return f"unix://{quote(os.fspath(redis_socket(folder)))}"
