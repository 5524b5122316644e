"""What every task needs and takes half a second to load: loaded once, before the forks.

Loaded and no more. A solver that has run or a table that was made leaves threads behind, which a fork loses
while their locks stay shut.
"""

from __future__ import annotations

import importlib

MODULES = ("allocator.optimise.planner", "allocator.optimise.small", "allocator.verify", "workers.jobs")


def preload() -> None:
    for name in MODULES:
        importlib.import_module(name)
