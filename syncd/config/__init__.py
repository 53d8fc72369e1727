"""The configuration: a TOML file, with secrets from files, variables or credentials. Every fault is named at once."""

from syncd.config.describe import describe, to_toml
from syncd.config.load import Check, load
from syncd.config.paths import find_config_file
from syncd.config.settings import (
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
    "WebhookSinkConfig", "describe", "find_config_file", "load", "to_toml",
]  # fmt: skip
