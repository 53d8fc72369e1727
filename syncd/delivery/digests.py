"""Which events go together in one message to a chat robot, and how many of them after a digest was refused.

Nothing here reads a clock: the current time is passed in.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from syncd.delivery.queue import Entry, Queue
from syncd.delivery.settlement import Settlement

MAX_EVENTS = 1_000
"""How many events one digest has at most."""


class Digests:
    """``wait`` is how long the first event waits for others. ``monotonic`` times are in seconds."""

    def __init__(self, queue: Queue, wait: timedelta) -> None:
        self.gather_until: float | None = None
        """When the events that are ready are sent, if there are any."""
        self._queue = queue
        self._wait = wait.total_seconds()
        self._length = MAX_EVENTS
        self._doubted = 0
        """The length of a digest that failed several times in a row, while one of its events is tried alone."""

    @property
    def is_halved(self) -> bool:
        """Whether digests are short because one was refused, or failed."""
        return self._length < MAX_EVENTS

    @property
    def probes_alone(self) -> bool:
        """Whether a receiver that is away is tried with a single event."""
        return bool(self._doubted) or self._length == 1

    def next(self, now: datetime, monotonic: float, *, gathers: bool) -> list[Entry]:
        """The next digest, or an event that goes alone; empty while more events are gathered."""
        if not self._queue.has_for_digest(now):
            self.gather_until = None
        elif not gathers or self._is_gathered(monotonic):
            digest = self._queue.take_for_digest(now, self._length)
            if len(digest) < self._length:
                self.gather_until = None
            return digest
        entry = self._queue.take_alone(now)
        return [entry] if entry else []

    def learn(self, settlement: Settlement, delivered: int, monotonic: float) -> None:
        """A refused digest is halved until the refused event stands alone; after that, digests grow again.

        ``delivered`` is how many events were delivered with this settlement.
        """
        if settlement.untouched or settlement.left:
            self.gather_until = monotonic
        if settlement.refused_together:
            self._length = max(1, settlement.refused_together // 2)
        elif delivered and self._doubted:
            self._length = max(1, self._doubted // 2)
        elif delivered:
            self._length = min(MAX_EVENTS, self._length * 2)
        self._doubted = len(settlement.untouched) if settlement.doubts_digest else 0

    def _is_gathered(self, monotonic: float) -> bool:
        if self.gather_until is None:
            self.gather_until = monotonic + self._wait
        return monotonic >= self.gather_until
