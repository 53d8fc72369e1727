"""What was really read of the cloud and when, by the time that really passed: the clock's jumps do not count."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from math import inf
from typing import NamedTuple

from syncd.model import Target, to_text
from tests.stateful.clock import Clock
from tests.sync.rig import Rig

FEW = 5
"""Planned intervals of one gap between two complete syncs that count as observed, at most."""
FRESH_AT_LEAST = timedelta(minutes=30)
FRESH_INTERVALS = 3
DISTRUSTED_FROM = timedelta(minutes=1)
"""A time that lies so far ahead of the wall was written by a clock that ran ahead."""


class Moment(NamedTuple):
    """The start of a sync."""

    tick: int
    """Of the world."""
    passed: timedelta
    wall: datetime
    interval: timedelta
    """Between planned syncs."""
    process: object


class Observed:
    def __init__(self, rig: Rig, clock: Clock) -> None:
        self._rig = rig
        self._clock = clock
        self.began: dict[str, Moment] = {}
        """When a sync began, as the database has it → when that was."""
        self._complete: dict[Target, list[Moment]] = {}
        self._ended: list[tuple[timedelta, datetime]] = []
        """When the syncs ended, by the time that passed and by the wall."""

    def sync_begins(self, tick: int) -> None:
        """The rig's clock goes on by a second before it starts."""
        at = self._clock.at + timedelta(seconds=1)
        passed = self._clock.passed + timedelta(seconds=1)
        self.began[to_text(at)] = Moment(tick, passed, at, self._rig.settings.interval(at), self._rig.syncer)

    def sync_ends(self) -> None:
        """With success or not, written down."""
        self._ended.append((self._clock.passed, self._clock.at))

    def note(self) -> set[Target]:
        """Targets that had a complete sync since the last call. What a power cut undid was never read."""
        new: set[Target] = set()
        for account, region, at in self._rig.rows("SELECT account, region, last_success_at FROM targets"):
            moment = self.began.get(at)
            target, known = Target(account, region), self._complete.get(Target(account, region), [])
            known = [one for one in known if moment is not None and one.tick <= moment.tick]
            self._complete[target] = known
            if moment is not None and (not known or known[-1].tick < moment.tick):
                self._complete[target] = [*known, moment]
                new.add(target)
        return new

    def waited(self, target: Target, since: int) -> timedelta:
        """How long the target was observed from the sync that began at tick ``since`` to its last complete one."""
        syncs = [moment for moment in self._complete.get(target, ()) if moment.tick >= since]
        return sum((_counted(*gap) for gap in pairwise(syncs)), timedelta(0))

    def is_fresh(self, target: Target, slack: timedelta = timedelta(0), before: float = inf) -> bool:
        """Whether its last complete sync (``before`` a tick) is as recent as the product promises of what is fresh."""
        syncs = [moment for moment in self._complete.get(target, ()) if moment.tick < before]
        if not syncs:
            return False
        last = syncs[-1]
        window = max(FRESH_AT_LEAST, FRESH_INTERVALS * last.interval)
        noticed = any(
            passed > last.passed and wall < last.wall - DISTRUSTED_FROM for passed, wall in self._ended
        )
        slack += self._clock.set_back_since(last.passed, last.wall, noticed=noticed)
        return self._clock.passed - last.passed < window + slack

    def last(self, target: Target) -> Moment | None:
        return next(reversed(self._complete.get(target, ())), None)


def _counted(before: Moment, after: Moment) -> timedelta:
    """A process knows of the one before it by the wall's clock only."""
    gap = after.passed - before.passed
    if before.process is not after.process:
        gap = max(gap, after.wall - before.wall)
    return min(gap, FEW * max(before.interval, after.interval))
