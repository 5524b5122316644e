"""The verb `generate`: a realistic day to plan, under the default policy, as a folder of files."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

from allocator.cli import refuse, unusable
from allocator.figures import several
from allocator.files.instance import write_instance
from allocator.files.tables import FORMATS
from allocator.scenarios import generate as scenario
from allocator.scenarios.supply import render, supply_over_demand
from config.arguments import iso_date
from config.policy import default_policy_document

WORK_DATE = date(2026, 11, 23)
"""A Monday; fixed, so that a size and a seed say everything about a day unless another date is asked for."""


def generate(arguments: list[str]) -> int:
    """`breakwater generate SIZE --seed N --work-date DATE --out DIR [--format ndjson|parquet]`"""
    parser = argparse.ArgumentParser(
        prog="breakwater generate",
        description="Write a realistic day to plan: skewed languages with a long tail, limits that bind, and "
        "a little less time than is asked for. The same size, seed and date always give the same day.",
    )
    parser.add_argument(
        "size", choices=scenario.SIZES, metavar="SIZE", help="S, M, L or XL: 20, 200, 2 000 or 10 000 people"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="which of the days (default: 0)")
    parser.add_argument(
        "--work-date",
        type=iso_date,
        default=WORK_DATE,
        metavar="DATE",
        help=f"of the day; items of different dates have different ids (default: {WORK_DATE})",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write the day to")
    parser.add_argument("--format", choices=FORMATS, default="ndjson", help="of the tables (default: ndjson)")
    given = parser.parse_args(arguments)
    if given.seed < 0:
        parser.error("argument --seed: is negative")
    if no_place := unusable(given.out):
        return refuse(no_place)

    instance = scenario.generate(given.size, given.seed, default_policy_document(), given.work_date)
    try:
        write_instance(instance, given.out, given.format)
    except OSError as error:
        return refuse([f"{error.filename or given.out}: not written, {error.strerror}"])
    print(
        f"Wrote {instance.name}: {several(instance.auditors.height, 'auditor')}, "
        f"{several(instance.items.height, 'item')}, to {given.out}"
    )
    print(render(supply_over_demand(instance)), end="")
    return 0
