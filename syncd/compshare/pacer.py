"""Spaces out requests, so that no more than ``rate`` begin within a second, and none in bursts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

MARGIN = 1.02
"""The network delays requests by a few milliseconds: with this margin a server that counts never sees one too many."""


class Pacer:
    def __init__(
        self, rate: float, monotonic: Callable[[], float], sleep: Callable[[float], Awaitable[object]]
    ) -> None:
        self._gap = MARGIN / rate
        self._monotonic = monotonic
        self._sleep = sleep
        self._next = float("-inf")
        self._queue = asyncio.Lock()

    async def turn(self) -> None:
        """Wait for this request's turn; first come, first served."""
        async with self._queue:
            if (wait := self._next - self._monotonic()) > 0:
                await self._sleep(wait)
            self._next = max(self._next, self._monotonic()) + self._gap

    def hold(self, seconds: float) -> None:
        """Let no request begin for so long, because the server throttles the whole account."""
        self._next = max(self._next, self._monotonic() + seconds)
