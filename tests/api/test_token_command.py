"""The verb `token`: issue, list, revoke."""

from __future__ import annotations

import re
from collections.abc import Callable

import psycopg
import pytest

from models.token_cli import token
from tests.api import rows
from tests.conftest import Database

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.setenv("DATABASE_URL", database.url)

    def once(*arguments: str) -> tuple[int, str, str]:
        code = token(list(arguments))
        said = capsys.readouterr()
        return code, said.out, said.err

    return once


def test_a_token_is_shown_once_listed_and_revoked(run: Run, database: Database) -> None:
    rows.auditor(database.owner_url)
    code, made, note = run("issue", "--persona", "auditor", "--subject", "aud-01", "--expires", "7")
    assert code == 0
    assert re.fullmatch(r"bwk_[a-z2-7]{8}_[a-z2-7]{52}\n", made)
    prefix, secret = made.strip().split("_")[1:]
    assert prefix in note
    assert secret not in note

    teams = ("--team", "id-early", "--team", "id-late")
    lead = run("issue", "--persona", "lead", "--subject", "lead-1", *teams)[1]
    code, listed, _ = run("list")
    assert code == 0
    assert secret not in listed
    lines = [line.split() for line in listed.splitlines()]
    assert lines[0] == ["prefix", "persona", "subject", "teams", "expires", "state"]
    assert [line[0] for line in lines[1:]] == [prefix, lead.split("_")[1]]
    assert [line[-1] for line in lines[1:]] == ["valid", "valid"]
    assert lines[2][3:5] == ["id-early", "id-late"]

    assert run("revoke", prefix)[:2] == (0, f"{prefix} is revoked.\n")
    assert run("revoke", f"bwk_{prefix}")[:2] == (0, f"{prefix} was revoked before.\n")
    assert run("revoke", lead.strip())[:2] == (0, f"{lead.split('_')[1]} is revoked.\n")
    assert {line.split()[-1] for line in run("list")[1].splitlines()[1:]} == {"revoked"}


def test_an_expired_one_is_listed_as_such(run: Run, database: Database) -> None:
    run("issue", "--persona", "operations", "--subject", "op")
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("update token set expires_at = now() - interval '1 second'")
    assert run("list")[1].splitlines()[1].endswith("expired")


def test_what_is_refused_in_a_sentence(run: Run) -> None:
    for arguments, sentence in (
        (("issue", "--persona", "auditor", "--subject", "aud-99"), "no auditor with this id"),
        (("issue", "--persona", "lead", "--subject", "lead-1"), "at least one team"),
        (("issue", "--persona", "upstream", "--subject", "tool", "--expires", "0"), "1 to 366 days"),
        (("revoke", "nothere"), "no token with this prefix"),
    ):
        code, out, err = run(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith("breakwater token: ")
        assert sentence in err
        assert len(err.splitlines()) == 1


def test_a_team_that_nobody_is_in_is_told_and_the_token_made(run: Run, database: Database) -> None:
    rows.auditor(database.owner_url)
    code, made, note = run(
        "issue", "--persona", "lead", "--subject", "lead-1", "--team", "id-early", "--team", "nope"
    )
    assert code == 0
    assert made.startswith("bwk_")
    assert [line for line in note.splitlines() if "team" in line] == [
        "No auditor of the days loaded so far is in the team 'nope'; is it spelt so?"
    ]


@pytest.mark.parametrize("wrong", [[], ["make"], ["issue"], ["issue", "--persona", "root", "--subject", "x"]])
def test_arguments_that_are_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        token(wrong)
    assert stop.value.code == 2


def test_a_database_that_is_away(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://somebody:pass-word@/none?host=/nonexistent")
    assert token(["list"]) == 2
    err = capsys.readouterr().err
    assert err == "breakwater token: the database of DATABASE_URL does not answer\n"
