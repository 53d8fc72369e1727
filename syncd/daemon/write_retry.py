"""While the file cannot be written (a full disk, another program's lock), what must be written is tried again.

The trouble is logged once, and so is its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from syncd.daemon.sync_log import SyncLog
from syncd.errors import DatabaseLocked, DatabaseUnwritable

RETRY_SECONDS = 5.0
"""Seconds until what must be written is tried again."""

T = TypeVar("T")


class WriteRetry:
    def __init__(self, sync_log: SyncLog) -> None:
        self._sync_log = sync_log

    async def attempt(self, work: Callable[[], Awaitable[T]], otherwise: T) -> T:
        """For work that has its turn again anyway: ``otherwise`` if the file cannot be written now."""
        result = await self._try(work)
        return otherwise if result is None else result[0]

    async def until_written(self, work: Callable[[], Awaitable[T]]) -> T:
        """For work that must be done: it is tried until the file can be written."""
        while (result := await self._try(work)) is None:  # noqa: ASYNC110  # nothing tells when a disk has room
            await asyncio.sleep(RETRY_SECONDS)
        return result[0]

    async def _try(self, work: Callable[[], Awaitable[T]]) -> tuple[T] | None:
        """The result in a tuple, since it may be None itself; None if the file cannot be written."""
        try:
            result = await work()
        except (DatabaseUnwritable, DatabaseLocked) as error:
            self._sync_log.database_failed(error)
            return None
        self._sync_log.database_works()
        return (result,)
