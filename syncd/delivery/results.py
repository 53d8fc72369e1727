"""What came of the messages that were sent, until it is written: many results are written in one transaction."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import NamedTuple

from syncd.delivery.queue import Entry
from syncd.sinks.sink import ReceiverTrouble, SendResult

RESULTS_PER_TRANSACTION = 1_000
MAX_UNWRITTEN = 2_000
"""How many results may be in memory while earlier ones are written; sending waits when there are more."""
ENOUGH_TO_WRITE = 500
"""So many results are written without waiting for more."""
MAX_GATHERING = 0.25
"""Seconds that a result waits for others. After a kill, what was sent in this time is sent again."""


class SentMessage(NamedTuple):
    """The events of one message, and what came of it."""

    entries: list[Entry]
    result: SendResult
    is_current: bool = True
    """Whether it was sent after the last known failure: only then it says how the receiver is now."""
    left: Sequence[Entry] = ()
    """The events that it had no room for. They go with the next message, whatever came of this one."""

    @property
    def is_receiver_trouble(self) -> bool:
        return isinstance(self.result, ReceiverTrouble)


class Results:
    def __init__(self) -> None:
        self._messages: list[SentMessage] = []
        self._failures = 0
        self._enough = asyncio.Event()

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def has_failure(self) -> bool:
        """Whether the receiver failed: then nothing else is sent until that is written."""
        return self._failures > 0

    def add(self, message: SentMessage) -> None:
        self._messages.append(message)
        self._failures += message.is_receiver_trouble
        if self._is_enough():
            self._enough.set()

    def end_gathering(self) -> None:
        """Write now: no other result is about to come."""
        self._enough.set()

    async def gather(self) -> None:
        """Wait until there are enough results for one transaction, or for a moment."""
        self._enough.clear()
        if self._messages and not self._is_enough():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(MAX_GATHERING):
                    await self._enough.wait()

    def first(self) -> list[SentMessage]:
        """As many as go into one transaction."""
        return self._messages[:RESULTS_PER_TRANSACTION]

    def all(self) -> list[SentMessage]:
        return list(self._messages)

    def remove(self, count: int) -> None:
        """Forget the first ``count``, which are written."""
        self._failures -= sum(message.is_receiver_trouble for message in self._messages[:count])
        del self._messages[:count]

    def _is_enough(self) -> bool:
        return len(self._messages) >= ENOUGH_TO_WRITE or self.has_failure
