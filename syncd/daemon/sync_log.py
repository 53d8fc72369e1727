"""What the log says about syncs: a line when something happened, failures once, recoveries once, a summary an hour."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import structlog

from syncd.errors import DatabaseError
from syncd.model import Target
from syncd.sync.report import SyncReport

log = structlog.get_logger()

SUMMARY_EVERY = timedelta(hours=1)


class SyncLog:
    """Fed with every report."""

    def __init__(self) -> None:
        self._failing: dict[Target, str] = {}
        self._held: dict[Target, int] = {}
        self._since: Counter[str] = Counter()
        self._database_failed = False

    @property
    def failing(self) -> int:
        """Targets (and region discoveries) that fail now."""
        return len(self._failing)

    def record(self, report: SyncReport) -> None:
        if report.outcome == "cancelled":
            return
        self._since[report.outcome] += 1
        self._say_failure(report)
        if report.has_news or report.baseline:
            log.info("synced", **_where(report.target), **_counts(report))
        if report.held != self._held.get(report.target, 0):
            self._held[report.target] = report.held
            if report.held:
                log.warning("held", **_where(report.target), held=report.held)
            else:
                log.info("released", **_where(report.target))
        log.debug("sync", **_where(report.target), outcome=report.outcome, seconds=report.seconds)

    def database_failed(self, error: DatabaseError) -> None:
        """Nothing could be written; said once."""
        if not self._database_failed:
            self._database_failed = True
            log.error("database_failed", error=error.message, hint=error.hint)

    def database_works(self) -> None:
        if self._database_failed:
            self._database_failed = False
            log.info("database_recovered")

    async def summary(self) -> None:
        """One line about the time since the last one."""
        outcomes = {
            name: self._since[name]
            for name in ("complete", "incomplete", "held", "failed")
            if self._since[name]
        }
        log.info("summary", syncs=sum(outcomes.values()), **outcomes, failing=len(self._failing))
        self._since.clear()

    def _say_failure(self, report: SyncReport) -> None:
        said = self._failing.get(report.target)
        if report.failure is None:
            if self._failing.pop(report.target, None) is not None:
                log.info("sync_recovered", **_where(report.target))
        elif said != report.failure:
            self._failing[report.target] = report.failure
            log.warning(
                "sync_failed", **_where(report.target), **{"class": report.failure}, error=report.error
            )


def _where(target: Target) -> dict[str, str]:
    return (
        {"account": target.account, "region": target.region} if target.region else {"account": target.account}
    )


def _counts(report: SyncReport) -> dict[str, object]:
    names = ("listed", "shared", "revoked", "status_changed", "updated", "missing")
    counts: dict[str, object] = {name: getattr(report, name) for name in names if getattr(report, name)}
    return counts | ({"baseline": True} if report.baseline else {})
