"""One transaction, as the verbs of the store use it: reading and writing rows, and surviving a cancellation."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar, cast

import aiosqlite
from sqlalchemy import Executable, Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from syncd.model import Target

ROWS_PER_CALL = 500
"""How many rows one call of the driver writes or reads: few enough that the event loop lags by 20 ms at most."""

Params = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None

_T = TypeVar("_T")


class NotQuietError(Exception):
    """Something that must be durable was to be written in a transaction that is not."""


class Transaction:
    """Reads and writes rows, until its block ends.

    When a call is cancelled, its statement still runs to its end before the cancellation goes on: the connection is
    never left in the middle of a statement.
    """

    def __init__(
        self, connection: AsyncConnection, driver: aiosqlite.Connection, *, durable: bool = True
    ) -> None:
        self._connection = connection
        self._driver = driver
        self._durable = durable
        self._open = True
        self.changed: set[str | Target] = set()
        """Accounts and targets of which something is written that a sync remembers (`Database.revision`)."""

    def close(self) -> None:
        """Refuse everything from now on: its block is over."""
        self._open = False

    @property
    def is_lost(self) -> bool:
        """SQLite itself gave the transaction up after an error inside it."""
        return not self._driver.in_transaction

    def require_durable(self) -> None:
        """To be called before anything is written that a power cut must not undo, because somebody is told about it."""
        if not self._durable:
            raise NotQuietError

    async def execute(self, statement: Executable | str, params: Params = None) -> list[Row[Any]]:
        """Run a SQLAlchemy statement, or text with ``:name`` parameters, and return its rows, if it has any."""
        self._require_open()
        return await finished(
            self._rows(text(statement) if isinstance(statement, str) else statement, params)
        )

    async def fetch(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement of the driver (``?`` parameters) and return all rows: one hop to the connection's thread."""
        self._require_open()
        rows = await finished(self._driver.execute_fetchall(sql, params))
        return cast(list[tuple[Any, ...]], rows)

    async def execute_raw(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> int:
        """Run a statement of the driver (``?`` parameters) and return how many rows it changed."""
        self._require_open()
        cursor = await finished(self._driver.execute(sql, params))
        return cursor.rowcount

    async def fetch_in(
        self, sql: str, ids: Iterable[str], params: Sequence[Any] = ()
    ) -> AsyncIterator[list[tuple[Any, ...]]]:
        """`fetch` for ROWS_PER_CALL ids at a time, a JSON list in the last parameter; other tasks run in between."""
        for batch in batches(ids, ROWS_PER_CALL):
            yield await self.fetch(sql, (*params, json.dumps(batch)))
            await asyncio.sleep(0)

    async def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement of the driver for each row, ROWS_PER_CALL at a time; other tasks run in between.

        A generator is asked for rows only as fast as they are written.
        """
        for batch in batches(rows, ROWS_PER_CALL):
            self._require_open()
            await finished(self._many(sql, batch))
            await asyncio.sleep(0)

    async def _rows(self, statement: Executable, params: Params) -> list[Row[Any]]:
        result = await self._connection.execute(statement, params)
        return list(result.all()) if result.returns_rows else []

    async def _many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        await self._driver.executemany(sql, rows)

    def _require_open(self) -> None:
        if not self._open:
            raise RuntimeError("the transaction is over")


def batches(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Lists of ``size`` items each, the last one perhaps shorter; ``items`` is read as needed."""
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch


async def finished(work: Coroutine[Any, Any, _T]) -> _T:
    """Await ``work`` to its end even if we are cancelled meanwhile; then let the cancellation through.

    A statement runs in the connection's thread and cannot be called back. If it were abandoned, the rollback after it
    would meet a connection that SQLAlchemy has already thrown away.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await _end_of(task)
        raise


async def _end_of(task: asyncio.Future[Any]) -> None:
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            continue
    if not task.cancelled():
        task.exception()
