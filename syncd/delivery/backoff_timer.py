"""How long a receiver that is away is left alone, by the monotonic clock, which nobody can set."""

from __future__ import annotations

from datetime import datetime

from syncd.model import Clock

CLOCK_JUMP = 3.0
"""Seconds. If the wall clock and the monotonic clock part by more, the wall clock was set (or the machine slept)."""


class BackoffTimer:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ends_at: float | None = None
        self._wall_offset = self._current_offset()

    @property
    def is_over(self) -> bool:
        """Whether the receiver may be tried."""
        return self._ends_at is None or self._clock.monotonic() >= self._ends_at

    @property
    def seconds_left(self) -> float:
        """Until the receiver may be tried; zero or less if it may be tried now."""
        return 0.0 if self._ends_at is None else self._ends_at - self._clock.monotonic()

    def set(self, due: datetime) -> None:
        """Wait until ``due``, a time of the wall clock as it is now."""
        self._ends_at = self._moment_of(due)

    def shorten(self, due: datetime) -> None:
        """Wait only until ``due`` if that is sooner than planned."""
        if self._ends_at is not None:
            self._ends_at = min(self._ends_at, self._moment_of(due))

    def clear(self) -> None:
        self._ends_at = None

    def clock_was_set(self) -> bool:
        """Whether the wall clock was set since this was last asked."""
        offset = self._current_offset()
        if abs(offset - self._wall_offset) <= CLOCK_JUMP:
            return False
        self._wall_offset = offset
        return True

    def _moment_of(self, due: datetime) -> float:
        return self._clock.monotonic() + (due - self._clock.now()).total_seconds()

    def _current_offset(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()
