"""SIGHUP: go over to the configuration that is in the file now; one with faults changes nothing."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from syncd.config import Config
from syncd.daemon import logs
from syncd.daemon.assembly import Parts
from syncd.daemon.monitor import Monitor
from syncd.daemon.regular_jobs import RegularJobs
from syncd.daemon.sync_runner import SyncRunner
from syncd.daemon.write_retry import WriteRetry
from syncd.errors import ConfigError, SyncdError
from syncd.model import Target
from syncd.store.targets import read_targets
from syncd.sync.reconcile import reconcile

log = structlog.get_logger()

Loader = Callable[[], Config]
"""Reads the configuration anew; raises ConfigError."""


class Reloader:
    """Without ``load`` there is nothing to reload."""

    def __init__(
        self,
        load: Loader | None,
        parts: Parts,
        runner: SyncRunner,
        monitor: Monitor,
        jobs: RegularJobs,
        write_retry: WriteRetry,
    ) -> None:
        self._load = load
        self._parts = parts
        self._runner = runner
        self._monitor = monitor
        self._jobs = jobs
        self._write_retry = write_retry

    async def reload(self) -> None:
        """A fault is logged and kept for `/readyz`, and the old configuration goes on."""
        if self._load is None:
            return
        try:
            config = self._load()
            _require_same_file(self._parts.config, config)
            await self._adopt(config)
        except SyncdError as error:
            self._monitor.reload_error = error.message
            _log_failure(error)
            return
        self._monitor.reload_error = None
        logs.configure(config.log.level, config.log.format)
        await self._plan_anew(config)
        log.info("reloaded", accounts=len(config.accounts), sinks=len(config.sinks))

    async def _adopt(self, config: Config) -> None:
        """All of it or nothing. Raises SyncdError."""
        before = self._parts.config.http
        await self._monitor.follow(config.http)
        try:
            await self._parts.change(config)
        except SyncdError:
            await self._monitor.follow(before)
            raise

    async def _plan_anew(self, config: Config) -> None:
        """What failed is tried again at once: somebody may have reloaded because they fixed it."""
        await self._write_retry.until_written(lambda: reconcile(self._parts.syncer))
        self._runner.schedule.change(config.schedule)
        self._jobs.plan_heartbeat()
        self._parts.dispatcher.reopen()
        for name in self._parts.accounts:
            self._runner.schedule.jobs.drop(f"discover:{name}")
        await self._runner.plan(again=await self._failing_targets())

    async def _failing_targets(self) -> list[Target]:
        async with self._parts.db.read() as tx:
            return [state.target for state in await read_targets(tx) if state.active and state.failures]


def _log_failure(error: SyncdError) -> None:
    faults = [str(fault) for fault in error.faults] if isinstance(error, ConfigError) else [error.hint]
    log.error(
        "reload_failed", error=error.message, faults=faults, effect="the old configuration stays in force"
    )


def _require_same_file(old: Config, new: Config) -> None:
    if old.database != new.database:
        raise SyncdError(
            "database.path and group_readable are read only at the start", "restart syncd to change them"
        )
