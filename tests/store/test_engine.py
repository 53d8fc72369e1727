from __future__ import annotations

import asyncio
import os
import resource
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from syncd.errors import DatabaseError, DatabaseLocked, DatabaseMissing, DatabaseOlder, DatabaseUnwritable
from syncd.store import migrate
from syncd.store.engine import Database
from syncd.store.transaction import Transaction

BIG = "x" * 100_000


@asynccontextmanager
async def _opened(path: Path) -> AsyncIterator[Database]:
    """A database with a table of our own beside syncd's: a counter at 0."""
    await migrate.upgrade(path)
    db = await Database.open(path)
    async with db.write() as tx:
        await tx.fetch("CREATE TABLE counter (id INTEGER PRIMARY KEY, n, big TEXT)")
        await tx.fetch("INSERT INTO counter VALUES (1, 0, '')")
    try:
        yield db
    finally:
        await db.close()


async def _count(db: Database) -> int:
    async with db.read() as tx:
        [(n,)] = await tx.fetch("SELECT n FROM counter WHERE id = 1")
    return int(n)


async def _add_one(db: Database) -> None:
    async with db.write() as tx:
        await tx.execute_raw("UPDATE counter SET n = n + 1 WHERE id = 1")


async def test_four_tasks_of_read_modify_write_lose_no_update(tmp_path: Path) -> None:
    async def work(db: Database) -> None:
        for _ in range(50):
            async with db.write() as tx:
                [(n,)] = await tx.fetch("SELECT n FROM counter")
                await asyncio.sleep(0)
                await tx.execute("UPDATE counter SET n = :n", {"n": n + 1})

    async with _opened(tmp_path / "x.db") as one, _second(tmp_path / "x.db") as other:
        await asyncio.gather(work(one), work(one), work(other), work(other))
        assert await _count(one) == 200


@asynccontextmanager
async def _second(path: Path) -> AsyncIterator[Database]:
    """Another program on the same file: its writer takes turns by SQLite's lock alone."""
    db = await Database.open(path)
    yield db
    await db.close()


async def test_a_write_takes_the_lock_at_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    async with _opened(path) as db, db.write():
        with closing(sqlite3.connect(path, timeout=0)) as other, pytest.raises(sqlite3.OperationalError):
            other.execute("BEGIN IMMEDIATE")


async def test_an_exception_in_the_block_leaves_nothing_behind(tmp_path: Path) -> None:
    async with _opened(tmp_path / "x.db") as db:

        async def fail() -> None:
            async with db.write() as tx:
                await tx.execute_raw("UPDATE counter SET n = 9")
                raise KeyError

        with pytest.raises(KeyError):
            await fail()
        assert await _count(db) == 0


async def test_a_cancelled_transaction_is_rolled_back_and_the_next_one_works(tmp_path: Path) -> None:
    async with _opened(tmp_path / "x.db") as db:
        written = asyncio.Event()

        async def stuck() -> None:
            async with db.write() as tx:
                await tx.execute_raw("UPDATE counter SET n = 9")
                written.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(stuck())
        await written.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await _count(db) == 0
        await _add_one(db)
        assert await _count(db) == 1


async def test_cancelling_in_the_middle_of_any_statement_leaves_the_pool_usable(tmp_path: Path) -> None:
    async with _opened(tmp_path / "x.db") as db:

        async def work() -> None:
            async with db.write() as tx:
                await tx.execute_raw("UPDATE counter SET n = n + 1000")
                await tx.executemany("INSERT INTO counter (n) VALUES (?)", ((i,) for i in range(3000)))
                await tx.execute("SELECT COUNT(*) FROM counter")
                raise KeyError

        for turns in range(40):
            task = asyncio.create_task(work())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises((asyncio.CancelledError, KeyError)):
                await task
        assert await _count(db) == 0
        await _add_one(db)
        assert await _count(db) == 1


async def test_a_cancelled_statement_is_finished_and_its_connection_kept(tmp_path: Path) -> None:
    slow = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 300000) SELECT SUM(i) FROM c"
    async with _opened(tmp_path / "x.db") as db:
        async with db.write() as tx:
            await tx.fetch("CREATE TEMP TABLE mark (of_this_connection)")

        async def work(started: asyncio.Event) -> None:
            async with db.write() as tx:
                started.set()
                await tx.execute(slow)

        for _ in range(3):
            started = asyncio.Event()
            task = asyncio.create_task(work(started))
            await started.wait()
            await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            async with db.write() as tx:
                assert await tx.fetch("SELECT * FROM temp.mark") == []


async def test_a_reader_sees_one_moment_and_does_not_wait_for_the_writer(tmp_path: Path) -> None:
    async with _opened(tmp_path / "x.db") as db, db.write() as writing:
        await writing.execute_raw("UPDATE counter SET n = 7")
        async with asyncio.timeout(5), db.read() as reading:
            assert await reading.fetch("SELECT n FROM counter") == [(0,)]


async def test_two_reads_of_one_block_agree_whatever_is_committed_between(tmp_path: Path) -> None:
    async with _opened(tmp_path / "x.db") as db, db.read() as reading:
        before = await reading.fetch("SELECT n FROM counter")
        await _add_one(db)
        assert await reading.fetch("SELECT n FROM counter") == before


async def test_a_reader_cannot_write(tmp_path: Path) -> None:
    async with _opened(tmp_path / "x.db") as db:
        with pytest.raises(DatabaseUnwritable):
            async with db.read() as tx:
                await tx.execute_raw("UPDATE counter SET n = 7")


async def test_a_transaction_is_dead_after_its_block(tmp_path: Path) -> None:
    async with _opened(tmp_path / "x.db") as db:
        async with db.write() as tx:
            pass
        for call in (tx.fetch("SELECT 1"), tx.execute("SELECT 1"), tx.executemany("SELECT ?", [(1,)])):
            with pytest.raises(RuntimeError, match="over"):
                await call


async def test_callbacks_come_after_a_commit_and_never_after_a_rollback(tmp_path: Path) -> None:
    async with _opened(tmp_path / "x.db") as db:
        called: list[int] = []
        db.on_commit(lambda: called.append(1))
        with pytest.raises(KeyError):
            async with db.write():
                raise KeyError
        async with db.read():
            pass
        await asyncio.sleep(0)
        assert called == []
        await _add_one(db)
        await asyncio.sleep(0)
        assert called == [1]


async def test_a_full_disk_is_said_so_and_writing_goes_on_when_there_is_room(tmp_path: Path) -> None:
    async with _opened(tmp_path / "x.db") as db:
        async with db.write() as tx:
            [(pages,)] = await tx.fetch("PRAGMA page_count")
            await tx.fetch(f"PRAGMA max_page_count = {pages + 4}")

        async def work() -> None:
            async with db.write() as tx:
                await tx.execute_raw("UPDATE counter SET n = 5")
                await tx.execute_raw("INSERT INTO counter (big) VALUES (?)", (BIG,))

        with pytest.raises(DatabaseUnwritable, match="full") as caught:
            await work()
        assert "free some space" in caught.value.hint
        assert await _count(db) == 0
        async with db.write() as tx:
            await tx.fetch("PRAGMA max_page_count = 100000")
        async with db.write() as tx:
            await tx.execute_raw("INSERT INTO counter (big) VALUES (?)", (BIG,))
        await _add_one(db)
        assert await _count(db) == 1


async def test_a_file_that_may_not_grow_is_said_so_and_writing_goes_on_when_it_may(tmp_path: Path) -> None:
    async with _opened(tmp_path / "x.db") as db:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
        try:
            with pytest.raises(DatabaseUnwritable) as caught:
                async with db.write() as tx:
                    await tx.execute_raw("UPDATE counter SET n = 5, big = ?", (BIG * 20,))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert "quota" in caught.value.hint
        await _add_one(db)
        assert await _count(db) == 1


async def test_a_transaction_that_sqlite_gave_up_is_not_taken_for_committed(tmp_path: Path) -> None:
    async with _opened(tmp_path / "x.db") as db:

        async def careless() -> None:
            async with db.write() as tx:
                await tx.execute_raw("UPDATE counter SET n = 5")
                with pytest.raises(sqlite3.IntegrityError):
                    await tx.execute_raw("INSERT OR ROLLBACK INTO counter VALUES (1, 0, '')")

        with pytest.raises(DatabaseError, match="nothing was saved"):
            await careless()
        assert await _count(db) == 0


async def test_a_fault_of_the_program_passes_unchanged(tmp_path: Path) -> None:
    async with _opened(tmp_path / "x.db") as db:
        with pytest.raises(DBAPIError) as caught:
            async with db.write() as tx:
                await tx.execute("SELECT no_such_column FROM counter")
        assert caught.value.__cause__ is not caught.value
        with pytest.raises(sqlite3.IntegrityError):
            async with db.write() as tx:
                await tx.execute_raw("INSERT INTO counter VALUES (1, 0, '')")


async def test_a_program_that_keeps_the_file_locked_is_named_as_the_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncd.store.engine._PRAGMAS", ("PRAGMA busy_timeout = 50",))
    path = tmp_path / "x.db"
    async with _opened(path) as db:
        async with db.write() as tx:
            await tx.fetch("PRAGMA busy_timeout = 50")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseLocked, match="another program"):
                await _add_one(db)
        await _add_one(db)
        assert await _count(db) == 1


@pytest.mark.parametrize("deed", ["replace", "delete"])
async def test_a_file_replaced_or_deleted_under_us_is_noticed_before_the_next_write(
    tmp_path: Path, deed: str
) -> None:
    path, other = tmp_path / "x.db", tmp_path / "other.db"
    await migrate.upgrade(other)
    async with _opened(path) as db:
        if deed == "replace":
            other.rename(path)
        else:
            path.unlink()
        expected = DatabaseError if deed == "replace" else DatabaseMissing
        with pytest.raises(expected, match="replaced" if deed == "replace" else "does not exist"):
            await _add_one(db)


async def test_an_empty_file_wants_an_upgrade_first(tmp_path: Path) -> None:
    (tmp_path / "x.db").touch()
    with pytest.raises(DatabaseOlder):
        await Database.open(tmp_path / "x.db")


async def test_opening_never_makes_a_file(tmp_path: Path) -> None:
    with pytest.raises(DatabaseMissing):
        await Database.open(tmp_path / "x.db")
    assert os.listdir(tmp_path) == []


async def test_the_journal_is_a_wal_with_the_modes_of_the_file_and_is_gone_after_closing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.db"
    await migrate.upgrade(path, group_readable=True)
    db = await Database.open(path)
    async with db.write() as tx:
        assert await tx.fetch("PRAGMA journal_mode") == [("wal",)]
        assert await tx.fetch("PRAGMA foreign_keys") == [(1,)]
    assert {name: oct(os.stat(tmp_path / name).st_mode & 0o777) for name in os.listdir(tmp_path)} == {
        "x.db": "0o640",
        "x.db-wal": "0o640",
        "x.db-shm": "0o640",
    }
    await db.close()
    assert os.listdir(tmp_path) == ["x.db"]


async def test_a_name_with_odd_characters_is_only_a_name(tmp_path: Path) -> None:
    path = tmp_path / "a?mode=memory&b#c%41 镜像.db"
    async with _opened(path) as db:
        await _add_one(db)
    assert path.exists()
    assert migrate.file_version(path) is not None


async def test_many_rows_go_in_parts_with_the_loop_running_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncd.store.transaction.ROWS_PER_CALL", 100)
    parts: list[tuple[int, int]] = []
    prepared = turns = 0
    many = Transaction._many

    async def noting(self: Transaction, sql: str, rows: Sequence[Any]) -> None:
        parts.append((len(rows), prepared))
        await many(self, sql, rows)

    def rows() -> Iterator[tuple[int, str]]:
        nonlocal prepared
        for prepared in range(1, 1001):
            yield prepared + 1, f"row {prepared}"

    def turn() -> None:
        nonlocal turns
        turns += 1
        asyncio.get_running_loop().call_soon(turn)

    monkeypatch.setattr(Transaction, "_many", noting)
    async with _opened(tmp_path / "x.db") as db, db.write() as tx:
        turn()
        await tx.executemany("INSERT INTO counter (id, big) VALUES (?, ?)", rows())
        assert parts == [(100, done) for done in range(100, 1001, 100)]
        assert turns > 10
        statement = "SELECT id FROM counter WHERE id > ? AND big IN (SELECT value FROM json_each(?))"
        ids = (f"row {i}" for i in range(1, 1001))
        found = [len(some) async for some in tx.fetch_in(statement, ids, (51,))]
        assert found == [50] + [100] * 9


async def test_a_deleted_file_is_not_made_anew_by_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    async with _opened(path) as db:
        path.unlink()
        with pytest.raises(DatabaseMissing):
            await _count(db)
        assert not path.exists()
        with pytest.raises(DatabaseMissing):
            await _add_one(db)


async def test_a_link_to_the_file_is_the_file(tmp_path: Path) -> None:
    path, link = tmp_path / "x.db", tmp_path / "link.db"
    async with _opened(path) as db:
        link.symlink_to(path)
        async with _second(link) as other:
            await _add_one(other)
        assert await _count(db) == 1
