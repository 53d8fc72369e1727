"""Stays below a receiver's rate limits by waiting before a message."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime

from syncd.model import Clock
from syncd.sinks.format import Format

RUSH_SECONDS = 10.0
"""How long the rush after a full or half hour lasts."""


class RateLimiter:
    """Lets messages go one by one, when every limit has room. It only knows the messages of this process."""

    def __init__(self, form: Format, clock: Clock, sleep: Callable[[float], Awaitable[object]]) -> None:
        self._limits = form.limits
        self._avoids_half_hours = form.avoids_half_hours
        self._clock = clock
        self._sleep = sleep
        self._sent_at: deque[float] = deque(maxlen=max((limit.messages for limit in form.limits), default=0))
        self._lock = asyncio.Lock()

    async def wait_turn(self) -> None:
        if not self._limits and not self._avoids_half_hours:
            return
        async with self._lock:
            while (wait := self._seconds_to_wait()) > 0:
                await self._sleep(wait)
            self._sent_at.append(self._clock.monotonic())

    def _seconds_to_wait(self) -> float:
        rush = seconds_until_rush_ends(self._clock.now()) if self._avoids_half_hours else 0.0
        return max(
            rush, *(self._seconds_until_room(limit.messages, limit.seconds) for limit in self._limits), 0.0
        )

    def _seconds_until_room(self, messages: int, seconds: float) -> float:
        if len(self._sent_at) < messages:
            return 0.0
        return self._sent_at[-messages] + seconds - self._clock.monotonic()


def seconds_until_rush_ends(now: datetime) -> float:
    """How long to wait if ``now`` is just after a full or half hour, else 0."""
    passed = (now.minute % 30) * 60 + now.second + now.microsecond / 1_000_000
    return max(0.0, RUSH_SECONDS - passed)
