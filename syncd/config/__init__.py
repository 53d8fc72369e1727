"""The configuration: TOML, secrets from files, variables or credentials; every fault at once."""

from syncd.config.describe import describe, to_toml
from syncd.config.load import Check, load
from syncd.config.places import find
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
    "AccountConfig", "AlertsConfig", "ApiConfig", "Check", "Config", "DatabaseConfig", "GuardConfig", "HeartbeatConfig",
    "HttpConfig", "LogConfig", "LogSinkConfig", "RetentionConfig", "ScheduleConfig", "SinkConfig",
    "WebhookSinkConfig", "describe", "find", "load", "to_toml",
]  # fmt: skip
