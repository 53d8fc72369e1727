"""From the tables of the file to the settings: defaults, limits, and what may stand beside what."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from syncd.config.cron import BadCronError, plan
from syncd.config.reader import Table, shown, wrong_address
from syncd.config.shapes import (
    AlertsConfig,
    ApiConfig,
    DatabaseConfig,
    GuardConfig,
    HeartbeatConfig,
    HttpConfig,
    LogConfig,
    RetentionConfig,
    ScheduleConfig,
)
from syncd.model import Secret

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
YEARS = timedelta(days=3650)


def database(table: Table, default: Callable[[], Path]) -> DatabaseConfig:
    return DatabaseConfig(
        path=table.path("path") or default(), group_readable=table.boolean("group_readable", False)
    )


def schedule(table: Table) -> ScheduleConfig:
    cron, zone = table.text("cron", None), table.text("timezone", None)
    if cron is not None and "interval" in table:
        table.fault("cron", shown(cron), "interval stands beside it: keep one of the two")
    if cron is not None:
        try:
            cron = plan(cron)
        except BadCronError as error:
            table.fault("cron", shown(cron), str(error))
            cron = None
    if zone is not None and cron is None and "cron" not in table:
        table.fault("timezone", shown(zone), "is for cron only: an interval has no time zone")
    if zone is not None and not _is_zone(zone):
        table.fault("timezone", shown(zone), 'must be an IANA time zone such as "Asia/Shanghai"')
        zone = None
    interval = table.duration("interval", MINUTE, SECOND, timedelta(days=7))
    jitter = table.duration("jitter", 5 * SECOND, timedelta(0), timedelta(hours=1))
    if cron is None and jitter > interval:
        if "jitter" in table:
            table.fault(
                "jitter", shown(f"{jitter.total_seconds():g}s"), "must not be longer than the interval"
            )
        jitter = interval
    return ScheduleConfig(None if cron else interval, cron, zone, jitter, table.boolean("run_on_start", True))


def api(table: Table) -> ApiConfig:
    default = ApiConfig()
    base_url = table.text("base_url", default.base_url)
    if wrong := wrong_address(base_url, ("http", "https")) or _decorated(base_url):
        table.fault("base_url", shown(base_url), wrong)
        base_url = default.base_url
    return ApiConfig(
        base_url=base_url.rstrip("/"),
        timeout=table.duration("timeout", default.timeout, SECOND, timedelta(minutes=5)),
        concurrency=table.integer("concurrency", default.concurrency, 1, 64),
        rate=table.number("rate", default.rate, 0.1, 1000),
        retries=table.integer("retries", default.retries, 0, 20),
        proxy=proxy(table),
        ca_file=table.readable("ca_file"),
    )


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
        repeat=table.duration("repeat", default.repeat, MINUTE, 365 * DAY),
    )


def retention(table: Table) -> RetentionConfig:
    default = RetentionConfig()
    return RetentionConfig(
        events=table.duration("events", default.events, DAY, YEARS),
        deliveries=table.duration("deliveries", default.deliveries, DAY, YEARS),
        runs=table.duration("runs", default.runs, DAY, YEARS),
    )


def http(table: Table) -> HttpConfig | None:
    listen = table.text("listen", None)
    if listen is None:
        return None
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    if not port.isdigit() or not 0 <= int(port) <= 65535:
        table.fault("listen", shown(listen), 'must be an address and a port, such as "127.0.0.1:9477"')
        return None
    return HttpConfig(host, int(port))


def heartbeat(table: Table) -> HeartbeatConfig | None:
    url = table.secret("url")
    table.web_address("url", url)
    interval = table.duration("interval", timedelta(minutes=5), 10 * SECOND, DAY)
    return HeartbeatConfig(url, interval) if url else None


def log(table: Table) -> LogConfig:
    level = table.choice("level", "info", ("debug", "info", "warning", "error"))
    form = table.choice("format", "auto", ("auto", "console", "json"))
    return LogConfig(level, form)  # type: ignore[arg-type]  # `choice` gives one of the literals


def proxy(table: Table) -> Secret | None:
    found = table.secret("proxy")
    table.web_address("proxy", found)
    return found


def is_loopback(host: str | None) -> bool:
    if host == "localhost" or (host or "").endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def default_database(config: Path | None, environ: Mapping[str, str]) -> Path:
    """Where the file lies if nobody says: a system service's under /var/lib, a user's under the XDG state folder."""
    if config is not None and config.absolute().is_relative_to("/etc"):
        return Path("/var/lib/syncd/syncd.db")
    home = environ.get("HOME") or str(Path.home())
    state = environ.get("XDG_STATE_HOME") or f"{home}/.local/state"
    return Path(state) / "syncd" / "syncd.db"


def _decorated(url: str) -> str:
    return "must not have a query, a fragment or a user" if any(mark in url for mark in "?#@") else ""


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
