"""A wall clock that may be wrong, beside the time that really passes."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

from tests.sync import rig


class Clock(rig.Clock):
    """``at`` is what the wall shows, ``wrong`` by how much that is ahead of the truth."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong = timedelta(0)
        self._jumps: list[tuple[timedelta, timedelta, datetime]] = []
        """(when by the time that passed, by how much, what the wall shows after it)."""
        self._odd = itertools.count(1)

    @property
    def passed(self) -> timedelta:
        """The time that really went by."""
        return self.at - rig.START - self.wrong

    def monotonic(self) -> float:
        return self.passed.total_seconds()

    def jump(self, by: timedelta) -> None:
        """Somebody sets the clock; by an odd millisecond more, so that no two moments get one name."""
        by += timedelta(milliseconds=next(self._odd))
        self.at += by
        self.wrong += by
        self._jumps.append((self.passed, by, self.at))

    @property
    def jumps(self) -> int:
        return len(self._jumps)

    @property
    def jumped_at(self) -> timedelta:
        return self._jumps[-1][0]

    def set_back_since(self, passed: timedelta, wall: datetime, *, noticed: bool) -> timedelta:
        """How much younger than it is a moment looks by the wall.

        One that lies ahead of the wall gives itself away, if that is ``noticed`` before the wall gets there.
        """
        back = [
            by
            for at, by, shown in self._jumps
            if at >= passed and by < timedelta(0) and not (noticed and shown < wall)
        ]
        return -sum(back, timedelta(0))

    def set_right(self) -> None:
        if self.wrong:
            self.jump(-self.wrong - timedelta(milliseconds=1))
