"""FIFO, the pull router and the planner on the same days, side by side.

    python -m tests.bench.compare --size M --seeds 0-9

Each runs as a whole process, from an instance folder to its files. What they made is then judged here by the
verifier. Nothing is kept unless `--json` names a file. Exit code 1 if any plan breaks a rule or claims
something false.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from allocator.files.instance import write_instance
from allocator.files.plan import read_plan
from allocator.instance import Instance
from allocator.plan import Plan
from allocator.scenarios.generate import SIZES, generate
from allocator.verify import recompute, verify
from config.policy import default_policy_document
from tests.bench.as_plan import as_plan
from tests.bench.run_peer import SLOTS_FILE

CHECKOUT = Path(__file__).resolve().parents[2]
STOPWATCH = Path(__file__).with_name("stopwatch.py")
WORK_DATE = date(2026, 11, 23)
PLANNER, ROUTER, FIFO = "planner", "pull-router", "fifo"
WIDTH = 160
"""Signs a line where there is no terminal."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one of them made of one day. Bounds are the planner's, from its certificate, for all three."""

    seed: int
    who: str
    seconds: float
    peak_bytes: int
    escalations: float
    escalations_bound: float
    in_order_coverage: float
    coverage_bound: float
    coverage: float
    inversions: float
    samples_seen: float
    exposure: float
    load: float
    violations: int


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.compare", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="M")
    parser.add_argument("--seeds", type=seeds, default=[0], help="such as 0-9 or 0,3,5-7")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here")
    given = parser.parse_args(arguments)
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    console.print(f"{machine()}; size {given.size}, seeds {', '.join(map(str, given.seeds))}, {WORK_DATE}")
    results: list[Result] = []
    for seed in given.seeds:
        instance = generate(given.size, seed, default_policy_document(), WORK_DATE)
        some = compare(instance, seed, console)
        results += some
        size = f"{len(instance.auditors)} people, {len(instance.items)} items"
        console.print(table(f"{instance.name}: {size}", some))
    console.print(table(f"mean of {len(given.seeds)} days", means(results)))
    ratios = time_ratios(results)
    console.print(
        f"time of the planner over time of the pull router, whole processes: "
        f"median {median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}"
    )
    if given.json is not None:
        document = {"machine": machine(), "size": given.size, "results": [asdict(one) for one in results]}
        given.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 1 if any(one.violations for one in results) else 0


def seeds(text: str) -> list[int]:
    """`0,3,5-7` as [0, 3, 5, 6, 7]."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    if not found:
        raise ValueError(f"no seeds in {text!r}")
    return found


def compare(instance: Instance, seed: int, console: Console) -> list[Result]:
    """All three on one day, FIFO first."""
    with TemporaryDirectory(prefix="breakwater-bench-") as name:
        folder = Path(name)
        day = folder / "day"
        write_instance(instance, day, "parquet")
        measured: dict[str, dict[str, Any]] = {}
        plans: dict[str, Plan] = {}
        for who in (FIFO, ROUTER):
            out = folder / who
            measured[who] = run(folder, "tests.bench.run_peer", who, str(day), "--out", str(out))
            plans[who] = as_plan(instance, pl.read_parquet(out / SLOTS_FILE))
        out = folder / PLANNER
        measured[PLANNER] = run(
            folder, "config.cli", "plan", str(day), "--out", str(out), "--format", "parquet"
        )
        plans[PLANNER] = read_plan(out)
    bounds = plans[PLANNER].bounds
    return [judged(instance, seed, who, plan, measured[who], bounds, console) for who, plan in plans.items()]


def run(folder: Path, module: str, *arguments: str) -> dict[str, Any]:
    """The module as a process under the stopwatch: seconds, peak_bytes, code. What it prints is dropped
    unless it fails."""
    result = folder / "measured.json"
    command = [sys.executable, str(STOPWATCH), str(result), sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{module} {' '.join(arguments)} exited with {done.returncode}:\n{done.stderr}")
    measured: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    return measured


def judged(
    instance: Instance,
    seed: int,
    who: str,
    plan: Plan,
    measured: dict[str, Any],
    bounds: dict[str, float],
    console: Console,
) -> Result:
    violations = verify(instance, plan)
    for violation in violations[:5]:
        console.print(f"{who}: {violation}", style="red")
    figures = recompute(instance, plan.slots)
    return Result(
        seed=seed,
        who=who,
        seconds=measured["seconds"],
        peak_bytes=measured["peak_bytes"],
        escalations=float(figures.escalations),
        escalations_bound=bounds["escalations"],
        in_order_coverage=float(figures.in_order_coverage),
        coverage_bound=bounds["coverage"],
        coverage=float(figures.coverage),
        inversions=figures.counts["draw_inversions"],
        samples_seen=figures.counts["samples_seen"],
        exposure=float(figures.exposure),
        load=float(figures.load),
        violations=len(violations),
    )


def means(results: list[Result]) -> list[Result]:
    """One row each, every figure the mean over the days; violations are added up, the peak is the highest."""
    rows = []
    for who in (FIFO, ROUTER, PLANNER):
        mine = [asdict(one) for one in results if one.who == who]
        names = [name for name in mine[0] if name != "who"]
        figures: dict[str, Any] = {name: fmean(one[name] for one in mine) for name in names}
        figures["violations"] = sum(one["violations"] for one in mine)
        figures["peak_bytes"] = max(one["peak_bytes"] for one in mine)
        rows.append(Result(who=who, **figures))
    return rows


def time_ratios(results: list[Result]) -> list[float]:
    """Planner over router, day by day."""
    taken = {(one.seed, one.who): one.seconds for one in results}
    return [seconds / taken[seed, ROUTER] for (seed, who), seconds in taken.items() if who == PLANNER]


def table(title: str, results: Iterable[Result]) -> Table:
    rows = {one.who: one for one in results}
    shown = Table(title=title, title_justify="left", box=SIMPLE, padding=0)
    shown.add_column("", no_wrap=True)
    for name in (
        "wall s", "peak MB", "G1", "of bound", "in order", "of bound", "gap closed", "G2", "inversions",
        "share", "G3", "G4", "violations",
    ):  # fmt: skip
        shown.add_column(name, justify="right", no_wrap=True)
    router = rows[ROUTER].in_order_coverage
    for one in rows.values():
        gap = one.coverage_bound - router
        shown.add_row(
            one.who,
            f"{one.seconds:.2f}",
            f"{one.peak_bytes / 1e6:.0f}",
            f"{one.escalations:.1f}",
            share(one.escalations, one.escalations_bound),
            f"{one.in_order_coverage:.1f}",
            share(one.in_order_coverage, one.coverage_bound),
            share(one.in_order_coverage - router, gap) if one.who == PLANNER else "",
            f"{one.coverage:.1f}",
            f"{one.inversions:.0f}",
            share(one.inversions, one.samples_seen),
            f"{one.exposure:.3e}",
            f"{one.load:.3e}",
            f"{one.violations}",
        )
    return shown


def share(part: float, whole: float) -> str:
    return f"{part / whole:.2%}" if whole > 0 else "–"


def machine() -> str:
    """What it ran on, in a line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{processor()}, {os.cpu_count()} cores, {memory:.0f} GiB; {platform.system()}, "
        f"Python {platform.python_version()}, polars {pl.__version__}"
    )


def processor() -> str:
    described = Path("/proc/cpuinfo")
    if described.exists():
        for line in described.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
