"""What the daemon does every so often besides its syncs: the summary in the log, pruning, the heartbeat."""

from __future__ import annotations

from datetime import timedelta

from syncd.daemon.assembly import Parts
from syncd.daemon.monitor import Monitor
from syncd.daemon.operations import prune_if_due
from syncd.daemon.sync_log import SUMMARY_EVERY, SyncLog
from syncd.daemon.write_retry import WriteRetry
from syncd.schedule.jobs import Jobs

PRUNE_EVERY = timedelta(hours=1)
"""How often it is asked whether pruning is due, which also notes that the clock was looked at."""

PRUNE_FIRST_AFTER = timedelta(minutes=5)


class RegularJobs:
    def __init__(
        self, parts: Parts, jobs: Jobs, monitor: Monitor, sync_log: SyncLog, write_retry: WriteRetry
    ) -> None:
        self._parts = parts
        self._jobs = jobs
        self._monitor = monitor
        self._sync_log = sync_log
        self._write_retry = write_retry

    def plan(self) -> None:
        self._jobs.every("summary", SUMMARY_EVERY, self._sync_log.summary)
        self._jobs.every("prune", PRUNE_EVERY, self._prune, first=PRUNE_FIRST_AFTER)
        self.plan_heartbeat()

    def plan_heartbeat(self) -> None:
        """The heartbeat of the configuration that is in force now, if it has one."""
        self._jobs.drop("heartbeat")
        config = self._parts.config.heartbeat
        if config is not None:
            self._jobs.every("heartbeat", config.interval, self._monitor.heartbeat(config).beat)

    async def _prune(self) -> None:
        await self._write_retry.until_written(lambda: prune_if_due(self._parts))
