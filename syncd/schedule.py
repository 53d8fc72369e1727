"""When things run: every target on its plan, retries instead of it, extra looks besides it, upkeep around it.

The wall clock sets the plan; a monotonic watch notices when somebody sets that clock back.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Collection, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import structlog
from apscheduler.events import (
    EVENT_JOB_ERROR,
    EVENT_JOB_MAX_INSTANCES,
    EVENT_JOB_MISSED,
    EVENT_JOB_SUBMITTED,
    JobEvent,
    JobExecutionEvent,
)
from apscheduler.job import Job
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from syncd.config import ScheduleConfig
from syncd.errors import FailureClass
from syncd.model import Clock, Target
from syncd.sync.discovery import EVERY as DISCOVER_EVERY
from syncd.sync.pace import retry_delay
from syncd.sync.report import SyncReport

log = structlog.get_logger()

TOGETHER = 50
"""Targets that start at the same moment; more are spread over the interval, and no more run at a time."""

WATCH_EVERY = 5.0
"""Seconds between two looks at the clock."""

JUMP = timedelta(seconds=3)
"""A wall clock that went back by more was set back."""

SOON = timedelta(seconds=0.2)
"""What is done anew starts so late: the run before it has left the scheduler by then, which allows one at a time."""

_PLANNED = ("sync:", "discover:", "look:")

Sync = Callable[[Target], Awaitable[SyncReport]]
Discover = Callable[[str], Awaitable[SyncReport]]
Work = Callable[[], Awaitable[object]]


def interval_around(config: ScheduleConfig, moment: datetime) -> timedelta:
    """The time between planned syncs: of a cron plan, the mean of the next three."""
    if config.interval is not None:
        return config.interval
    trigger = _cron(config)
    fire: datetime | None = moment
    for _ in range(3):
        fire = trigger.get_next_fire_time(fire, fire + timedelta(microseconds=1)) if fire else None
    return (fire - moment) / 3 if fire else timedelta(days=365)


class Schedule:
    """Calls ``sync`` and ``discover`` when they are due; both report how to go on."""

    def __init__(
        self,
        config: ScheduleConfig,
        clock: Clock,
        sync: Sync,
        discover: Discover,
        on_error: Callable[[Exception], object] = lambda _: None,
    ) -> None:
        self.skipped = 0
        """Planned runs that fell together with one still running, or came too late to count on their own."""
        self._config = config
        self._clock = clock
        self._sync = sync
        self._discover = discover
        self._places = asyncio.Semaphore(TOGETHER)
        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._on_error = on_error
        self._scheduler.add_listener(self._on_failure, EVENT_JOB_ERROR)
        self._scheduler.add_listener(self._on_skip, EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)
        self._scheduler.add_listener(self._notice_jump, EVENT_JOB_SUBMITTED)
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # what a job raises goes to `on_error`
        self._offset = timedelta(0)
        self._anew: set[str] = set()
        """Whose next failure is the first that counts for its retries."""
        self._forgiven: dict[str, int] = {}
        """Failures in a row that do not count any more."""
        self._looked_at = clock.monotonic()
        self._watch: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._scheduler.start()
        self._offset = self._wall_offset()
        self._look_at_clock()

    def stop(self) -> None:
        """Cancel what runs; nothing starts any more."""
        if self._watch is not None:
            self._watch.cancel()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def watch(
        self,
        targets: Iterable[Target],
        discovering: Iterable[str],
        *,
        at_once: bool,
        again: Collection[Target] = (),
    ) -> None:
        """Plan exactly these targets, and the region discovery of these accounts.

        ``at_once``: those not planned yet start now, not at their next planned time. ``again`` do so in any case.
        """
        wanted = {_name("sync", *target): target for target in targets}
        accounts = {_name("discover", account): account for account in discovering}
        known = {job.id for job in self._scheduler.get_jobs()}
        for name in known:
            if (
                name.startswith(_PLANNED)
                and name.replace("look:", "sync:") not in wanted
                and name not in accounts
            ):
                self.drop(name)
        now = [name for name, target in wanted.items() if target in again or (at_once and name not in known)]
        self._anew.update(name for name in now if name in known)
        self._anew.update(accounts.keys() - known)
        for index, name in enumerate(now):
            wait = self._spread(index, len(now)) + (SOON if name in known else timedelta(0))
            self._plan(name, wanted[name], self._now() + wait)
        for name in wanted.keys() - known - set(now):
            self._plan(name, wanted[name], None)
        for name in accounts.keys() - known:
            every = IntervalTrigger(seconds=_seconds(DISCOVER_EVERY))
            self._add(name, every, partial(self._discovered, accounts[name]), self._now())

    def change(self, config: ScheduleConfig) -> None:
        """Follow another plan; the next `watch` replaces the jobs."""
        if config != self._config:
            self._config = config
            for job in self._scheduler.get_jobs():
                if job.id.startswith("sync:"):
                    job.remove()

    def every(self, name: str, interval: timedelta, work: Work, first: timedelta | None = None) -> None:
        """Do ``work`` each ``interval``, for the first time after ``first`` (the interval if absent)."""
        trigger = IntervalTrigger(seconds=_seconds(interval))
        self._add(name, trigger, work, self._now() + (interval if first is None else first))

    def once(self, name: str, at: datetime, work: Work) -> None:
        self._add(name, DateTrigger(at), work, at)

    def drop(self, name: str) -> None:
        if (job := self._scheduler.get_job(name)) is not None:
            job.remove()

    @property
    def watched(self) -> int:
        """Planned targets."""
        return sum(job.id.startswith("sync:") for job in self._scheduler.get_jobs())

    def next_sync(self) -> datetime | None:
        """When the next planned sync starts."""
        times = [
            job.next_run_time for job in self._scheduler.get_jobs() if job.id.startswith(("sync:", "look:"))
        ]
        return min((time for time in times if time is not None), default=None)

    def follow(self, report: SyncReport) -> None:
        """Let a sync by hand decide how to go on, as a planned one does: retries begin anew with it."""
        account, region = report.target
        name = _name("sync", *report.target) if region else _name("discover", account)
        self._anew.add(name)
        self._go_on(name, report)

    def _plan(self, name: str, target: Target, first: datetime | None) -> None:
        self._add(name, self._trigger(first), partial(self._synced, target), first)

    def _spread(self, index: int, count: int) -> timedelta:
        if index < TOGETHER:
            return timedelta(0)
        span = min(interval_around(self._config, self._now()), timedelta(minutes=5))
        return span * (index - TOGETHER) / (count - TOGETHER)

    async def _synced(self, target: Target) -> None:
        await asyncio.sleep(random.uniform(0, _seconds(self._config.jitter)))
        async with self._places:
            report = await self._sync(target)
        self._go_on(_name("sync", *target), report)

    async def _discovered(self, account: str) -> None:
        report = await self._discover(account)
        self._go_on(_name("discover", account), report)

    def _go_on(self, name: str, report: SyncReport) -> None:
        self._notice_jump()
        job = self._scheduler.get_job(name)
        if job is None:
            return
        retry_at = self._retry_at(name, report)
        if retry_at is not None:
            job.modify(next_run_time=retry_at)
        else:
            self._back_to_plan(job)
        if name.startswith("sync:"):
            self._plan_look(report)

    def _retry_at(self, name: str, report: SyncReport) -> datetime | None:
        if report.outcome == "cancelled" and report.retry_at is None:
            return self._now() + SOON
        if report.retry_at is None or report.failure is None:
            self._anew.discard(name)
            self._forgiven.pop(name, None)
            return report.retry_at
        if name in self._anew:
            self._anew.remove(name)
            self._forgiven[name] = report.failures - 1
        return (
            report.finished_at + self._delay(name, report.failure, report)
            if name in self._forgiven
            else report.retry_at
        )

    def _delay(self, name: str, failure: FailureClass, report: SyncReport) -> timedelta:
        """A reload, or a sync by hand, lets the retries begin anew."""
        is_sync = name.startswith("sync:")
        interval = interval_around(self._config, self._now()) if is_sync else DISCOVER_EVERY
        counted = max(1, report.failures - self._forgiven[name])
        return retry_delay(failure, counted, interval, report.retry_after)

    def _back_to_plan(self, job: Job) -> None:
        """A target that works again does not wait for the retry of its last failure."""
        planned = job.trigger.get_next_fire_time(None, self._now())
        if job.next_run_time is not None and planned is not None and job.next_run_time > planned:
            job.modify(next_run_time=planned)

    def _plan_look(self, report: SyncReport) -> None:
        name = _name("look", *report.target)
        if report.look_at is None:
            self.drop(name)
        else:
            self.once(name, report.look_at, partial(self._synced, report.target))

    def _trigger(self, first: datetime | None) -> CronTrigger | IntervalTrigger:
        """Intervals are counted from ``first``: targets that were spread stay so."""
        if self._config.interval is not None:
            return IntervalTrigger(seconds=_seconds(self._config.interval), start_date=first)
        return _cron(self._config)

    def _add(self, name: str, trigger: object, work: Work, first: datetime | None) -> None:
        """``first`` None: when the trigger says."""
        start = {} if first is None else {"next_run_time": first}
        self._scheduler.add_job(work, trigger, id=name, name=name, replace_existing=True, **start)

    def _on_failure(self, event: JobExecutionEvent) -> None:
        """The scheduler would only log what a job raises."""
        if isinstance(event.exception, Exception):
            self._on_error(event.exception)

    def _on_skip(self, event: JobEvent) -> None:
        self.skipped += 1
        log.debug("run_skipped", job=event.job_id, reason="the one before still runs")

    @property
    def stuck(self) -> bool:
        """Whether it has not looked at the clock for so long that something is wrong with syncd."""
        return self._clock.monotonic() - self._looked_at > 6 * WATCH_EVERY

    def _look_at_clock(self) -> None:
        """After the clock was set back, jobs planned by the old one would wait as long as it was wrong."""
        self._looked_at = self._clock.monotonic()
        self._notice_jump()
        self._watch = asyncio.get_running_loop().call_later(WATCH_EVERY, self._look_at_clock)

    def _notice_jump(self, _: object = None) -> None:
        """Also when a run begins and ends: what is planned then goes by the clock of then, however short that lasts."""
        offset = self._wall_offset()
        if offset < self._offset - JUMP:
            back = self._offset - offset
            log.warning("clock_set_back", seconds=round(back.total_seconds()))
            for job in self._scheduler.get_jobs():
                _move(job, back)
        elif offset > self._offset + JUMP:
            self._scheduler.wakeup()
        self._offset = offset

    def _wall_offset(self) -> timedelta:
        return self._now() - datetime.fromtimestamp(self._clock.monotonic(), UTC)

    def _now(self) -> datetime:
        return self._clock.now()


def _cron(config: ScheduleConfig) -> CronTrigger:
    assert config.cron is not None
    zone = ZoneInfo(config.timezone) if config.timezone else None
    return CronTrigger.from_crontab(config.cron, timezone=zone)


def _move(job: Job, back: timedelta) -> None:
    """Plan it so much earlier: its next run, and the start that an interval is counted from."""
    if isinstance(job.trigger, IntervalTrigger):
        job.trigger.start_date -= back
    if job.next_run_time is not None:
        job.modify(next_run_time=job.next_run_time - back)


def _name(kind: str, *parts: str) -> str:
    return f"{kind}:{'/'.join(parts)}"


def _seconds(span: timedelta) -> float:
    return span.total_seconds()
