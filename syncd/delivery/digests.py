"""Which events go together in one message to a chat robot, and how many after one was refused: it takes no clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from syncd.delivery.queue import Entry, Queue
from syncd.delivery.settlement import Settlement

LONGEST = 1_000
"""Events of one digest, at most."""


class Digests:
    """``wait``: how long the first event waits for company. Moments are monotonic seconds."""

    def __init__(self, queue: Queue, wait: timedelta) -> None:
        self.gather_until: float | None = None
        """When what is ready goes, if something is."""
        self._queue = queue
        self._wait = wait.total_seconds()
        self._length = LONGEST
        self._doubted = 0
        """The length of a digest that failed again and again, while one of its events is tried alone."""

    @property
    def is_halved(self) -> bool:
        """Whether they are short because one was refused, or failed."""
        return self._length < LONGEST

    @property
    def probes_alone(self) -> bool:
        """Whether a receiver that is away is tried with one event."""
        return bool(self._doubted) or self._length == 1

    def next(self, now: datetime, monotonic: float, *, patient: bool) -> list[Entry]:
        """The next digest, or an event that goes alone; nothing while company is waited for."""
        if not self._queue.has_together(now):
            self.gather_until = None
        elif not patient or self._is_gathered(monotonic):
            together = self._queue.take_together(now, self._length)
            if len(together) < self._length:
                self.gather_until = None
            return together
        entry = self._queue.take_alone(now)
        return [entry] if entry else []

    def learn(self, made: Settlement, delivered: int, monotonic: float) -> None:
        """A refused digest is halved until the refused event stands alone; then they grow again."""
        if made.untouched:
            self.gather_until = monotonic
        if made.refused_together:
            self._length = max(1, made.refused_together // 2)
        elif delivered and self._doubted:
            self._length = max(1, self._doubted // 2)
        elif delivered:
            self._length = min(LONGEST, self._length * 2)
        self._doubted = len(made.untouched) if made.doubts_digest else 0

    def _is_gathered(self, monotonic: float) -> bool:
        if self.gather_until is None:
            self.gather_until = monotonic + self._wait
        return monotonic >= self.gather_until
