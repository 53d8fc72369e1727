"""Runs the syncs and region discoveries that the schedule asks for, and passes on what they report."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from functools import partial

from syncd.daemon.assembly import Parts
from syncd.daemon.sync_log import SyncLog
from syncd.daemon.write_retry import WriteRetry
from syncd.model import Target
from syncd.schedule import Schedule
from syncd.sync import pace
from syncd.sync.announcements import HELLO_AFTER
from syncd.sync.discovery import discover
from syncd.sync.reconcile import active_targets
from syncd.sync.report import SyncReport


class SyncRunner:
    """Owns the schedule; every report goes to its ``observers`` first."""

    def __init__(
        self,
        parts: Parts,
        sync_log: SyncLog,
        write_retry: WriteRetry,
        on_error: Callable[[Exception], object],
    ) -> None:
        self.schedule = Schedule(
            parts.config.schedule, parts.clock, self._sync, self._discover, on_error=on_error
        )
        self.observers: list[Callable[[SyncReport], object]] = [sync_log.record]
        self._parts = parts
        self._write_retry = write_retry

    async def plan(self, *, at_once: bool = True, again: Collection[Target] = ()) -> None:
        """Have the schedule follow the targets that the database knows as active (see `Schedule.watch`)."""
        discovering = [name for name, account in self._parts.accounts.items() if account.regions is None]
        targets = await active_targets(self._parts.db)
        self.schedule.watch(targets, discovering, at_once=at_once, again=again)

    async def pass_on(self, report: SyncReport) -> None:
        """Tell everybody who wants to know of a sync, and plan what follows from it."""
        for observer in self.observers:
            observer(report)
        if report.baseline:
            self._plan_hello(report.target.account)
        if report.outcome == "cancelled" and report.retry_at is None:
            await self.plan()

    async def _sync(self, target: Target) -> SyncReport:
        report = await self._unless_unwritable(target, lambda: self._parts.syncer.sync(target))
        await self.pass_on(report)
        return report

    async def _discover(self, name: str) -> SyncReport:
        account = self._parts.accounts.get(name)
        if account is None:
            return self._cancelled(Target(name, ""))
        first_syncs: list[SyncReport] = []

        async def ask() -> SyncReport:
            report, syncs = await discover(self._parts.syncer, account)
            first_syncs.extend(sync for sync in syncs if sync.failure is None)
            return report

        report = await self._unless_unwritable(Target(name, ""), ask)
        for passed_on in (*first_syncs, report):
            await self.pass_on(passed_on)
        if first_syncs:
            await self.plan()
        return report

    async def _unless_unwritable(
        self, target: Target, work: Callable[[], Awaitable[SyncReport]]
    ) -> SyncReport:
        """The report of ``work``; while the file cannot be written, one that asks for another try soon."""
        now = self._parts.clock.now()
        soon = pace.retry_delay("unreachable", 1, self._parts.syncer.settings.interval(now), None)
        return await self._write_retry.attempt(work, replace(self._cancelled(target), retry_at=now + soon))

    def _cancelled(self, target: Target) -> SyncReport:
        now = self._parts.clock.now()
        return SyncReport(target, "cancelled", now, now)

    def _plan_hello(self, account: str) -> None:
        """The baseline is announced a little later, so that all regions of the account are in one event."""
        at = self._parts.clock.now() + HELLO_AFTER
        hello = partial(self._parts.syncer.hello, account)
        self.schedule.jobs.once(f"hello:{account}", at, partial(self._write_retry.until_written, hello))
