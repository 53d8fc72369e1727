"""What came back from a receiver and is not settled yet: many outcomes are written at once."""

from __future__ import annotations

import asyncio
import contextlib

from syncd.delivery.settlement import Arrival
from syncd.sinks.sink import ReceiverTrouble

SETTLED_AT_ONCE = 1_000
UNSETTLED = 2_000
"""Outcomes that may lie in memory while earlier ones are written; then sending waits."""
ENOUGH = 500
"""Outcomes that are settled without waiting for more to come back."""
SETTLED_WITHIN = 0.25
"""Seconds that an outcome waits for others that are settled with it: so much is sent again after a kill."""


class Arrivals:
    def __init__(self) -> None:
        self._waiting: list[Arrival] = []
        self._failures = 0
        self._enough = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def has_failure(self) -> bool:
        """Of the receiver: nothing else goes until it is settled."""
        return self._failures > 0

    def add(self, one: Arrival) -> None:
        self._waiting.append(one)
        self._failures += _is_failure(one)
        if self._is_enough():
            self._enough.set()

    def hurry(self) -> None:
        """Nothing else is about to come back."""
        self._enough.set()

    async def gather(self) -> None:
        """Until there are enough for one transaction, or no more come for a moment."""
        self._enough.clear()
        if self._waiting and not self._is_enough():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SETTLED_WITHIN):
                    await self._enough.wait()

    def first(self) -> list[Arrival]:
        return self._waiting[:SETTLED_AT_ONCE]

    def all(self) -> list[Arrival]:
        return list(self._waiting)

    def settled(self, count: int) -> None:
        """The first ``count`` are written."""
        self._failures -= sum(map(_is_failure, self._waiting[:count]))
        del self._waiting[:count]

    def _is_enough(self) -> bool:
        return len(self._waiting) >= ENOUGH or self.has_failure


def _is_failure(one: Arrival) -> bool:
    return isinstance(one.verdict, ReceiverTrouble)
