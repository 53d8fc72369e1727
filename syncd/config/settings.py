"""All settings, as frozen dataclasses. Times are timedeltas; secrets are masked wherever they are printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

from syncd.model import Secret, SinkFilter

SinkType = Literal["log", "webhook"]
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "console", "json"]


@dataclass(frozen=True, slots=True)
class DatabaseConfig:
    path: Path
    group_readable: bool = False


@dataclass(frozen=True, slots=True)
class ScheduleConfig:
    """Exactly one of ``interval`` and ``cron`` is set; ``timezone`` is cron's."""

    interval: timedelta | None = timedelta(minutes=1)
    cron: str | None = None
    timezone: str | None = None
    jitter: timedelta = timedelta(seconds=5)
    run_on_start: bool = True


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """``concurrency`` and ``rate`` (requests a second) hold for each account."""

    base_url: str = "https://api.compshare.cn"
    timeout: timedelta = timedelta(seconds=30)
    concurrency: int = 4
    rate: float = 10.0
    retries: int = 4
    proxy: Secret | None = None
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class GuardConfig:
    min: int = 3
    percent: float = 30.0
    syncs: int = 3
    hold: timedelta = timedelta(hours=1)
    hold_empty: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class AlertsConfig:
    after: int = 3
    repeat: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RetentionConfig:
    events: timedelta = timedelta(days=365)
    deliveries: timedelta = timedelta(days=30)
    runs: timedelta = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class AccountConfig:
    """``regions`` None stands for all that the API names."""

    name: str
    public_key: Secret
    private_key: Secret
    project_id: str | None = None
    regions: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class LogSinkConfig:
    """``path`` None stands for stdout."""

    name: str
    wants: SinkFilter = field(default_factory=SinkFilter)
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class WebhookSinkConfig:
    name: str
    wants: SinkFilter
    url: Secret
    format: str = "standard"
    timeout: timedelta = timedelta(seconds=20)
    headers: Mapping[str, Secret] = field(default_factory=dict)
    proxy: Secret | None = None
    ca_file: Path | None = None
    secrets: tuple[Secret, ...] = ()
    secret: Secret | None = None
    language: str = "en"
    prefix: str | None = None
    group_wait: timedelta = timedelta(seconds=10)
    body: str | None = None
    content_type: str | None = None


SinkConfig = LogSinkConfig | WebhookSinkConfig


@dataclass(frozen=True, slots=True)
class HttpConfig:
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class HeartbeatConfig:
    url: Secret
    interval: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class LogConfig:
    level: LogLevel = "info"
    format: LogFormat = "auto"


@dataclass(frozen=True, slots=True)
class Config:
    """``source`` names where it comes from, for people; ``path`` is its file, if there is one."""

    source: str
    path: Path | None
    database: DatabaseConfig
    schedule: ScheduleConfig
    api: ApiConfig
    guard: GuardConfig
    alerts: AlertsConfig
    retention: RetentionConfig
    accounts: Mapping[str, AccountConfig]
    sinks: Mapping[str, SinkConfig]
    http: HttpConfig | None = None
    heartbeat: HeartbeatConfig | None = None
    log: LogConfig = field(default_factory=LogConfig)
    warnings: tuple[str, ...] = ()
