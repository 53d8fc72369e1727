"""A wall clock that may be wrong, beside the time that really passes."""

from __future__ import annotations

import itertools
from datetime import timedelta

from tests.sync import rig


class Clock(rig.Clock):
    """``at`` is what the wall shows, ``wrong`` by how much that is ahead of the truth."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong = timedelta(0)
        self.jumps = 0
        self.jumped_at = timedelta(0)
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
        self.jumps += 1
        self.jumped_at = self.passed

    def set_right(self) -> None:
        if self.wrong:
            self.jump(-self.wrong - timedelta(milliseconds=1))
