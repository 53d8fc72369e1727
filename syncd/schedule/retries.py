"""When a failing job is tried again. A reload, or a sync by hand, lets its waits begin anew with the short ones."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from syncd.sync.pace import retry_delay
from syncd.sync.report import SyncReport


class Retries:
    """Reports count all failures in a row; this remembers how many of them no longer lengthen a job's wait."""

    def __init__(self) -> None:
        self._restarting: set[str] = set()
        """Jobs whose next failure counts as the first."""
        self._forgiven: dict[str, int] = {}
        """Job → how many of its failures in a row do not count any more."""

    def restart(self, names: Iterable[str]) -> None:
        """The next failure of each of these jobs counts as its first."""
        self._restarting.update(names)

    def retry_at(self, name: str, report: SyncReport, interval: timedelta) -> datetime | None:
        """When the job runs again instead of at its planned time; None: as planned.

        ``interval`` is the time between two of its planned runs.
        """
        if report.retry_at is None or report.failure is None:
            self._restarting.discard(name)
            self._forgiven.pop(name, None)
            return report.retry_at
        if name in self._restarting:
            self._restarting.remove(name)
            self._forgiven[name] = report.failures - 1
        if name not in self._forgiven:
            return report.retry_at
        counted = max(1, report.failures - self._forgiven[name])
        return report.finished_at + retry_delay(report.failure, counted, interval, report.retry_after)
