"""Work dates around each change of clocks in 2025 to 2030, in six zones for people who move between them too.

    python -m tests.dates.changes [--years 2025-2030]

A server of its own, a database for each year. It prints what it covered, and fails on the first thing that is
not as the rule book has it."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from config.embedded import servers
from models.connection import application_engine
from models.migrate import migrate
from tests.dates.clocks import YEARS, ZONES, changes
from tests.dates.days import compare_clocks, everything


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.dates.changes", description=__doc__)
    parser.add_argument("--years", default=f"{YEARS[0]}-{YEARS[-1]}", help="such as 2025-2030")
    first, _, last = parser.parse_args(arguments).years.partition("-")
    begun, years = time.monotonic(), range(int(first), int(last or first) + 1)
    for year in years:
        found = changes(ZONES, [year])
        with servers() as own, tempfile.TemporaryDirectory() as folder:
            migrate(own.owner_database_url)
            engine = application_engine(own.database_url)
            hours = sum(compare_clocks(engine, zone, [year]) for zone in ZONES)
            print(f"{year}: {hours} hours the same here and in the database; ", end="")
            print(f"{everything(engine, Path(folder), found)}", flush=True)
            engine.dispose()
    print(f"{', '.join(ZONES)}: {time.monotonic() - begun:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
