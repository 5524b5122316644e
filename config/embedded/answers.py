"""What the program orders from the keeper and what the keeper answers. The standard library only."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


class ServersRefused(Exception):  # noqa: N818
    """The servers cannot be started; the text is one sentence for a person."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to keep. All paths are absolute.

    `program`: id of the process that the servers are for. `folder`: where the data lies, None for a folder
    of the keeper's own under `temporary`, removed at the end. `durable`: whether what is written is to
    outlive the machine. `postgres`: the folder above PostgreSQL's `bin`, None for no PostgreSQL. `redis`: a
    `valkey-server` or `redis-server`.
    """

    program: int
    folder: str | None
    temporary: str
    durable: bool
    postgres: str | None
    redis: str

    def as_text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Order:
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Answer:
    """A line from the keeper: exactly one of these is set.

    `folder`: all servers answer, in this folder. `refused`: why none runs. `ended`: which server ended by
    itself, and its last words; the others have been ended too.
    """

    folder: str | None = None
    refused: str | None = None
    ended: str | None = None

    def as_line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Answer:
        return cls(**json.loads(line))


def run_folder(folder: Path) -> Path:
    """Where the sockets are: PostgreSQL names its own in there."""
    return folder / "run"


def redis_socket(folder: Path) -> Path:
    return run_folder(folder) / "redis.sock"


def postgres_socket(folder: Path) -> Path:
    return run_folder(folder) / ".s.PGSQL.5432"
