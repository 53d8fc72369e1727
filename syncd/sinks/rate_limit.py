"""Staying below a receiver's rate limits, by waiting before a message."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime

from syncd.model import Clock
from syncd.sinks.format import Format

RUSH_SECONDS = 10.0
"""How long after a full or half hour the rush lasts."""


class Pace:
    """Hands out turns; each waits until every limit has room. One process knows only its own messages."""

    def __init__(self, form: Format, clock: Clock, sleep: Callable[[float], Awaitable[object]]) -> None:
        self._limits = form.limits
        self._avoids_half_hours = form.avoids_half_hours
        self._clock = clock
        self._sleep = sleep
        self._taken: deque[float] = deque(maxlen=max((limit.messages for limit in form.limits), default=0))
        self._lock = asyncio.Lock()

    async def turn(self) -> None:
        if not self._limits and not self._avoids_half_hours:
            return
        async with self._lock:
            while (wait := self._wait()) > 0:
                await self._sleep(wait)
            self._taken.append(self._clock.monotonic())

    def _wait(self) -> float:
        rush = until_rush_ends(self._clock.now()) if self._avoids_half_hours else 0.0
        return max(rush, *(self._until_room(limit.messages, limit.seconds) for limit in self._limits), 0.0)

    def _until_room(self, count: int, seconds: float) -> float:
        if len(self._taken) < count:
            return 0.0
        return self._taken[-count] + seconds - self._clock.monotonic()


def until_rush_ends(now: datetime) -> float:
    """Seconds to wait if ``now`` is just after a full or half hour, else 0."""
    passed = (now.minute % 30) * 60 + now.second + now.microsecond / 1_000_000
    return max(0.0, RUSH_SECONDS - passed)
