"""The servers as child processes that cannot outlive the keeper. The standard library only.

Three things see to that. The kernel sends each child a signal when the keeper dies (PR_SET_PDEATHSIG); the
child asks for it after stepping down to its account, which would clear it, and before it becomes the server.
A keeper that died just before that is noticed by looking at the parent. And PostgreSQL's own processes end
when their first one does.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import resource
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from config.embedded.account import Account, holds
from config.embedded.answers import ServersRefused, redis_socket
from config.embedded.folder import Folder, make
from config.embedded.shared_memory import forget
from config.parent import end_with_parent_once_executed

SUPERUSER = "breakwater_super"
START_MAY_TAKE = 300.0
"""Seconds. After a crash a large database is mended first."""
FAST_STOP_MAY_TAKE = 60.0
HARD_STOP_MAY_TAKE = 10.0

Waiting = Callable[[], None]
"""Called again and again while something is waited for; raises when waiting has become pointless."""

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    # A rejected statement, its parameters and the rows it met say who saw what. None of it is written down:
    # neither errors, which whoever sent the statement gets anyway, nor their details.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_lock_waits": "off",
    "log_checkpoints": "off",
    "log_autovacuum_min_duration": "-1",
    # In the folder rather than in /dev/shm: a container may have little of that, and nothing stays behind.
    "dynamic_shared_memory_type": "mmap",
}
NOT_DURABLE = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
"""For what need not outlive the machine. It does outlive the servers, however they end."""


class Child:
    """A running server, or `initdb`. `ended_by` is what the kernel sends it when the keeper dies."""

    def __init__(
        self, command: list[str], folder: Folder, account: Account | None, ended_by: signal.Signals
    ) -> None:
        self.name = Path(command[0]).name
        self.log = folder.logs / self.name
        keeper = os.getpid()

        def enter() -> None:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # A core dump holds people's records.
            if account is not None:
                account.enter()
            end_with_parent_once_executed(keeper, ended_by)

        with self.log.open("ab") as log:
            # The keeper has one thread, so running Python between fork and exec is safe.
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                pass_fds=[folder.lock],
                start_new_session=True,
                preexec_fn=enter,
            )

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)  # which does nothing once the child has been waited for

    def wait(self, seconds: float) -> bool:
        """Whether it ended within so many seconds."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill_group(self) -> None:
        """End it and what it has started, at once. For `initdb`; the servers are asked first."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def last_words(self) -> str:
        """The end of its log, on one line, for the sentence that says why it does not run."""
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return " / ".join(lines[-3:]) or "it said nothing"


def why_not_made(initdb: Child, account: Account | None) -> str:
    """Why there is no database. A container may run under a number that no account there has."""
    if account is None and not has_name(number := os.geteuid()):
        return (
            f"this account, number {number}, has no name on this machine, and PostgreSQL wants one; run as "
            "an account of /etc/passwd, or add this one to it"
        )
    return initdb.last_words()


def has_name(number: int) -> bool:
    try:
        pwd.getpwuid(number)
    except KeyError:
        return False
    return True


def reachable_install(install: Path, folder: Folder, account: Account | None) -> Path:
    """PostgreSQL's programs where the account can run them: where they are, or else a copy in the folder.

    Root's home, and so a checkout in it, is usually closed to other accounts.
    """
    bki = install / "share" / "postgres.bki"
    if holds(account, lambda: os.access(install / "bin" / "postgres", os.X_OK) and os.access(bki, os.R_OK)):
        return install
    copy = folder.path / "programs" / install.parent.name / install.name
    shutil.rmtree(folder.path / "programs", ignore_errors=True)
    skipped = shutil.ignore_patterns("*.a", "pgxs", "pkgconfig")
    for part in ("lib", "share"):
        shutil.copytree(install / part, copy / part, symlinks=True, ignore=skipped)
    (copy / "bin").mkdir()
    for program in ("initdb", "postgres"):
        shutil.copy2(install / "bin" / program, copy / "bin")
    # The wheel keeps libraries beside its package, and the programs look for them by that relative path.
    for libraries in install.parent.parent.glob(install.parent.name + ".libs"):
        shutil.copytree(libraries, folder.path / "programs" / libraries.name)
    open_to_account(folder.path / "programs")
    return copy


def reachable_program(program: Path, folder: Folder, account: Account | None) -> Path:
    """The same for a program that needs no other file."""
    if holds(account, lambda: os.access(program, os.X_OK)):
        return program
    copy = folder.path / program.name
    shutil.copyfile(program, copy)
    copy.chmod(0o755)
    return copy


def open_to_account(top: Path) -> None:
    """Let everybody read and run what is below; the folder above keeps all but the account out."""
    for place, _, names in os.walk(top):
        Path(place).chmod(0o755)
        for name in names:
            if not (file := Path(place, name)).is_symlink():
                file.chmod(0o755)


def initialise(
    install: Path, folder: Folder, account: Account | None, waiting: Waiting, *, durable: bool
) -> None:
    """Make the database. It gets its name when it is whole, so a start that was cut short leaves none."""
    made = folder.postgres_new
    make(made, account)
    command = [os.fspath(install / "bin" / "initdb"), "-D", os.fspath(made), "-U", SUPERUSER, "--auth=trust"]
    command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command += ["-c", "dynamic_shared_memory_type=mmap", "--no-instructions"]
    command += [] if durable else ["--no-sync"]
    initdb = Child(command, folder, account, signal.SIGKILL)
    try:
        while not initdb.wait(0.02):
            waiting()
    except BaseException:
        initdb.kill_group()
        forget(made)
        raise
    if initdb.process.returncode != 0:
        raise ServersRefused(f"PostgreSQL's database could not be made: {why_not_made(initdb, account)}")
    # Only the socket leads in, and only this account, or root, comes near the socket: see account.py.
    # That is why no password is asked for.
    (made / "pg_hba.conf").write_text("local all all trust\n")
    made.rename(folder.postgres)


def start_postgres(install: Path, folder: Folder, account: Account | None, *, durable: bool) -> Child:
    settings = SETTINGS if durable else SETTINGS | NOT_DURABLE
    quoted = os.fspath(folder.run).replace('"', '""')
    command = [os.fspath(install / "bin" / "postgres"), "-D", os.fspath(folder.postgres)]
    for name, value in {**settings, "unix_socket_directories": f'"{quoted}"'}.items():
        command += ["-c", f"{name}={value}"]
    # SIGQUIT: the first process ends the others and itself at once, and clears its shared memory.
    return Child(command, folder, account, signal.SIGQUIT)


def postgres_is_ready(child: Child, folder: Folder) -> bool:
    """PostgreSQL writes its state into a file; the first line is its process, the eighth says `ready`."""
    try:
        lines = (folder.postgres / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0] == str(child.process.pid) and lines[7].strip() == "ready"


def start_redis(program: Path, folder: Folder, account: Account | None) -> Child:
    command = [os.fspath(program), "--port", "0", "--unixsocket", os.fspath(redis_socket(folder.path))]
    command += ["--unixsocketperm", "700", "--protected-mode", "yes", "--daemonize", "no", "--logfile", ""]
    command += ["--dir", os.fspath(folder.redis), "--save", "", "--appendonly", "no", "--loglevel", "warning"]
    return Child(command, folder, account, signal.SIGKILL)


def redis_is_ready(folder: Folder) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5.0)
        try:
            client.connect(os.fspath(redis_socket(folder.path)))
            client.sendall(b"PING\r\n")
            return client.recv(7) == b"+PONG\r\n"
        except OSError:
            return False


def await_start(child: Child, ready: Callable[[], bool], waiting: Waiting) -> None:
    deadline = time.monotonic() + START_MAY_TAKE
    while not ready():
        if child.has_ended() or time.monotonic() > deadline:
            raise ServersRefused(f"{child.name} does not start: {child.last_words()}")
        waiting()
        time.sleep(0.005)


def stop(children: list[Child], folder: Folder) -> None:
    """End the servers: in order where data is to stay, at once where the folder is removed anyway."""
    hard = {"postgres": signal.SIGQUIT}
    orderly = {"postgres": signal.SIGINT}  # which waits for nobody, but writes everything down
    steps = [] if folder.temporary else [(orderly, FAST_STOP_MAY_TAKE)]
    running = children
    for signals, seconds in [*steps, (hard, HARD_STOP_MAY_TAKE)]:
        for child in running:
            child.send(signals.get(child.name, signal.SIGTERM))
        deadline = time.monotonic() + seconds
        running = [child for child in running if not child.wait(max(0.0, deadline - time.monotonic()))]
    for child in running:
        child.kill_group()
    forget(folder.postgres)
