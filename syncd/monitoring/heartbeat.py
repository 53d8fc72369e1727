"""The only alarm that still works when the machine is gone: a GET somewhere while all is well."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import aiohttp
import structlog

from syncd.config import HeartbeatConfig
from syncd.monitoring.health import Health

log = structlog.get_logger()

TIMEOUT = timedelta(seconds=20)


class Heartbeat:
    """One `beat` each interval; a receiver that fails is said once, and once more when it answers again."""

    def __init__(self, config: HeartbeatConfig, health: Callable[[], Awaitable[Health]]) -> None:
        self._config = config
        self._health = health
        self._failing = False

    async def beat(self) -> None:
        found = await self._health()
        if not found.healthy:
            log.debug("heartbeat_withheld", reasons=found.reasons)
            return
        trouble = await self._get()
        if trouble and not self._failing:
            log.warning("heartbeat_failed", error=trouble, hint="check [heartbeat] url from this machine")
        elif self._failing and not trouble:
            log.info("heartbeat_recovered")
        self._failing = bool(trouble)

    async def _get(self) -> str:
        """What went wrong, without the URL: it may be a credential."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT.total_seconds())
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(self._config.url.reveal(), allow_redirects=False) as response,
            ):
                return "" if response.status < 400 else f"HTTP {response.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return type(error).__name__
