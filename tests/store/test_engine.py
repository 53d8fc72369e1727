from __future__ import annotations

import asyncio
from pathlib import Path

from syncd.store import migrate
from syncd.store.engine import Database


async def _open(path: Path) -> Database:
    await migrate.upgrade(path)
    db = await Database.open(path)
    async with db.write() as tx:
        await tx.fetch("CREATE TABLE counter (id INTEGER PRIMARY KEY, n INTEGER NOT NULL) STRICT")
        await tx.fetch("INSERT INTO counter VALUES (1, 0)")
    return db


async def test_four_tasks_of_read_modify_write_lose_no_update(tmp_path: Path) -> None:
    db = await _open(tmp_path / "x.db")

    async def work() -> None:
        for _ in range(100):
            async with db.write() as tx:
                [(n,)] = await tx.fetch("SELECT n FROM counter")
                await asyncio.sleep(0)
                await tx.execute("UPDATE counter SET n = :n", {"n": n + 1})

    await asyncio.gather(*(work() for _ in range(4)))
    async with db.read() as tx:
        assert await tx.fetch("SELECT n FROM counter") == [(400,)]
    await db.close()
