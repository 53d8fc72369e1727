"""Named jobs on APScheduler: each runs once at a time, late runs are made up for by one, and none is dropped."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

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
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from syncd.model import Clock
from syncd.schedule.triggers import interval_trigger

log = structlog.get_logger()

Work = Callable[[], Awaitable[object]]


class Jobs:
    """A job's name is its identity: adding one again replaces it. ``on_error`` gets what a job raises."""

    def __init__(self, clock: Clock, on_error: Callable[[Exception], object]) -> None:
        self.skipped = 0
        """Runs that were skipped because the run before was still going on, or that came too late."""
        self._clock = clock
        self._on_error = on_error
        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._scheduler.add_listener(self._on_failure, EVENT_JOB_ERROR)
        self._scheduler.add_listener(self._on_skip, EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # what a job raises goes to `on_error`

    def __contains__(self, name: str) -> bool:
        return self._scheduler.get_job(name) is not None

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        """Cancel the jobs that run; no other one starts."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def add(self, name: str, trigger: BaseTrigger, work: Work, first: datetime | None) -> None:
        """``first`` is the first time it runs; None leaves that to the trigger."""
        start = {} if first is None else {"next_run_time": first}
        self._scheduler.add_job(work, trigger, id=name, name=name, replace_existing=True, **start)

    def every(self, name: str, interval: timedelta, work: Work, first: timedelta | None = None) -> None:
        """Do ``work`` each ``interval``, for the first time after ``first`` (the interval if absent)."""
        wait = interval if first is None else first
        self.add(name, interval_trigger(interval), work, self._clock.now() + wait)

    def once(self, name: str, at: datetime, work: Work) -> None:
        self.add(name, DateTrigger(at), work, at)

    def drop(self, name: str) -> None:
        """Forget the job, if it is there; a run that is going on is not cut off."""
        if (job := self._scheduler.get_job(name)) is not None:
            job.remove()

    def names(self) -> set[str]:
        return {job.id for job in self._scheduler.get_jobs()}

    def next_runs(self) -> dict[str, datetime]:
        """Name → the time of the next run; jobs that will not run again are left out."""
        return {job.id: job.next_run_time for job in self._scheduler.get_jobs() if job.next_run_time}

    def run_at(self, name: str, at: datetime) -> None:
        """The next run is at that time instead of the planned one; the runs after it stay as planned."""
        self._scheduler.modify_job(name, next_run_time=at)

    def run_as_planned(self, name: str) -> None:
        """Undo `run_at` where it would make the job wait for longer than its plan does."""
        job = self._scheduler.get_job(name)
        planned = job.trigger.get_next_fire_time(None, self._clock.now())
        if job.next_run_time is not None and planned is not None and job.next_run_time > planned:
            job.modify(next_run_time=planned)

    def move_back(self, span: timedelta) -> None:
        """Plan all jobs so much earlier."""
        for job in self._scheduler.get_jobs():
            _move_back(job, span)

    def wake_up(self) -> None:
        """Look for overdue jobs now: the scheduler sleeps by the monotonic clock until the next one."""
        self._scheduler.wakeup()

    def call_at_each_start(self, listener: Callable[[object], object]) -> None:
        """Call ``listener`` whenever the run of a job begins."""
        self._scheduler.add_listener(listener, EVENT_JOB_SUBMITTED)

    def _on_failure(self, event: JobExecutionEvent) -> None:
        """Without this, the scheduler would only log what a job raises."""
        if isinstance(event.exception, Exception):
            self._on_error(event.exception)

    def _on_skip(self, event: JobEvent) -> None:
        self.skipped += 1
        log.debug("run_skipped", job=event.job_id, reason="the run before it is still going on")


def _move_back(job: Job, span: timedelta) -> None:
    """Both its next run and the start that an interval is counted from."""
    if isinstance(job.trigger, IntervalTrigger):
        job.trigger.start_date -= span
    if job.next_run_time is not None:
        job.modify(next_run_time=job.next_run_time - span)
