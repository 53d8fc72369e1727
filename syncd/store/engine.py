"""The open database of a daemon, or of a command that writes: it opens and commits transactions."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import aiosqlite
from sqlalchemy import URL, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from syncd.errors import DatabaseError
from syncd.model import Target
from syncd.store import files, opening, sqlite_errors
from syncd.store.opening import BUSY_TIMEOUT
from syncd.store.quiet_runs import QuietRun, QuietRuns
from syncd.store.transaction import NotQuietError, Transaction, finished
from syncd.store.version import require_schema, require_sqlite

WAL_LIMIT = 16 * 1024 * 1024
"""Bytes to which the -wal file is cut after a checkpoint, when a burst made it longer."""

WRITER_CACHE = 8_000
"""kB of pages: with SQLite's own 2,000 a first sync of 100,000 images writes pages twice, and a quarter more bytes."""

_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {round(BUSY_TIMEOUT * 1000)}",
    f"PRAGMA journal_size_limit = {WAL_LIMIT}",
)

_T = TypeVar("_T")

DURABLE = {"synchronous": "FULL"}
"""A commit is on the disk before anybody can read it: what it says may leave the machine."""

QUIET_RUNS_WAIT = 0.9
"""Seconds after which quiet runs are written, if no other write took them along."""

QUIET_RUNS_RETRY = 5.0
"""Seconds until they are tried again if they could not be written."""

QUIET = {"synchronous": "NORMAL"}
"""A commit waits for no disk: a power cut may undo it, until a durable one comes after it."""


class Database:
    """Gives out transactions: one writer at a time, and readers beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer = _engine(path, "BEGIN IMMEDIATE", pool_size=1, max_overflow=0)
        self._durable_writer = self._writer.execution_options(**DURABLE)
        self._quiet_writer = self._writer.execution_options(**QUIET)
        self._readers = _engine(path, "BEGIN", pool_size=2, max_overflow=6)
        self._turn = asyncio.Lock()
        self._callbacks: list[Callable[[], object]] = []
        self._revisions: Counter[str | Target] = Counter()
        self._quiet_runs = QuietRuns()
        self._flush: asyncio.Task[None] | None = None
        self.flush_error: DatabaseError | None = None
        """Why quiet runs could not be written. They wait, and are tried again."""
        self._identity: tuple[int, int] | None = None
        self._read_only = False

    @classmethod
    async def open(cls, path: Path, *, read_only: bool = False) -> Database:
        """Open a file that `migrate.upgrade` has brought to this program's schema.

        ``read_only`` promises that `write` is not used. Raises DatabaseMissing, DatabaseOlder and the rest of the
        DatabaseError tree.
        """
        require_sqlite()
        identity = files.identity(path)
        with sqlite_errors.explaining(path, "open"), closing(opening.connect(path, "rw")) as connection:
            require_schema(connection, path)
        database = cls(path)
        try:
            database._identity = identity
            if not read_only:
                async with database.write():
                    pass
            database._read_only = read_only
        except BaseException:
            await database._dispose()
            raise
        return database

    def on_commit(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` on the loop soon after each committed write."""
        self._callbacks.append(callback)

    @asynccontextmanager
    async def write(self, *, durable: bool = True) -> AsyncIterator[Transaction]:
        """BEGIN IMMEDIATE … COMMIT; rolled back after any exception or a cancellation.

        A ``durable`` commit is on the disk before anybody sees it; `apply` is for work that may do without.
        """
        async with self._turn:
            self.check_identity()
            with sqlite_errors.explaining(self.path, "write to"):
                engine = self._durable_writer if durable else self._quiet_writer
                async with self._transaction(engine, durable) as (transaction, connection):
                    carried = await self._quiet_runs.write(transaction)
                    yield transaction
                    transaction.close()
                    await finished(self._commit(connection, transaction, carried))

    async def apply(self, work: Callable[[Transaction], Awaitable[_T]], *, quiet: bool) -> _T:
        """Do ``work`` in a transaction. ``quiet`` work hardly ever has news, so its commit does not wait for the disk.

        Quiet work that turns out to have news is rolled back, and done again in a durable transaction.
        """
        if quiet:
            with suppress(NotQuietError):
                async with self.write(durable=False) as tx:
                    return await work(tx)
        async with self.write() as tx:
            return await work(tx)

    def revision(self, target: Target, tx: Transaction | None = None) -> tuple[int, int]:
        """It changes with each commit that writes the target, its images, its account or the account's facts.

        With ``tx``: what it will be once that transaction is committed.
        """
        changed = tx.changed if tx else ()
        return (
            self._revisions[target.account] + (target.account in changed),
            self._revisions[target] + (target in changed),
        )

    def add_quiet_run(self, run: QuietRun) -> None:
        """Have it written with the next write, or in a transaction of its own soon."""
        self._quiet_runs.add(run)
        if self._flush is None:
            self._flush = asyncio.create_task(self._flush_soon(), name="write quiet runs")

    async def flush(self) -> None:
        """Write the quiet runs that wait; raises what `write` raises."""
        if len(self._quiet_runs):
            async with self.write(durable=False):
                pass
        self.flush_error = None

    async def _flush_soon(self) -> None:
        """Until nothing waits: one attempt after the other, so that nobody else's write waits for several of them."""
        try:
            while len(self._quiet_runs) or self.flush_error is not None:
                await asyncio.sleep(QUIET_RUNS_RETRY if self.flush_error else QUIET_RUNS_WAIT)
                try:
                    await self.flush()
                except DatabaseError as error:
                    self.flush_error = error
        finally:
            self._flush = None

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """A transaction that shows one moment, that of its first statement; it does not wait for the writer."""
        with sqlite_errors.explaining(self.path, "read"):
            async with self._transaction(self._readers) as (transaction, _):
                yield transaction

    def check_identity(self) -> None:
        """Raise DatabaseError if the path no longer leads to the open file: what we write would be lost."""
        if self._identity is not None and files.identity(self.path) != self._identity:
            raise DatabaseError(
                f"{self.path} was replaced by another file while it was open; nothing was written to either",
                "restart syncd to use the new file; stop it first whenever you put back a backup",
            )

    async def close(self) -> None:
        """Write what waits, and the -wal file back into the database; close all connections."""
        try:
            if not self._read_only:
                await self.flush()
        finally:
            if self._flush is not None:
                self._flush.cancel()
            await self._close()

    async def _close(self) -> None:
        async with self._turn:
            try:
                if self._read_only:
                    return
                with sqlite_errors.explaining(self.path, "close"):
                    async with self._writer.connect() as connection:
                        await finished(_checkpoint(await _driver(connection)))
            finally:
                await finished(self._dispose())

    @asynccontextmanager
    async def _transaction(
        self, engine: AsyncEngine, durable: bool = False
    ) -> AsyncIterator[tuple[Transaction, AsyncConnection]]:
        connection = engine.connect()
        transaction = None
        try:
            await finished(_begin(connection))
            transaction = Transaction(connection, await _driver(connection), durable=durable)
            yield transaction, connection
        finally:
            if transaction is not None:
                transaction.close()
            await finished(_end(connection))

    async def _commit(
        self, connection: AsyncConnection, transaction: Transaction, carried: Mapping[Target, QuietRun]
    ) -> None:
        if transaction.is_lost:
            raise DatabaseError(
                f"{self.path}: SQLite gave up the transaction after an error inside it; nothing was saved",
                "this is a fault of syncd: report it with the log before this line",
            )
        await connection.commit()
        self._quiet_runs.drop(carried)
        self._revisions.update(transaction.changed)
        loop = asyncio.get_running_loop()
        for callback in self._callbacks:
            loop.call_soon(callback)

    async def _dispose(self) -> None:
        await self._readers.dispose()
        await self._writer.dispose()


def _engine(path: Path, begin: str, *, pool_size: int, max_overflow: int) -> AsyncEngine:
    """An engine for an existing file (mode=rw never makes one), whose transactions begin with ``begin``."""
    url = URL.create("sqlite+aiosqlite", database=files.uri(path), query={"mode": "rw", "uri": "true"})
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_reset_on_return=None,
        hide_parameters=True,
        connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT},
    )
    own = "PRAGMA query_only = ON" if begin == "BEGIN" else f"PRAGMA cache_size = -{WRITER_CACHE}"
    pragmas = (*_PRAGMAS, own)

    @event.listens_for(engine.sync_engine, "connect")
    def _connected(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begun(connection: Any) -> None:
        _set_synchronous(connection)
        connection.exec_driver_sql(begin)

    return engine


def _set_synchronous(connection: Any) -> None:
    """Set what the engine's options ask for, before the transaction: SQLite refuses to change it inside of one."""
    wanted = connection.get_execution_options().get("synchronous")
    if wanted != connection.info.get("synchronous"):
        connection.exec_driver_sql(f"PRAGMA synchronous = {wanted}")
        connection.info["synchronous"] = wanted


async def _begin(connection: AsyncConnection) -> None:
    await connection.start()
    await connection.begin()


async def _end(connection: AsyncConnection) -> None:
    """Roll back what is not committed and give the connection back; drop it if it cannot even do that."""
    if connection.sync_connection is None:
        return
    try:
        await connection.rollback()
    except (sqlite3.Error, DBAPIError):
        await connection.invalidate()
    finally:
        await connection.close()


async def _driver(connection: AsyncConnection) -> aiosqlite.Connection:
    raw = await connection.get_raw_connection()
    return cast(aiosqlite.Connection, raw.driver_connection)


async def _checkpoint(driver: aiosqlite.Connection) -> None:
    await driver.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
