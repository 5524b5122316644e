"""The folder that servers live in: made, locked, prepared, swept. The standard library only.

lock       held by the keeper and by every process of the servers, so it is free only when all have ended
run/       the sockets
postgres/  the database
redis/     Valkey's working folder, which stays empty: nothing of the queue is kept on disk
logs/      what each program says; written anew at each start
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from config.embedded.account import Account
from config.embedded.answers import ServersRefused, postgres_socket, run_folder
from config.embedded.shared_memory import forget

PREFIX = "breakwater-"
LOCK = "lock"
TEMPORARY = "temporary"
NAMED = "named"
SOCKET_NAME_BYTES = 107
"""A Unix socket's name may have 108 bytes, the closing zero among them."""
LAST_RUN_MAY_TAKE = 60.0
"""Seconds that servers whose program has ended are given to end as well."""
EMPTY_FOR = 3600.0
"""Seconds after which a folder without a lock has surely been left behind rather than just been made."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that is ours: `lock` is the open lock file."""

    path: Path
    lock: int
    temporary: bool

    @property
    def run(self) -> Path:
        return run_folder(self.path)

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def postgres_new(self) -> Path:
        """The database while it is being made."""
        return self.path / "postgres.new"

    @property
    def redis(self) -> Path:
        return self.path / "redis"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def give_back(self) -> None:
        """Remove a temporary folder; leave a named one without its sockets."""
        if self.temporary:
            remove(self.path)
        else:
            shutil.rmtree(self.run, ignore_errors=True)
        os.close(self.lock)


def refuse_name(path: Path) -> None:
    """Refuse a folder whose sockets could not be named."""
    name = os.fspath(path)
    over = len(os.fsencode(postgres_socket(path))) - SOCKET_NAME_BYTES
    if over > 0:
        raise ServersRefused(f"{name}: the name is {over} bytes too long for a socket; give a shorter folder")
    if "," in name or "\n" in name:
        # libpq reads a comma as the border between two servers.
        raise ServersRefused(f"{name}: a folder for servers may have no comma or line break in its name")


def take_temporary(above: Path, account: Account | None, program: int) -> Folder:
    """A new folder under `above`, locked."""
    refuse_name(above / (PREFIX + "x" * 8))
    while True:
        try:
            path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=above))
        except OSError as error:
            raise ServersRefused(f"{above}: no folder can be made there, {error.strerror}") from None
        lock = open_lock(path, create=True)
        if lock is None or not locked(path, lock):
            continue  # A sweeper was quicker and took it for one that was left behind.
        mark(lock, TEMPORARY, program)
        close_to_others(path, account)
        return Folder(path, lock, temporary=True)


def take_named(path: Path, account: Account | None, program: int, check: Callable[[], None]) -> Folder:
    """The folder of that name, made if need be, locked. `check` is called while waiting, and may raise.

    Raises:
        ServersRefused: it is in use, or is not a folder of servers, or is out of reach.
    """
    refuse_name(path)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(path.iterdir()) and not (path / LOCK).exists():
            raise ServersRefused(f"{path}: holds other files; give the servers a folder of their own")
        if path.stat().st_uid != os.geteuid():
            raise ServersRefused(f"{path}: belongs to another account, which alone can run these servers")
        deadline = None
        while True:
            check()
            lock = open_lock(path, create=True)
            if lock is not None and locked(path, lock):
                break
            if lock is not None:
                deadline = deadline or time.monotonic() + LAST_RUN_MAY_TAKE
                holder = holder_of(lock)
                os.close(lock)
                if alive(holder) or time.monotonic() > deadline:
                    raise ServersRefused(f"{path}: servers run there already, for process {holder}")
            time.sleep(0.02)
        mark(lock, NAMED, program)
        close_to_others(path, account)
    except FileExistsError:
        raise ServersRefused(f"{path}: is a file; give the name of a folder") from None
    except OSError as error:
        raise ServersRefused(f"{error.filename or path}: out of reach, {error.strerror}") from None
    return Folder(path, lock, temporary=False)


def open_lock(path: Path, *, create: bool) -> int | None:
    """The open lock file of a folder; None where it or the folder has gone."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_CREAT if create else 0)
    try:
        return os.open(path / LOCK, flags, 0o600)
    except FileNotFoundError:
        return None


def locked(path: Path, lock: int) -> bool:
    """Lock it; False where another has, or where it is no longer the file that the folder has."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(lock), (path / LOCK).stat())
    except (BlockingIOError, FileNotFoundError):
        return False


def mark(lock: int, kind: str, program: int) -> None:
    """Note in the lock file what the folder is, and for which process the servers run."""
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{kind} {program}\n".encode(), 0)


def holder_of(lock: int) -> int | None:
    """The process that the servers of a locked folder run for; None where that is not written yet."""
    _, _, number = os.pread(lock, 100, 0).decode().strip().partition(" ")
    return int(number) if number.isdecimal() else None


def alive(process: int | None) -> bool:
    if process is None:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def close_to_others(path: Path, account: Account | None) -> None:
    """Nobody but this account, root's servers apart, may pass through the folder: see account.py."""
    if account is None:
        path.chmod(0o700)
        return
    os.chown(path, os.geteuid(), account.gid)
    path.chmod(0o710)


def prepare(folder: Folder, account: Account | None) -> None:
    """Everything but the database: empty `run`, `redis`, `logs`. The lock says that nobody uses them.

    PostgreSQL's note of its last process goes too. After a crash it could name a process of today that has
    nothing to do with it, and PostgreSQL would not start.
    """
    forget(folder.postgres)
    forget(folder.postgres_new)
    for place in (folder.run, folder.redis, folder.logs, folder.postgres_new):
        shutil.rmtree(place, ignore_errors=True)
    for place in (folder.run, folder.redis):
        make(place, account)
    (folder.postgres / "postmaster.pid").unlink(missing_ok=True)
    folder.logs.mkdir(mode=0o700)


def make(place: Path, account: Account | None) -> None:
    """A folder that only the servers' account may enter."""
    place.mkdir(mode=0o700)
    if account is not None:
        account.own(place)


def remove(path: Path) -> None:
    """Remove a folder of which we hold the lock; the lock file last, so that it stays locked until then."""
    with contextlib.suppress(OSError):
        for database in path.glob("postgres*"):
            forget(database)
        for inside in path.iterdir():
            if inside.name == LOCK:
                continue
            if inside.is_dir() and not inside.is_symlink():
                shutil.rmtree(inside, ignore_errors=True)
            else:
                inside.unlink()
        if [inside.name for inside in path.iterdir()] == [LOCK]:  # What resists is for a later sweep.
            (path / LOCK).unlink()
            path.rmdir()


def sweep(above: Path) -> None:
    """Remove temporary folders of this account that a run left behind and that nobody uses."""
    for path in above.glob(PREFIX + "*"):
        with contextlib.suppress(OSError):
            found = path.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                continue
            lock = open_lock(path, create=False)
            if lock is None:
                if time.time() - found.st_mtime > EMPTY_FOR:
                    path.rmdir()  # which only removes what is empty
                continue
            try:
                if locked(path, lock) and was_temporary(path, lock):
                    remove(path)
            finally:
                os.close(lock)


def was_temporary(path: Path, lock: int) -> bool:
    """Whether a locked folder may be removed: it says so, or its maker ended before writing a word."""
    said = os.pread(lock, 100, 0).decode()
    return said.startswith(TEMPORARY) or (not said and [inside.name for inside in path.iterdir()] == [LOCK])
