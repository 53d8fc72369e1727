"""The wall clock sets the plan; this watch, which goes by the monotonic clock, notices when somebody changes it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import structlog

from syncd.model import Clock
from syncd.schedule.jobs import Jobs

log = structlog.get_logger()

CHECK_SECONDS = 5.0
"""Seconds between two checks of the clock."""

STUCK_SECONDS = 30.0
"""Seconds without a check after which the event loop counts as stuck."""

JUMP = timedelta(seconds=3)
"""A wall clock that moved by more than this, compared with the monotonic one, was set."""


class ClockWatch:
    """Moves the jobs back with a clock that is set back: they would otherwise wait for as long as it was wrong."""

    def __init__(self, clock: Clock, jobs: Jobs) -> None:
        self._clock = clock
        self._jobs = jobs
        self._offset = timedelta(0)
        """The wall clock minus the monotonic one, as last seen."""
        self._checked_at = clock.monotonic()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._offset = self._wall_offset()
        # A run plans the next one by the clock at its start and end, so even a short jump in between is noticed.
        self._jobs.call_at_each_start(self.check)
        self._check_regularly()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    @property
    def stuck(self) -> bool:
        """Whether the last regular check was so long ago that something is wrong with syncd."""
        return self._clock.monotonic() - self._checked_at > STUCK_SECONDS

    def check(self, _: object = None) -> None:
        """Compare the clocks now, besides the regular checks."""
        offset = self._wall_offset()
        if offset < self._offset - JUMP:
            back = self._offset - offset
            log.warning("clock_set_back", seconds=round(back.total_seconds()))
            self._jobs.move_back(back)
        elif offset > self._offset + JUMP:
            self._jobs.wake_up()
        self._offset = offset

    def _check_regularly(self) -> None:
        self._checked_at = self._clock.monotonic()
        self.check()
        self._timer = asyncio.get_running_loop().call_later(CHECK_SECONDS, self._check_regularly)

    def _wall_offset(self) -> timedelta:
        return self._clock.now() - datetime.fromtimestamp(self._clock.monotonic(), UTC)
