"""Waits until something happens or a time comes, whichever is first, without polling."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

Sleep = Callable[[float], Awaitable[object]]


class Wakeup:
    def __init__(self, sleep: Sleep) -> None:
        self._sleep = sleep
        self._called = asyncio.Event()

    def wake(self) -> None:
        """End the current `wait`, or the next one."""
        self._called.set()

    async def wait(self, seconds: float | None) -> None:
        """Wait for `wake`, but no longer than ``seconds``; None means that there is no limit."""
        if seconds is None:
            await self._called.wait()
        elif not self._called.is_set():
            await self._called_or_slept(seconds)
        self._called.clear()

    async def _called_or_slept(self, seconds: float) -> None:
        tasks = [
            asyncio.ensure_future(self._called.wait()),
            asyncio.ensure_future(_awaited(self._sleep(seconds))),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _awaited(awaitable: Awaitable[object]) -> None:
    await awaitable
