"""The configuration: TOML, secrets from files, variables or credentials; every fault at once."""

from syncd.config.load import find, load
from syncd.config.shapes import (
    AccountConfig,
    AlertsConfig,
    ApiConfig,
    Config,
    DatabaseConfig,
    GuardConfig,
    HeartbeatConfig,
    HttpConfig,
    LogConfig,
    LogSinkConfig,
    RetentionConfig,
    ScheduleConfig,
    SinkConfig,
    WebhookSinkConfig,
)

__all__ = [
    "AccountConfig", "AlertsConfig", "ApiConfig", "Config", "DatabaseConfig", "GuardConfig", "HeartbeatConfig",
    "HttpConfig", "LogConfig", "LogSinkConfig", "RetentionConfig", "ScheduleConfig", "SinkConfig",
    "WebhookSinkConfig", "find", "load",
]  # fmt: skip
