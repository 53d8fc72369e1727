"""Waiting for something to happen or for a time to come, whichever is first; never by polling."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

Sleep = Callable[[float], Awaitable[object]]


class Alarm:
    def __init__(self, sleep: Sleep) -> None:
        self._sleep = sleep
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """End the present `wait`, or the next."""
        self._rung.set()

    async def wait(self, seconds: float | None) -> None:
        """Until somebody rings, or for so long; None: for as long as nobody rings."""
        if seconds is None:
            await self._rung.wait()
        elif not self._rung.is_set():
            await self._rung_or_slept(seconds)
        self._rung.clear()

    async def _rung_or_slept(self, seconds: float) -> None:
        both = [
            asyncio.ensure_future(self._rung.wait()),
            asyncio.ensure_future(_awaited(self._sleep(seconds))),
        ]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in both:
                one.cancel()
            await asyncio.gather(*both, return_exceptions=True)


async def _awaited(what: Awaitable[object]) -> None:
    await what
