"""The README's tour, word for word, against the demo as it stays up on a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
TOUR = README.partition("\n## The tour\n")[2].partition("\n## ")[0]
BLOCK = re.compile(r"^```(sh|json)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
MARK = "=== the next block ==="
PERSONAS = {"auditor", "lead", "wellbeing", "upstream", "operations"}


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo on a terminal of its own: what it exported, and all that it has said."""

    exported: dict[str, str]
    said: str


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "200", "LINES": "50"}
    process = subprocess.Popen(
        [sys.executable, "-m", "config.cli", "demo"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
    )
    os.close(theirs)
    said = ""
    until = time.monotonic() + 180
    while "export operations=" not in said or not said.endswith("\n"):
        assert time.monotonic() < until, said
        try:
            said += os.read(ours, 65536).decode("utf-8", errors="replace")
        except OSError:  # the other end is closed: it has ended
            pytest.fail(f"the demo ended before its tour could be taken: {said[-3000:]}")
    exported = dict(re.findall(r"^export (\w+)=(\S+)\s*$", said.replace("\r", ""), flags=re.MULTILINE))
    try:
        assert process.poll() is None, "it does not stay up"
        yield Demo(exported, said)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(60) == 0
        finally:
            process.kill()
            os.close(ours)


def test_every_step_works_as_it_stands(demo: Demo) -> None:
    assert shutil.which("curl"), "the tour is made of curl commands: install curl"
    assert set(demo.exported) == {"api", *PERSONAS}
    blocks = BLOCK.findall(TOUR)
    steps = [text for kind, text in blocks if kind == "sh"]
    askers = re.findall(r"^(?:\w+=\$\()?ask \$(\w+)", "\n".join(steps), flags=re.MULTILINE)
    assert set(askers) == PERSONAS
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"\necho '{MARK}'\n".join(steps)],
        env=os.environ | demo.exported,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}{done.stderr[-2000:]}"
    answers = iter(done.stdout.split(MARK + "\n"))
    answer = ""
    for kind, text in blocks:
        if kind == "sh":
            answer = next(answers)
            continue
        shown, told = json.loads(text), json.loads(answer.strip().splitlines()[-1])
        assert holds(told, shown), f"the answer does not hold {text}"


def holds(told: object, shown: object) -> bool:
    """Whether what is shown is part of what was told: keys of an object, members of a list."""
    if isinstance(shown, dict):
        return isinstance(told, dict) and all(
            key in told and holds(told[key], part) for key, part in shown.items()
        )
    if isinstance(shown, list):
        return isinstance(told, list) and all(any(holds(member, part) for member in told) for part in shown)
    return told == shown


def test_the_comparison_can_fail() -> None:
    assert holds({"a": [1, {"b": 2, "c": 3}]}, {"a": [{"b": 2}]})
    assert not holds({"a": [1, {"b": 2}]}, {"a": [{"b": 3}]})
    assert not holds({"a": 1}, {"b": 1})


def test_the_address_is_this_machines_alone(demo: Demo) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", demo.exported["api"])
