"""A daemon that starts while a command works on the file waits for its end; another daemon is an error at once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from syncd.config import Config
from syncd.daemon.systemd import Notifier
from syncd.store.lock import FileLock, HeldElsewhere, Holder

log = structlog.get_logger()

LOOK_EVERY = 0.5
"""Seconds between two tries."""

MARGIN = timedelta(seconds=30)
"""How much longer the start may take, told to systemd with each try."""


async def lock_when_free(config: Config, notifier: Notifier, stop: asyncio.Event) -> FileLock | None:
    """The lock of the database; None if ``stop`` came first. Raises HeldElsewhere by a daemon, DatabaseUnwritable."""
    said: Holder | None = None
    while not stop.is_set():
        try:
            return FileLock.acquire(
                config.database.path, "daemon", group_readable=config.database.group_readable
            )
        except HeldElsewhere as held:
            if held.holder.kind == "daemon":
                raise
            if held.holder != said:
                said = held.holder
                log.warning("waiting", holder=str(said), effect="the start goes on when it is done")
            notifier.status(f"waiting for {said} to finish")
            notifier.extend(MARGIN)
        await _pause(stop)
    return None


async def _pause(stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(LOOK_EVERY):
            await stop.wait()
    except TimeoutError:
        return
