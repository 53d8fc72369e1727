"""`make bench`: what syncd costs, beside what users would run instead. Prints, asserts nothing.

python -m tests.bench --full
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3

from tests.bench import daemon, deliveries
from tests.bench.listings import Size, compare, table

USUAL = (Size(1_000), Size(10_000))
LARGE = (Size(100_000), Size(20, accounts=100, regions=10))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="100,000 images, 1,000 targets and idling, too")
    parser.add_argument(
        "--repeats", type=int, default=3, help="runs of which the cheapest counts (%(default)s)"
    )
    given = parser.parse_args()
    print(f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {os.cpu_count()} CPUs")
    for size in USUAL + LARGE * given.full:
        print(table(size, compare(size, given.repeats)), flush=True)
    deliveries.show(given.repeats)
    daemon.start_up(100_000 if given.full else 1_000)
    if given.full:
        daemon.idling()


if __name__ == "__main__":
    main()
