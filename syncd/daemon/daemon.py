"""`syncd run`: build, say ready, work, stop. A background task that dies ends the process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from syncd.config import Config
from syncd.daemon import logs
from syncd.daemon.assembly import Observers, assemble
from syncd.daemon.lock_wait import lock_when_free
from syncd.daemon.monitor import Monitor, feed_watchdog
from syncd.daemon.operations import Result, perform, prune_if_due
from syncd.daemon.sync_log import SUMMARY_EVERY, SyncLog
from syncd.daemon.systemd import Notifier
from syncd.daemon.write_retry import WriteRetry
from syncd.errors import ConfigError, SyncdError
from syncd.model import Clock, Target
from syncd.schedule import Schedule
from syncd.store import requests
from syncd.store.requests import RequestWatch
from syncd.store.targets import read_targets
from syncd.sync import pace
from syncd.sync.announcements import HELLO_AFTER
from syncd.sync.discovery import discover
from syncd.sync.reconcile import active_targets, reconcile
from syncd.sync.report import SyncReport

log = structlog.get_logger()

LOOK_EVERY = 1.0
"""Seconds between two looks for requests."""

Loader = Callable[[], Config]


class Daemon:
    """One process on one file.

    ``load`` reads the configuration anew for a reload; ``ready`` is called once it works.
    """

    def __init__(
        self,
        config: Config,
        clock: Clock,
        *,
        load: Loader | None = None,
        notifier: Notifier | None = None,
        observers: Observers | None = None,
        ready: Callable[[], object] = lambda: None,
    ) -> None:
        self.config = config
        self.clock = clock
        self.sync_log = SyncLog()
        self.write_retry = WriteRetry(self.sync_log)
        self.reload_error: str | None = None
        self._load = load
        self._notifier = notifier or Notifier({})
        self._observers = observers or Observers()
        self._ready = ready
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()
        self._served: set[asyncio.Task[None]] = set()
        self.reports: list[Callable[[SyncReport], object]] = [self.sync_log.record]

    async def run(self) -> None:
        """Work until `stop`, once no command works on the file.

        Raises SyncdError where it cannot start, ExceptionGroup if a task died.
        """
        async with AsyncExitStack() as stack:
            lock = await lock_when_free(self.config, self._notifier, self._stop)
            if lock is None:
                return
            stack.enter_context(lock)
            self.parts = await stack.enter_async_context(
                assemble(self.config, self.clock, self._observers, self._upgrading)
            )
            self.schedule = Schedule(
                self.config.schedule, self.clock, self._sync, self._discover, on_error=self._die
            )
            stack.callback(self.schedule.stop)
            self.monitor = Monitor(
                lambda: self.config, lambda: self.reload_error, self.clock, self._observers
            )
            self.reports.append(self.monitor.sync)
            stack.push_async_callback(self.monitor.aclose)
            await self.monitor.follow(self.config.http)
            await self._prepare()
            await self._work()

    def stop(self) -> None:
        self._stop.set()

    def reload(self) -> None:
        self._reload.set()

    def handle_signals(self) -> None:
        """SIGTERM and SIGINT stop it, a second one at once; SIGHUP reloads."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop_signal, number)
        loop.add_signal_handler(signal.SIGHUP, self.reload)

    def _on_stop_signal(self, number: int) -> None:
        if self._stop.is_set():
            os._exit(128 + number)
        log.info("stopping", signal=signal.Signals(number).name)
        self.stop()

    def _upgrading(self) -> None:
        self._notifier.extend(timedelta(minutes=2))

    async def _prepare(self) -> None:
        for warning in self.config.warnings:
            log.warning("configuration", warning=warning)
        async with self.parts.db.write() as tx:
            await requests.recover(tx, self.clock.now())
        await reconcile(self.parts.syncer)

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._death: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            tasks = [
                group.create_task(_endless(name, work), name=name)
                for name, work in (
                    ("dispatcher", self.parts.dispatcher.run()),
                    ("requests", self._serve_requests()),
                    ("reloads", self._serve_reloads()),
                    ("syncs", self._deaths()),
                    ("watchdog", feed_watchdog(self._notifier, self._is_stuck)),
                )
            ]
            self.schedule.start()
            await self._plan(at_once=self.config.schedule.run_on_start)
            self.schedule.jobs.every("summary", SUMMARY_EVERY, self.sync_log.summary)
            self.schedule.jobs.every("prune", timedelta(hours=1), self._prune, first=timedelta(minutes=5))
            self._plan_heartbeat()
            self._say_ready()
            await self._stop.wait()
            self._notifier.stopping()
            self.schedule.stop()
            for task in (*tasks, *self._served):
                task.cancel()

    async def _plan(self, *, at_once: bool = True, again: Collection[Target] = ()) -> None:
        """Have the schedule follow the targets that the database knows as active."""
        discovering = [name for name, account in self.parts.accounts.items() if account.regions is None]
        self.schedule.watch(await active_targets(self.parts.db), discovering, at_once=at_once, again=again)

    async def _sync(self, target: Target) -> SyncReport:
        report = await self._guarded(target, lambda: self.parts.syncer.sync(target))
        await self._note(report)
        return report

    async def _discover(self, name: str) -> SyncReport:
        account = self.parts.accounts.get(name)
        if account is None:
            return self._nothing(Target(name, ""))
        first: list[SyncReport] = []

        async def ask() -> SyncReport:
            report, lists = await discover(self.parts.syncer, account)
            first.extend(one for one in lists if one.failure is None)
            return report

        report = await self._guarded(Target(name, ""), ask)
        for one in (*first, report):
            await self._note(one)
        if first:
            await self._plan()
        return report

    async def _guarded(self, target: Target, work: Callable[[], Awaitable[SyncReport]]) -> SyncReport:
        """A file that cannot be written now is waited for."""
        now = self.clock.now()
        soon = pace.retry_delay("unreachable", 1, self.parts.syncer.settings.interval(now), None)
        return await self.write_retry.attempt(work, replace(self._nothing(target), retry_at=now + soon))

    def _nothing(self, target: Target) -> SyncReport:
        now = self.clock.now()
        return SyncReport(target, "cancelled", now, now)

    async def _note(self, report: SyncReport) -> None:
        for observer in self.reports:
            observer(report)
        account = report.target.account
        if report.baseline:
            at = self.clock.now() + HELLO_AFTER
            hello = partial(self.parts.syncer.hello, account)
            self.schedule.jobs.once(f"hello:{account}", at, partial(self.write_retry.insist, hello))
        if report.outcome == "cancelled" and report.retry_at is None:
            await self._plan()
        self._notifier.status(self._status())

    async def _deaths(self) -> None:
        """What breaks inside a scheduled run ends the process here."""
        await self._death

    def _die(self, error: BaseException) -> None:
        if not self._death.done():
            self._death.set_exception(error)

    async def _serve_requests(self) -> None:
        watch = RequestWatch(self.config.database.path)
        try:
            while True:
                if watch.changed():
                    self._begin(await self.write_retry.insist(self._take))
                await asyncio.sleep(LOOK_EVERY)
        finally:
            watch.close()

    async def _take(self) -> list[requests.Request]:
        async with self.parts.db.write() as tx:
            return await requests.take(tx, self.clock.now())

    def _begin(self, taken: Iterable[requests.Request]) -> None:
        for request in taken:
            task = self._group.create_task(self._serve(request), name=f"request {request.kind}")
            self._served.add(task)
            task.add_done_callback(self._served.discard)

    async def _serve(self, request: requests.Request) -> None:
        reports: list[SyncReport] = []
        log.info("request", kind=request.kind, args=dict(request.args))
        result = await perform(self.parts, request.kind, request.args, reports.append)
        for report in reports:
            await self._note(report)
            self.schedule.follow(report)
        await self._plan()
        await self.write_retry.insist(partial(self._answer, request, result))

    async def _answer(self, request: requests.Request, result: Result) -> None:
        async with self.parts.db.write() as tx:
            await requests.finish(tx, request.id, result.exit_code, result.answer, self.clock.now())

    async def _serve_reloads(self) -> None:
        while True:
            await self._reload.wait()
            self._reload.clear()
            self._notifier.reloading()
            await self._try_reload()
            self._notifier.ready(self._status())

    async def _try_reload(self) -> None:
        if self._load is None:
            return
        try:
            config = self._load()
            _require_same_file(self.config, config)
            await self._adopt(config)
        except SyncdError as error:
            self.reload_error = error.message
            faults = (
                [str(fault) for fault in error.faults] if isinstance(error, ConfigError) else [error.hint]
            )
            log.error(
                "reload_failed", error=error.message, faults=faults, effect="the old configuration goes on"
            )
            return
        self.reload_error = None
        self.config = config
        logs.configure(config.log.level, config.log.format)
        await self.write_retry.insist(lambda: reconcile(self.parts.syncer))
        self.schedule.change(config.schedule)
        self._plan_heartbeat()
        self.parts.dispatcher.reopen()
        for name in self.parts.accounts:
            self.schedule.jobs.drop(f"discover:{name}")
        await self._plan(again=await self._failing())
        log.info("reloaded", accounts=len(config.accounts), sinks=len(config.sinks))

    async def _adopt(self, config: Config) -> None:
        """All of it or nothing."""
        await self.monitor.follow(config.http)
        try:
            await self.parts.change(config)
        except SyncdError:
            await self.monitor.follow(self.config.http)
            raise

    def _plan_heartbeat(self) -> None:
        self.schedule.jobs.drop("heartbeat")
        if (heartbeat := self.monitor.heartbeat()) is not None and self.config.heartbeat is not None:
            self.schedule.jobs.every("heartbeat", self.config.heartbeat.interval, heartbeat.beat)

    def _is_stuck(self) -> bool:
        return self.schedule.stuck or bool(self.parts.dispatcher.stuck)

    async def _failing(self) -> list[Target]:
        async with self.parts.db.read() as tx:
            return [state.target for state in await read_targets(tx) if state.active and state.failures]

    async def _prune(self) -> None:
        await self.write_retry.insist(lambda: prune_if_due(self.parts))

    def _say_ready(self) -> None:
        log.info("ready", accounts=len(self.config.accounts), sinks=len(self.config.sinks), pid=os.getpid())
        self._notifier.ready(self._status())
        self._ready()

    def _status(self) -> str:
        watched, failing = self.schedule.watched, self.sync_log.failing
        trouble = f", {failing} failing" if failing else ""
        return f"watching {watched} target{'s' if watched != 1 else ''}{trouble}"


async def _endless(name: str, work: Coroutine[Any, Any, None]) -> None:
    """A background task has no end of its own."""
    await work
    raise RuntimeError(f"the task {name} ended")


def _require_same_file(old: Config, new: Config) -> None:
    if old.database != new.database:
        raise SyncdError(
            "database.path and group_readable are read at start only", "restart syncd to change them"
        )
