"""From `[schedule]` to the triggers of APScheduler, and to the time between two planned syncs."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from syncd.config import ScheduleConfig

NEVER = timedelta(days=365)
"""Stands for the interval of a cron plan whose next three runs do not all come."""


def interval_around(config: ScheduleConfig, moment: datetime) -> timedelta:
    """The time between two planned syncs; of a cron plan, the mean until its next three runs after ``moment``."""
    if config.interval is not None:
        return config.interval
    trigger = _cron_trigger(config)
    fire: datetime | None = moment
    for _ in range(3):
        fire = trigger.get_next_fire_time(fire, fire + timedelta(microseconds=1)) if fire else None
    return (fire - moment) / 3 if fire else NEVER


def plan_trigger(config: ScheduleConfig, first: datetime | None) -> CronTrigger | IntervalTrigger:
    """The trigger of a target's syncs. Intervals are counted from ``first``, so that targets stay spread out."""
    if config.interval is not None:
        return interval_trigger(config.interval, first)
    return _cron_trigger(config)


def interval_trigger(interval: timedelta, first: datetime | None = None) -> IntervalTrigger:
    return IntervalTrigger(seconds=interval.total_seconds(), start_date=first)


def _cron_trigger(config: ScheduleConfig) -> CronTrigger:
    assert config.cron is not None
    zone = ZoneInfo(config.timezone) if config.timezone else None
    return CronTrigger.from_crontab(config.cron, timezone=zone)
