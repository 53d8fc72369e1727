"""The daemon's work between its start and its stop. A background task that dies ends the process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from syncd.daemon.assembly import Observers, Parts
from syncd.daemon.monitor import Monitor, feed_watchdog
from syncd.daemon.regular_jobs import RegularJobs
from syncd.daemon.reloader import Loader, Reloader
from syncd.daemon.request_server import RequestServer
from syncd.daemon.sync_log import SyncLog
from syncd.daemon.sync_runner import SyncRunner
from syncd.daemon.systemd import Notifier
from syncd.daemon.unit_status import UnitStatus
from syncd.daemon.write_retry import WriteRetry
from syncd.store import requests
from syncd.sync.reconcile import reconcile

log = structlog.get_logger()


class Service:
    """Everything that runs on the assembled parts, and how it is wired together."""

    def __init__(
        self, parts: Parts, observers: Observers, notifier: Notifier, load: Loader | None = None
    ) -> None:
        self._parts = parts
        self._notifier = notifier
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Fails with what a scheduled run raises."""
        sync_log = SyncLog()
        write_retry = WriteRetry(sync_log)
        self._runner = SyncRunner(parts, sync_log, write_retry, on_error=self._fail)
        self._monitor = Monitor(lambda: parts.config, parts.clock, observers)
        self._unit_status = UnitStatus(self._monitor, notifier)
        self._runner.observers += [self._monitor.sync, self._unit_status.follow]
        self._jobs = RegularJobs(parts, self._runner.schedule.jobs, self._monitor, sync_log, write_retry)
        self._requests = RequestServer(parts, self._runner, write_retry)
        self._reloader = Reloader(load, parts, self._runner, self._monitor, self._jobs, write_retry)

    async def prepare(self) -> None:
        """Listen for HTTP, and bring the file in line with the configuration. Raises SyncdError."""
        await self._monitor.follow(self._parts.config.http)
        for warning in self._parts.config.warnings:
            log.warning("configuration", warning=warning)
        async with self._parts.db.write() as tx:
            await requests.recover(tx, self._parts.clock.now())
        await reconcile(self._parts.syncer)

    async def work(self, stop: asyncio.Event, reload: asyncio.Event, ready: Callable[[], object]) -> None:
        """Until ``stop`` is set; each time that ``reload`` is set, the configuration is read anew."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_endless(name, work), name=name)
                for name, work in (
                    ("dispatcher", self._parts.dispatcher.run()),
                    ("requests", self._requests.run()),
                    ("reloads", self._serve_reloads(reload)),
                    ("syncs", self._wait_for_failure()),
                    ("unit status", self._unit_status.run()),
                    ("watchdog", feed_watchdog(self._notifier, self._is_stuck)),
                )
            ]
            await self._begin()
            await self._say_ready()
            ready()
            await stop.wait()
            self._notifier.stopping()
            self._runner.schedule.stop()
            for task in tasks:
                task.cancel()

    async def aclose(self) -> None:
        try:
            await self._monitor.aclose()
        finally:
            self._runner.schedule.stop()

    async def _begin(self) -> None:
        self._runner.schedule.start()
        await self._runner.plan(at_once=self._parts.config.schedule.run_on_start)
        self._jobs.plan()

    async def _say_ready(self) -> None:
        config = self._parts.config
        log.info("ready", accounts=len(config.accounts), sinks=len(config.sinks), pid=os.getpid())
        await self._unit_status.ready()

    async def _serve_reloads(self, reload: asyncio.Event) -> None:
        while True:
            await reload.wait()
            reload.clear()
            self._notifier.reloading()
            await self._reloader.reload()
            await self._unit_status.ready()

    async def _wait_for_failure(self) -> None:
        """What breaks inside a scheduled run is raised here, in a task whose death ends the process."""
        await self._failure

    def _fail(self, error: BaseException) -> None:
        if not self._failure.done():
            self._failure.set_exception(error)

    def _is_stuck(self) -> bool:
        return self._runner.schedule.stuck or bool(self._parts.dispatcher.stuck)


async def _endless(name: str, work: Coroutine[Any, Any, None]) -> None:
    """A background task has no end of its own."""
    await work
    raise RuntimeError(f"the task {name} ended")
