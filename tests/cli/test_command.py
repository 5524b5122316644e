"""The command itself: its verbs, its help, its exit codes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from config.cli import VERBS, Verb, load, main


def test_help_lists_every_verb_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for verb in VERBS:
        assert f"  {verb.name} " in text
    assert "exit codes: 0 all is well, 1 verify found something, 2" in text


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_verb_explains_itself(verb: Verb, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb.name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"usage: breakwater {verb.name}")


def test_no_verb_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage: breakwater VERB" in capsys.readouterr().err


def test_an_unknown_verb_is_a_usage_error_and_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verfiy"]) == 2
    assert "did you mean 'verify'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan"],
        ["plan", "day"],
        ["plan", "day", "--out", "plan", "--format", "csv"],
        ["verify", "day"],
        ["generate", "XXL", "--out", "day"],
        ["generate", "S", "--out", "day", "--seed", "-1"],
        ["generate", "S"],
        ["demo", "now"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert f"breakwater {arguments[0]}: error:" in said.err


def loaded_by(call: str) -> set[str]:
    """Which of the heavy packages a fresh interpreter has loaded after this call."""
    code = f"import sys; from config import cli; {call}; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {"numpy", "polars", "ortools", "rich"} & set(done.stderr.split())


def test_help_loads_nothing_heavy() -> None:
    assert loaded_by("cli.main(['--help'])") == set()


def test_verify_never_loads_the_solver() -> None:
    assert loaded_by("cli.main(['verify', 'no-day', 'no-plan'])") >= {"polars"}
    assert "ortools" not in loaded_by("cli.main(['verify', 'no-day', 'no-plan'])")


def test_the_list_names_functions_that_exist() -> None:
    assert {verb.name: load(verb).__name__ for verb in VERBS} == {verb.name: verb.name for verb in VERBS}


def test_a_reader_that_has_gone_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "config.cli", "--help"], stdout=writer, stderr=subprocess.PIPE, check=False
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")
