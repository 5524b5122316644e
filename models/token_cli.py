"""The verb `token`: issue, list and revoke what people and tools sign in with."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime

from sqlalchemy import Engine

from config.clock import clock_of
from config.settings import Settings
from models.actions.issue_token import MARK, MOST_DAYS, issue_token
from models.actions.revoke_token import revoke_token
from models.actor import PERSONAS, Actor
from models.queries.tokens import KnownToken, tokens, unknown_teams
from models.with_database import with_database

DAYS = 90
OPERATOR = Actor("operations", "command-line")
"""Whoever can start this command with the database's password."""


def token(arguments: list[str]) -> int:
    """`breakwater token issue|list|revoke …`"""
    given = parser().parse_args(arguments)

    def act(engine: Engine, configured: Settings) -> int:
        now = clock_of(configured)()
        if given.do == "issue":
            return issue(engine, given, now)
        if given.do == "revoke":
            return revoke(engine, prefix_of(given.prefix), now)
        return show(engine, now)

    return with_database("token", act)


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(
        prog="breakwater token",
        description="Issue, list and revoke the tokens with which people and tools use the server.",
    )
    verbs = whole.add_subparsers(dest="do", required=True, metavar="issue|list|revoke")
    issue = verbs.add_parser(
        "issue", help="make a token and print it", description="Make a token. It is shown this one time."
    )
    issue.add_argument("--persona", choices=PERSONAS, required=True, help="what it is for")
    issue.add_argument(
        "--subject", required=True, metavar="NAME", help="who acts with it; of an auditor, the auditor's id"
    )
    issue.add_argument(
        "--team", action="append", default=[], metavar="T", help="a lead's team; once for each of them"
    )
    issue.add_argument(
        "--expires",
        type=int,
        default=DAYS,
        metavar="DAYS",
        help=f"after how many days it ends, {MOST_DAYS} at most (default: {DAYS})",
    )
    verbs.add_parser("list", help="all tokens, without their secrets")
    revoke = verbs.add_parser(
        "revoke", help="end a token at once", description="End a token. The next request with it is refused."
    )
    revoke.add_argument("prefix", metavar="PREFIX", help="as the list shows it")
    return whole


def issue(engine: Engine, given: argparse.Namespace, now: datetime) -> int:
    issued = issue_token(
        engine, OPERATOR, given.persona, given.subject, tuple(given.team), given.expires, now
    )
    # The token alone on standard output, so that it can go into a file or a secret store as it is.
    print(issued.token)
    print(
        f"It is shown this one time. Prefix {issued.prefix}, valid until {issued.expires_at:%Y-%m-%d}.",
        file=sys.stderr,
    )
    with engine.connect() as connection:
        nobodys = unknown_teams(connection, given.team)
    for team in nobodys:
        # A team may come with a later day, so this is no refusal.
        print(
            f"No auditor of the days loaded so far is in the team '{team}'; is it spelt so?", file=sys.stderr
        )
    return 0


def show(engine: Engine, now: datetime) -> int:
    with engine.connect() as connection:
        known = tokens(connection)
    rows = [("prefix", "persona", "subject", "teams", "expires", "state")]
    rows += [
        (
            one.prefix,
            one.persona,
            one.subject,
            " ".join(one.teams) or "-",
            f"{one.expires_at:%Y-%m-%d}",
            state(one, now),
        )
        for one in known
    ]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def state(one: KnownToken, now: datetime) -> str:
    if one.revoked_at is not None:
        return "revoked"
    return "expired" if one.expires_at <= now else "valid"


def revoke(engine: Engine, prefix: str, now: datetime) -> int:
    revoked = revoke_token(engine, OPERATOR, prefix, now)
    print(f"{prefix} is revoked." if revoked else f"{prefix} was revoked before.")
    return 0


def prefix_of(given: str) -> str:
    """The prefix, also where somebody pastes it with its mark or pastes the whole token."""
    parts = given.split("_")
    return parts[1] if parts[0] == MARK and len(parts) > 1 else parts[0]
