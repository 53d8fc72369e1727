"""A file that cannot be written now (a full disk, another program's lock) is waited for, and said once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from syncd.daemon.sync_log import SyncLog
from syncd.errors import DatabaseLocked, DatabaseUnwritable

AGAIN_AFTER = 5.0
"""Seconds until what must be written is tried again."""

T = TypeVar("T")


class WriteRetry:
    def __init__(self, sync_log: SyncLog) -> None:
        self._sync_log = sync_log

    async def attempt(self, work: Callable[[], Awaitable[T]], otherwise: T) -> T:
        """What has its turn again anyway: ``otherwise`` if the file cannot be written."""
        done = await self._try(work)
        return otherwise if done is None else done[0]

    async def insist(self, work: Callable[[], Awaitable[T]]) -> T:
        """What must be done: tried until it is."""
        while (done := await self._try(work)) is None:  # noqa: ASYNC110  # nothing tells when a disk has room
            await asyncio.sleep(AGAIN_AFTER)
        return done[0]

    async def _try(self, work: Callable[[], Awaitable[T]]) -> tuple[T] | None:
        try:
            done = await work()
        except (DatabaseUnwritable, DatabaseLocked) as error:
            self._sync_log.database_failed(error)
            return None
        self._sync_log.database_works()
        return (done,)
