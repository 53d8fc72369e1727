"""A GET to a monitoring service while all is well. It raises the alarm when they stop, even if the machine is gone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import aiohttp
import structlog

from syncd.config import HeartbeatConfig
from syncd.monitoring.health import Health

log = structlog.get_logger()

TIMEOUT = timedelta(seconds=20)
"""Of one GET."""


class Heartbeat:
    """Call `beat` once each interval. A receiver that fails is logged once, and so is its recovery."""

    def __init__(self, config: HeartbeatConfig, health: Callable[[], Awaitable[Health]]) -> None:
        self._config = config
        self._health = health
        self._failing = False

    async def beat(self) -> None:
        health = await self._health()
        if not health.healthy:
            log.debug("heartbeat_withheld", reasons=health.reasons)
            return
        trouble = await self._get()
        if trouble and not self._failing:
            log.warning("heartbeat_failed", error=trouble, hint="check [heartbeat] url from this machine")
        elif self._failing and not trouble:
            log.info("heartbeat_recovered")
        self._failing = bool(trouble)

    async def _get(self) -> str:
        """What went wrong, or ""; without the URL, which may be a credential."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT.total_seconds())
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(self._config.url.reveal(), allow_redirects=False) as response,
            ):
                return "" if response.status < 400 else f"HTTP {response.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return type(error).__name__
