"""Two ways to make slots for a tiny day: the product's planner, and trying everything."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from allocator.instance import Instance
from allocator.optimise.planner import make_plan
from tests.brute_force.optimum import optimum

Solver = Callable[[Instance], pl.DataFrame]
GRID = 30


def planner(day: Instance) -> pl.DataFrame:
    return make_plan(day).slots


def everything(day: Instance) -> pl.DataFrame:
    """The best plan of a day whose times are multiples of half a minute."""
    return optimum(day, GRID).slots


SOLVERS: dict[str, Solver] = {"planner": planner, "everything": everything}
