"""Whose name the servers run under. The standard library only: the keeper uses it.

An ordinary user's servers are that user's. PostgreSQL refuses to be root, so root's servers run as `nobody`.
Other services may be `nobody` too. So the folder stays root's, and only a group that no account is in may
pass through it: root's servers are put into that group, and other processes of `nobody` stay outside.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from config.embedded.answers import ServersRefused

PRIVATE_GROUP = 61018
"""From the numbers that neither distributions nor systemd give to anybody (60578 to 61183)."""


@dataclass(frozen=True, slots=True)
class Account:
    uid: int
    gid: int

    def enter(self) -> None:
        """Become this account for good. For a child process, which can do nothing else with the rights."""
        os.setgroups([])
        os.setgid(self.gid)
        os.setuid(self.uid)

    def own(self, path: Path) -> None:
        os.chown(path, self.uid, self.gid, follow_symlinks=False)


def servers_account() -> Account | None:
    """The account that the servers are to run under; None for the account that this process has.

    Raises:
        ServersRefused: this is root and there is no account to step down to.
    """
    if os.geteuid() != 0:
        return None
    try:
        account = Account(pwd.getpwnam("nobody").pw_uid, PRIVATE_GROUP)
    except KeyError:
        raise ServersRefused("root's servers run as the account 'nobody', which this machine lacks") from None
    if not holds(account, lambda: True):
        raise ServersRefused("root may not step down to another account here; run as an ordinary user")
    return account


def holds(account: Account | None, test: Callable[[], bool]) -> bool:
    """Whether a test comes out true for this account. It is run in a child, so its effects are lost.

    Trying is the only sure way to know what an account may reach: modes, groups, access lists, mounts.
    """
    child = os.fork()
    if child == 0:
        try:
            if account is not None:
                account.enter()
            os._exit(0 if test() else 1)
        except BaseException:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0
