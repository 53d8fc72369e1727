"""From each table of the file to its settings: the defaults, the limits, and which keys exclude each other."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from syncd.config.cron import BadCronError, normalize_cron
from syncd.config.settings import (
    AlertsConfig,
    ApiConfig,
    DatabaseConfig,
    GuardConfig,
    HeartbeatConfig,
    HttpConfig,
    LogConfig,
    LogFormat,
    LogLevel,
    RetentionConfig,
    ScheduleConfig,
)
from syncd.config.table import Table
from syncd.config.values import MASK, format_duration, show_value, split_url, url_problem
from syncd.model import Secret

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
YEARS = timedelta(days=3650)


def database(table: Table, default: Path) -> DatabaseConfig:
    return DatabaseConfig(table.path("path") or default, table.boolean("group_readable", False))


def schedule(table: Table) -> ScheduleConfig:
    cron = _cron(table)
    every = table.duration("interval", MINUTE, SECOND, 31 * DAY)
    interval = None if "cron" in table else every
    return ScheduleConfig(
        interval, cron, _timezone(table), _jitter(table, interval), table.boolean("run_on_start", True)
    )


def _cron(table: Table) -> str | None:
    cron = table.text("cron", None)
    if cron is None:
        return None
    if "interval" in table:
        table.fault("cron", show_value(cron), "is given together with interval: keep one of the two")
    try:
        return normalize_cron(cron)
    except BadCronError as error:
        table.fault("cron", show_value(cron), str(error))
        return None


def _timezone(table: Table) -> str | None:
    zone = table.text("timezone", None)
    if zone is not None and "cron" not in table:
        table.fault("timezone", show_value(zone), "is for cron only: an interval has no time zone")
    if zone is not None and not _is_zone(zone):
        table.fault("timezone", show_value(zone), 'must be an IANA time zone such as "Asia/Shanghai"')
    return zone


def _jitter(table: Table, interval: timedelta | None) -> timedelta:
    """No longer than the interval: a shorter interval shortens the default."""
    jitter = table.duration("jitter", ScheduleConfig().jitter, timedelta(0), timedelta(hours=1))
    if interval is None or jitter <= interval:
        return jitter
    if "jitter" in table:
        table.fault("jitter", show_value(format_duration(jitter)), "must not be longer than the interval")
    return interval


def api(table: Table) -> ApiConfig:
    default = ApiConfig()
    return ApiConfig(
        base_url=_base_url(table, default.base_url),
        timeout=table.duration("timeout", default.timeout, SECOND / 10, timedelta(minutes=5)),
        concurrency=table.integer("concurrency", default.concurrency, 1, 64),
        rate=table.number("rate", default.rate, 0.1, 10_000),
        retries=table.integer("retries", default.retries, 0, 20),
        proxy=proxy(table),
        ca_file=table.certificates("ca_file"),
    )


def _base_url(table: Table, default: str) -> str:
    url = table.text("base_url", default)
    problem = url_problem(url)
    if not problem and any(mark in url for mark in "?#@"):
        problem = "must have no user, query or fragment"
    if problem:
        table.fault("base_url", MASK if "@" in url else show_value(url), problem)
        return default
    return _normalize_url(url)


def guard(table: Table) -> GuardConfig:
    default = GuardConfig()
    return GuardConfig(
        min=table.integer("min", default.min, 1, 1_000_000),
        percent=table.number("percent", default.percent, 0, 100),
        syncs=table.integer("syncs", default.syncs, 1, 100),
        hold=table.duration("hold", default.hold, timedelta(0), 30 * DAY),
        hold_empty=table.duration("hold_empty", default.hold_empty, timedelta(0), 30 * DAY),
    )


def alerts(table: Table) -> AlertsConfig:
    default = AlertsConfig()
    return AlertsConfig(
        after=table.integer("after", default.after, 1, 1000),
        repeat=table.duration("repeat", default.repeat, SECOND, 365 * DAY),
    )


def retention(table: Table) -> RetentionConfig:
    default = RetentionConfig()
    return RetentionConfig(
        events=table.duration("events", default.events, SECOND, YEARS),
        deliveries=table.duration("deliveries", default.deliveries, SECOND, YEARS),
        runs=table.duration("runs", default.runs, SECOND, YEARS),
    )


def http(table: Table) -> HttpConfig | None:
    listen = table.text("listen", None)
    if listen is None:
        return None
    parts = split_url(f"//{listen}")
    if parts is None or parts.netloc != listen or "@" in listen or not parts.hostname or parts.port is None:
        table.fault(
            "listen",
            show_value(listen),
            'must be an address and a port, such as "127.0.0.1:9477" or "[::1]:9477"',
        )
        return None
    return HttpConfig(parts.hostname, parts.port)


def heartbeat(table: Table) -> HeartbeatConfig | None:
    url = table.secrets.get_url("url")
    interval = table.duration("interval", timedelta(minutes=5), SECOND, DAY)
    return HeartbeatConfig(url, interval) if url else None


def log(table: Table) -> LogConfig:
    level: LogLevel = table.choice("level", "info", get_args(LogLevel))
    form: LogFormat = table.choice("format", "auto", get_args(LogFormat))
    return LogConfig(level, form)


def proxy(table: Table) -> Secret | None:
    return table.secrets.get_url("proxy")


def _normalize_url(url: str) -> str:
    """One spelling for each gateway: another spelling would be another scope, with a baseline of its own."""
    parts = split_url(url)
    assert parts is not None
    assert parts.hostname is not None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = {"https": 443, "http": 80}[parts.scheme]
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
