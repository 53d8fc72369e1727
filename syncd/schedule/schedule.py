"""Runs every target on its plan, retries instead of it after a failure, and extra looks besides it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial

from syncd.config import ScheduleConfig
from syncd.model import Clock, Target
from syncd.schedule.clock_watch import ClockWatch
from syncd.schedule.jobs import Jobs
from syncd.schedule.retries import Retries
from syncd.schedule.triggers import interval_around, interval_trigger, plan_trigger
from syncd.sync.discovery import EVERY as DISCOVER_EVERY
from syncd.sync.report import SyncReport

MAX_SYNCS_TOGETHER = 50
"""Targets that start at the same moment; more are spread over the interval, and no more run at a time."""

MAX_SPREAD = timedelta(minutes=5)
"""Targets that are spread start within this time, even if the interval is longer."""

RERUN_DELAY = timedelta(seconds=0.2)
"""What runs again at once waits this long: its last run must first leave the scheduler, which allows one at a time."""

_PLANNED = ("sync:", "discover:", "look:")
"""How the names of the jobs begin that `Schedule.watch` plans."""

Sync = Callable[[Target], Awaitable[SyncReport]]
Discover = Callable[[str], Awaitable[SyncReport]]


class Schedule:
    """Calls ``sync`` and ``discover`` when they are due; the report of each says how to go on.

    ``jobs`` takes other work besides, such as the heartbeat.
    """

    def __init__(
        self,
        config: ScheduleConfig,
        clock: Clock,
        sync: Sync,
        discover: Discover,
        on_error: Callable[[Exception], object] = lambda _: None,
    ) -> None:
        self.jobs = Jobs(clock, on_error)
        self._config = config
        self._clock = clock
        self._sync = sync
        self._discover = discover
        self._running = asyncio.Semaphore(MAX_SYNCS_TOGETHER)
        self._clock_watch = ClockWatch(clock, self.jobs)
        self._retries = Retries()
        self.watched = 0
        """How many targets are planned."""

    def start(self) -> None:
        self.jobs.start()
        self._clock_watch.start()

    def stop(self) -> None:
        """Cancel what runs; nothing starts any more."""
        self._clock_watch.stop()
        self.jobs.stop()

    def watch(
        self,
        targets: Iterable[Target],
        discovering: Iterable[str],
        *,
        at_once: bool,
        again: Collection[Target] = (),
    ) -> None:
        """Plan exactly these targets, and the region discovery of these accounts.

        ``at_once``: targets that are not planned yet start now, not at their next planned time. ``again``: these
        start now in any case.
        """
        syncs = {_name("sync", *target): target for target in targets}
        discoveries = {_name("discover", account): account for account in discovering}
        planned = self.jobs.names()
        self.watched = len(syncs)
        self._drop_all_but({*syncs, *discoveries}, planned)
        due = [name for name, target in syncs.items() if target in again or (at_once and name not in planned)]
        self._retries.restart(name for name in due if name in planned)
        self._plan_syncs(syncs, due, planned)
        self._plan_discoveries(discoveries, planned)

    def change(self, config: ScheduleConfig) -> None:
        """Follow another plan; the next `watch` plans the targets anew."""
        if config != self._config:
            self._config = config
            for name in self.jobs.names():
                if name.startswith("sync:"):
                    self.jobs.drop(name)

    @property
    def stuck(self) -> bool:
        """Whether nothing was done for so long that something is wrong with syncd."""
        return self._clock_watch.stuck

    def next_sync(self) -> datetime | None:
        """When the next sync of any target starts."""
        times = (time for name, time in self.jobs.next_runs().items() if name.startswith(("sync:", "look:")))
        return min(times, default=None)

    def follow(self, report: SyncReport) -> None:
        """Let a sync by hand decide how to go on, as a planned one does; its retries begin anew."""
        account, region = report.target
        name = _name("sync", *report.target) if region else _name("discover", account)
        self._retries.restart([name])
        self._go_on(name, report)

    def _drop_all_but(self, wanted: set[str], planned: set[str]) -> None:
        """The extra look at a target goes with its planned syncs."""
        for name in planned:
            if name.startswith(_PLANNED) and name.replace("look:", "sync:") not in wanted:
                self.jobs.drop(name)

    def _plan_syncs(self, syncs: Mapping[str, Target], due: Collection[str], planned: set[str]) -> None:
        """Those that are ``due`` start now; of the others, those that are not ``planned`` yet are planned."""
        for index, name in enumerate(due):
            delay = RERUN_DELAY if name in planned else timedelta(0)
            self._plan(name, syncs[name], self._clock.now() + self._spread(index, len(due)) + delay)
        for name in syncs.keys() - planned - set(due):
            self._plan(name, syncs[name], None)

    def _plan_discoveries(self, discoveries: Mapping[str, str], planned: set[str]) -> None:
        new = discoveries.keys() - planned
        self._retries.restart(new)
        for name in new:
            discover = partial(self._run_discovery, discoveries[name])
            self.jobs.add(name, interval_trigger(DISCOVER_EVERY), discover, self._clock.now())

    def _plan(self, name: str, target: Target, first: datetime | None) -> None:
        """``first`` None: it starts when the plan says."""
        self.jobs.add(name, plan_trigger(self._config, first), partial(self._run_sync, target), first)

    def _spread(self, index: int, count: int) -> timedelta:
        """How long the target with this index waits, of ``count`` that start together."""
        if index < MAX_SYNCS_TOGETHER:
            return timedelta(0)
        span = min(interval_around(self._config, self._clock.now()), MAX_SPREAD)
        return span * (index - MAX_SYNCS_TOGETHER) / (count - MAX_SYNCS_TOGETHER)

    async def _run_sync(self, target: Target) -> None:
        await asyncio.sleep(random.uniform(0, self._config.jitter.total_seconds()))
        async with self._running:
            report = await self._sync(target)
        self._go_on(_name("sync", *target), report)

    async def _run_discovery(self, account: str) -> None:
        report = await self._discover(account)
        self._go_on(_name("discover", account), report)

    def _go_on(self, name: str, report: SyncReport) -> None:
        self._clock_watch.check()
        if name not in self.jobs:
            return
        if (retry_at := self._retry_at(name, report)) is not None:
            self.jobs.run_at(name, retry_at)
        else:
            self.jobs.run_as_planned(name)
        if name.startswith("sync:"):
            self._plan_look(report)

    def _retry_at(self, name: str, report: SyncReport) -> datetime | None:
        now = self._clock.now()
        if report.outcome == "cancelled" and report.retry_at is None:
            return now + RERUN_DELAY
        is_sync = name.startswith("sync:")
        interval = interval_around(self._config, now) if is_sync else DISCOVER_EVERY
        return self._retries.retry_at(name, report, interval)

    def _plan_look(self, report: SyncReport) -> None:
        """An extra sync where the report asks for one, say to see whether images are still missing."""
        name = _name("look", *report.target)
        if report.look_at is None:
            self.jobs.drop(name)
        else:
            self.jobs.once(name, report.look_at, partial(self._run_sync, report.target))


def _name(kind: str, *parts: str) -> str:
    return f"{kind}:{'/'.join(parts)}"
