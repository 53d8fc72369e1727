"""syncd's own syncs, and the driver alone writing what the first one writes.

`python -m tests.bench.ours NAME FOLDER ROUNDS`; the first sync leaves FOLDER/syncd.db, which the others use.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from syncd.config import Config, load
from syncd.daemon import logs
from syncd.daemon.assembly import Observers, Parts, SystemClock, assemble
from syncd.store import migrate
from syncd.sync.reconcile import active_targets, reconcile
from syncd.sync.rounds import TARGETS_AT_ONCE
from tests.bench.cloud import set_status
from tests.bench.meter import Cost, metered

CHANGED = 100
"""One in so many images changes its status."""
AT_A_TIME = 500
TABLES = ("image_rows", "facts", "events", "deliveries")


class Work:
    """An assembled syncd that syncs every target once a round, and counts what it asks and writes."""

    def __init__(self, parts: Parts, path: Path) -> None:
        self.parts = parts
        self.path = path
        self.requests = 0

    async def round(self) -> int:
        """How many rows were listed."""
        places = asyncio.Semaphore(TARGETS_AT_ONCE)

        async def one(target: Any) -> int:
            async with places:
                report = await self.parts.syncer.sync(target)
            assert report.outcome == "complete", report
            return report.listed

        due = await active_targets(self.parts.db)
        return sum(await asyncio.gather(*map(one, due)))

    async def rows_written(self) -> int:
        async with self.parts.db.write() as tx:
            return int((await tx.fetch("SELECT total_changes()"))[0][0])

    async def measure(self, rounds: int) -> dict[str, Any]:
        self.requests = 0
        size, rows = self.file_size(), await self.rows_written()
        async with metered(rounds) as cost:
            for _ in range(rounds):
                images = await self.round()
        return finished(
            cost, images, self.requests, await self.rows_written() - rows, self.file_size() - size
        )

    def file_size(self) -> int:
        """Bytes of the file once everything is in it."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            return int(
                connection.execute(
                    "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
                ).fetchone()[0]
            )


def finished(cost: Cost, images: int, requests: int, rows: int, grown: int) -> dict[str, Any]:
    rounds = cost.rounds
    cost.more = {
        "images": images,
        "requests": requests // rounds,
        "rows": rows // rounds,
        "grown": grown // rounds,
    }
    return cost.as_json()


@asynccontextmanager
async def at_work(folder: Path) -> AsyncIterator[Work]:
    config = bench_config(folder)
    observers = Observers()
    async with assemble(config, SystemClock(), observers) as parts:
        work = Work(parts, config.database.path)
        observers.requests.append(lambda *_: setattr(work, "requests", work.requests + 1))
        await reconcile(parts.syncer)
        gc.freeze()  # as `syncd run` does
        yield work


def bench_config(folder: Path) -> Config:
    """Nothing is paced: what is measured is work, not waiting."""
    config = load(folder / "config.toml", {})
    return replace(config, api=replace(config.api, rate=1_000_000))


async def first(folder: Path, rounds: int) -> dict[str, Any]:
    path = bench_config(folder).database.path
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)
    async with at_work(folder) as work:
        return await work.measure(1)


async def unchanged(folder: Path, rounds: int) -> dict[str, Any]:
    async with at_work(folder) as work:
        await work.round()
        return await work.measure(rounds)


async def changed(folder: Path, rounds: int) -> dict[str, Any]:
    async with at_work(folder) as work:
        await work.round()
        with closing(sqlite3.connect(work.path)) as connection:
            rows = connection.execute("SELECT image_id, status FROM image_rows ORDER BY image_id")
            ids, statuses = zip(*rows.fetchall()[::CHANGED], strict=True)
        other = "Offline" if "Available" in statuses else "Available"
        await asyncio.to_thread(set_status, work.parts.config.api.base_url, ids, other)
        return await work.measure(1)


async def driver(folder: Path, rounds: int) -> dict[str, Any]:
    """The standard driver's executemany of the rows that a first sync wrote, in one transaction."""
    path = folder / "driver.db"
    await migrate.upgrade(path)
    with closing(sqlite3.connect(bench_config(folder).database.path)) as source:
        rows = {table: source.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = NORMAL")
        async with metered() as cost:
            connection.execute("BEGIN IMMEDIATE")
            for table, some in rows.items():
                for start in range(0, len(some), AT_A_TIME):
                    marks = ", ".join("?" * len(some[0]))
                    connection.executemany(
                        f"INSERT INTO {table} VALUES ({marks})", some[start : start + AT_A_TIME]
                    )
            connection.execute("COMMIT")
    path.unlink()
    cost.lags.clear()
    return finished(cost, len(rows["image_rows"]), 0, sum(map(len, rows.values())), 0)


def main() -> None:
    name, folder, rounds = sys.argv[1:]
    logs.configure("critical")
    work = {"first": first, "unchanged": unchanged, "changed": changed, "driver": driver}[name]
    print(json.dumps(asyncio.run(work(Path(folder), int(rounds)))))


if __name__ == "__main__":
    main()
