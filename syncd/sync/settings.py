"""What a reload may change about syncing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from syncd.config import AlertsConfig, GuardConfig
from syncd.model import Route


@dataclass(frozen=True, slots=True)
class Settings:
    guard: GuardConfig = field(default_factory=GuardConfig)
    alerts: AlertsConfig = field(default_factory=AlertsConfig)
    routes: tuple[Route, ...] = ()
    """The sinks, for the outbox."""
    interval: Callable[[datetime], timedelta] = lambda _: timedelta(minutes=1)
    """The time between planned syncs around a moment."""
