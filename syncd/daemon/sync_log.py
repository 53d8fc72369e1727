"""What the log says about syncs: news, each failure once, each recovery once, and a summary every hour."""

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
    """Gets the report of every sync and every region discovery."""

    def __init__(self) -> None:
        self._failing: dict[Target, str] = {}
        self._held: dict[Target, int] = {}
        self._outcomes: Counter[str] = Counter()
        self._database_failed = False

    def record(self, report: SyncReport) -> None:
        if report.outcome == "cancelled":
            return
        self._outcomes[report.outcome] += 1
        self._log_failure(report)
        if report.has_news or report.baseline:
            log.info("synced", **_place(report.target), **_counts(report))
        if report.held != self._held.get(report.target, 0):
            self._held[report.target] = report.held
            if report.held:
                hint = f"syncd held list {report.target.options}"
                log.warning("held", **_place(report.target), held=report.held, hint=hint)
            else:
                log.info("released", **_place(report.target))
        log.debug("sync", **_place(report.target), outcome=report.outcome, seconds=report.seconds)

    def database_failed(self, error: DatabaseError) -> None:
        """The file could not be written; this is logged once until it can be again."""
        if not self._database_failed:
            self._database_failed = True
            log.error("database_failed", error=error.message, hint=error.hint)

    def database_works(self) -> None:
        if self._database_failed:
            self._database_failed = False
            log.info("database_recovered")

    async def summary(self) -> None:
        """One line about the syncs since the last summary."""
        outcomes = {
            name: self._outcomes[name]
            for name in ("complete", "incomplete", "held", "failed")
            if self._outcomes[name]
        }
        log.info(
            "summary",
            syncs=sum(outcomes.values()),
            **outcomes,
            failing=sum(bool(target.region) for target in self._failing),
        )
        self._outcomes.clear()

    def _log_failure(self, report: SyncReport) -> None:
        logged = self._failing.get(report.target)
        if report.failure is None:
            if self._failing.pop(report.target, None) is not None:
                log.info("sync_recovered", **_place(report.target))
        elif logged != report.failure:
            self._failing[report.target] = report.failure
            log.warning(
                "sync_failed", **_place(report.target), **{"class": report.failure}, error=report.error
            )


def _place(target: Target) -> dict[str, str]:
    return (
        {"account": target.account, "region": target.region} if target.region else {"account": target.account}
    )


def _counts(report: SyncReport) -> dict[str, object]:
    names = ("listed", "shared", "revoked", "status_changed", "updated", "missing")
    counts: dict[str, object] = {name: getattr(report, name) for name in names if getattr(report, name)}
    return counts | ({"baseline": True} if report.baseline else {})
