"""The file's lock at the daemon's start: it waits for a command that has it; if another daemon does, it fails."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from syncd.config import Config
from syncd.daemon.systemd import Notifier
from syncd.store.lock import FileLock, HeldElsewhere, Holder

log = structlog.get_logger()

TRY_SECONDS = 0.5
"""Seconds between two tries."""

MARGIN = timedelta(seconds=30)
"""How much longer the start may take; systemd is told so at each try."""


async def lock_when_free(config: Config, notifier: Notifier, stop: asyncio.Event) -> FileLock | None:
    """The lock of the database; None if ``stop`` was set first.

    Raises HeldElsewhere if another daemon has it, and DatabaseUnwritable.
    """
    announced: Holder | None = None
    while not stop.is_set():
        try:
            return FileLock.acquire(
                config.database.path, "daemon", group_readable=config.database.group_readable
            )
        except HeldElsewhere as held:
            if held.holder.kind == "daemon":
                raise
            if held.holder != announced:
                announced = held.holder
                log.warning("waiting", holder=str(announced), effect="syncd starts when it is done")
            notifier.status(f"waiting for {announced} to finish")
            notifier.extend(MARGIN)
        await _pause(stop)
    return None


async def _pause(stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(TRY_SECONDS):
            await stop.wait()
    except TimeoutError:
        return
