"""What every task needs and takes half a second to load: loaded once, before the forks.

Loaded and no more. A solver that has run or a table that was made leaves threads behind, which a fork loses
while their locks stay shut.
"""

from __future__ import annotations

import importlib

PLANNING = (
    "allocator.optimise.planner",
    "allocator.optimise.small",
    "allocator.verify",
    "workers.planning",
    "workers.jobs",
)
PLACING = ("workers.placing", "workers.jobs")
"""The fewer modules, the less a fork has to copy: an urgent worker has no planner."""


def preload(urgent: bool = False) -> None:
    for name in PLACING if urgent else PLANNING:
        importlib.import_module(name)
