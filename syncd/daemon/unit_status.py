"""Keeps the line true that `systemctl status` shows. It says what `syncd status` says (`monitoring.health`)."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from syncd.daemon.monitor import Monitor
from syncd.daemon.systemd import Notifier
from syncd.errors import FailureClass
from syncd.model import Target
from syncd.sync.report import SyncReport

RENEW_SECONDS = 60.0
"""Seconds after which the line is renewed though no sync reported anything: a delivery may be overdue."""


class UnitStatus:
    def __init__(self, monitor: Monitor, notifier: Notifier) -> None:
        self._monitor = monitor
        self._notifier = notifier
        self._last: dict[Target, FailureClass | None] = {}
        self._changed = asyncio.Event()

    def follow(self, report: SyncReport) -> None:
        """Renew the line if a target or a region discovery begins or ceases to fail, or may open an alert."""
        if report.outcome == "cancelled":
            return
        is_known = report.target in self._last
        if not is_known or report.failure is not None or self._last[report.target] is not None:
            self._changed.set()
        self._last[report.target] = report.failure

    async def ready(self) -> None:
        """Say that the service is ready, and how it does."""
        self._notifier.ready(await self._monitor.status_line())

    async def run(self) -> None:
        if not self._notifier.has_listener:
            await asyncio.Event().wait()
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), RENEW_SECONDS)
            self._changed.clear()
            self._notifier.status(await self._monitor.status_line())
