"""The dispatcher runs a worker for each sink. The lock of the database proves that it is the only one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import TypeVar

import structlog

from syncd.delivery import sink_events
from syncd.delivery.settlement import DeliveryRecord
from syncd.delivery.settler import RecordDelivery
from syncd.delivery.sink_state import disabled, enabled
from syncd.delivery.wakeup import Sleep
from syncd.delivery.worker import Worker
from syncd.errors import UsageError
from syncd.model import Clock, Route
from syncd.sinks.sink import Sink
from syncd.store import deliveries, outbox
from syncd.store.deliveries import SinkRecord
from syncd.store.engine import Database
from syncd.store.transaction import Transaction

__all__ = ["DeliveryRecord", "Dispatcher"]

log = structlog.get_logger()

_T = TypeVar("_T")

HANDOVER = 30.0
"""Seconds that messages under way to a sink are given to finish when another one replaces it."""


class Dispatcher:
    """``routes`` say what each sink takes, also of the announcements about other sinks.

    ``settings_digests`` (sink → digest of its settings) show after a restart that a sink was changed.
    """

    def __init__(
        self,
        db: Database,
        sinks: Sequence[Sink],
        *,
        routes: Sequence[Route],
        clock: Clock,
        settings_digests: Mapping[str, str] = MappingProxyType({}),
        record: RecordDelivery = lambda _: None,
        rng: random.Random | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._db = db
        self._sinks = list(sinks)
        self._routes = tuple(routes)
        self._clock = clock
        self._settings_digests = settings_digests
        self._record = record
        self._rng = rng or random.Random()
        self._sleep = sleep
        self._workers: dict[str, Worker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._changing = asyncio.Lock()
        """Held while workers are replaced or changed, so that each change of a sink is finished before the next."""
        db.on_commit(self._nudge)

    @property
    def stuck(self) -> list[str]:
        """Sinks with a message that has been under way for too long; the watchdog asks for them."""
        return [name for name, worker in self._workers.items() if worker.stuck]

    async def reconcile(self) -> None:
        """Enter the configured sinks into the database; called at start, and daily."""
        await self._reconcile(self._sinks, self._settings_digests)

    async def run(self) -> None:
        """Deliver until cancelled. The error of a worker ends it."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for sink in self._sinks:
                self._start(sink)
            try:
                await asyncio.Event().wait()
            finally:
                self._group = None

    async def drain(self, limit: timedelta) -> None:
        """Try each delivery that is due once, and then end; it takes no longer than ``limit``."""
        try:
            async with asyncio.timeout(limit.total_seconds()), asyncio.TaskGroup() as group:
                for sink in self._sinks:
                    worker = self._workers[sink.name] = self._worker(sink, once=True)
                    group.create_task(worker.run(), name=f"drain {sink.name}")
        except TimeoutError:
            return

    async def swap(
        self,
        sinks: Sequence[Sink],
        routes: Sequence[Route],
        settings_digests: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Replace the sinks. A sink that is among the old ones too goes on undisturbed.

        What is under way to an old sink is finished first. If a new sink has the name of an old one, it gets at once
        what the old one refused. Raises DatabaseLocked and DatabaseUnwritable, and then goes on with the old sinks.
        """
        async with self._changing:
            await self._reconcile(sinks, settings_digests)
            old = [sink for sink in self._sinks if sink not in sinks]
            new = [sink for sink in sinks if sink not in self._sinks]
            self._routes, self._settings_digests = tuple(routes), settings_digests
            replaced = [sink.name for sink in old]
            await self._finish(replaced, HANDOVER)
            self._sinks = list(sinks)
            for sink in new:
                self._start(sink, starts_over=sink.name in replaced)
        await asyncio.gather(*(sink.aclose() for sink in old))

    def reopen(self) -> None:
        """Have the sinks that write files open them anew, after a rotation."""
        for sink in self._sinks:
            reopen: Callable[[], object] | None = getattr(sink, "reopen", None)
            if reopen is not None:
                reopen()

    async def disable(self, name: str) -> None:
        """Make its events wait until it is enabled, and tell the other sinks."""
        async with self._changing:
            await self._any_worker(name).change(partial(disabled, now=self._clock.now()))

    async def enable(self, name: str) -> None:
        """Deliver at once what waits for it, also what was refused."""
        async with self._changing:
            await self._any_worker(name).change(partial(enabled, now=self._clock.now()), start_over=True)

    async def replay(
        self,
        name: str,
        *,
        since_seq: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        event_id: str | None = None,
        dead: bool = False,
    ) -> int:
        """Send events again, under the same ids. Returns how many."""
        async with self._changing, self._paused(name):
            route = _named(name, self._routes, lambda route: route.sink)
            return await deliveries.replay(
                self._db, route, since_seq=since_seq, since=since, until=until, event_id=event_id, dead=dead
            )

    async def announce_expired(self, tx: Transaction, counts: Mapping[str, int], reason: str) -> None:
        """Announce that so many events of each sink are given up, in the transaction that gives them up."""
        now = self._clock.now()
        for name, count in counts.items():
            sink = await deliveries.read_sink(tx, name) or SinkRecord(name, "ok", now)
            log.warning("deliveries_given_up", sink=name, count=count, reason=reason)
            message = f"{count} event{'' if count == 1 else 's'} given up: {reason}"
            await deliveries.save_sink(tx, replace(sink, dead_said_at=sink.dead_said_at or now))
            await outbox.append(tx, [sink_events.failed(sink, "expired", message, now)], self._routes)

    async def aclose(self) -> None:
        await asyncio.gather(*(sink.aclose() for sink in self._sinks))

    async def _reconcile(self, sinks: Sequence[Sink], settings_digests: Mapping[str, str]) -> None:
        async with self._db.write() as tx:
            configured = {sink.name: settings_digests.get(sink.name) for sink in sinks}
            await deliveries.reconcile(tx, configured, self._clock.now())

    @asynccontextmanager
    async def _paused(self, name: str) -> AsyncIterator[None]:
        """End the worker of the sink, if one runs. A new worker, which starts afterwards, reads all that waits."""
        running = [name] if name in self._tasks else []
        await self._finish(running)
        try:
            yield
        finally:
            for sink in self._sinks:
                if sink.name in running:
                    self._start(sink)

    def _start(self, sink: Sink, starts_over: bool = False) -> None:
        if self._group is None:
            return
        worker = self._workers[sink.name] = self._worker(sink, starts_over=starts_over)
        self._tasks[sink.name] = self._group.create_task(worker.run(), name=f"deliver {sink.name}")

    async def _finish(self, names: Sequence[str], limit: float | None = None) -> None:
        """End the workers of these sinks. A worker that takes longer than ``limit`` seconds is cancelled."""
        tasks = [self._tasks.pop(name) for name in names if name in self._tasks]
        for name in names:
            if name in self._workers:
                self._workers.pop(name).finish()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=limit)
            for task in late:
                task.cancel()
            await asyncio.wait(tasks)

    def _any_worker(self, name: str) -> Worker:
        """The running worker, or if none runs, as in a command without a daemon, one that only changes the state."""
        if name in self._tasks:
            return self._workers[name]
        return self._worker(_named(name, self._sinks, lambda sink: sink.name))

    def _worker(self, sink: Sink, *, once: bool = False, starts_over: bool = False) -> Worker:
        return Worker(
            self._db,
            sink,
            lambda: self._routes,
            self._clock,
            record=self._record,
            rng=self._rng,
            sleep=self._sleep,
            once=once,
            starts_over=starts_over,
        )

    def _nudge(self) -> None:
        for worker in self._workers.values():
            worker.nudge()


def _named(name: str, candidates: Iterable[_T], name_of: Callable[[_T], str]) -> _T:
    """The one with the name. Raises UsageError if there is none: a reload may have removed it in the meantime."""
    for candidate in candidates:
        if name_of(candidate) == name:
            return candidate
    raise UsageError(f"sink {name} is not configured", "`syncd sinks list` shows those that are")
