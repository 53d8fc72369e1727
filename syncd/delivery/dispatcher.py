"""The one dispatcher of a file: a worker for each sink. The lock proves that it is alone, so nothing is leased."""

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
from syncd.delivery.wakeup import Sleep
from syncd.delivery.worker import Record, Worker
from syncd.errors import UsageError
from syncd.model import Clock, Draft, Route
from syncd.sinks.sink import Sink
from syncd.store import deliveries, outbox
from syncd.store.deliveries import SinkRecord
from syncd.store.engine import Database
from syncd.store.transaction import Transaction

__all__ = ["DeliveryRecord", "Dispatcher"]

log = structlog.get_logger()

_T = TypeVar("_T")

HANDOVER = 30.0
"""Seconds that sends of a sink which is exchanged are given to come back; then they count as stopped."""


class Dispatcher:
    """``routes`` say what each sink takes; the sinks' own news goes by them too.

    ``digests`` (sink → a digest of its settings) show after a restart that a sink was changed.
    """

    def __init__(
        self,
        db: Database,
        sinks: Sequence[Sink],
        *,
        routes: Sequence[Route],
        clock: Clock,
        digests: Mapping[str, str] = MappingProxyType({}),
        record: Record = lambda _: None,
        rng: random.Random | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._db = db
        self._sinks = list(sinks)
        self._routes = tuple(routes)
        self._clock = clock
        self._digests = digests
        self._record = record
        self._rng = rng or random.Random()
        self._sleep = sleep
        self._workers: dict[str, Worker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._changing = asyncio.Lock()
        """Held while workers are exchanged or spoken to: what changes a sink meets no other change half done."""
        db.on_commit(self._nudge)

    @property
    def stuck(self) -> list[str]:
        """Sinks with a send that does not come back, for the watchdog."""
        return [name for name, worker in self._workers.items() if worker.stuck]

    async def reconcile(self) -> None:
        """Follow the configured sinks in the database; called at start, and daily."""
        await self._follow(self._sinks, self._digests)

    async def run(self) -> None:
        """Deliver until cancelled; a worker that dies ends it with its error."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for sink in self._sinks:
                self._start(sink)
            try:
                await asyncio.Event().wait()
            finally:
                self._group = None

    async def drain(self, limit: timedelta) -> None:
        """One attempt at each delivery that is due, then the end; for as long as ``limit`` at most."""
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
        digests: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Go over to other sinks; one that is among the old ones goes on undisturbed.

        What is under way to an old one is finished first; what it refused, another of its name tries at once.
        Raises DatabaseLocked and DatabaseUnwritable, and then goes on with the old ones.
        """
        async with self._changing:
            await self._follow(sinks, digests)
            old = [sink for sink in self._sinks if sink not in sinks]
            fresh = [sink for sink in sinks if sink not in self._sinks]
            self._routes, self._digests = tuple(routes), digests
            await self._finish([sink.name for sink in old], HANDOVER)
            self._sinks = list(sinks)
            for sink in fresh:
                self._start(sink, starts_over=sink.name in {one.name for one in old})
        await asyncio.gather(*(sink.aclose() for sink in old))

    def reopen(self) -> None:
        """Have sinks that write files open them anew, after a rotation."""
        for sink in self._sinks:
            reopen: Callable[[], object] | None = getattr(sink, "reopen", None)
            if reopen is not None:
                reopen()

    async def disable(self, name: str) -> None:
        """What it would get waits until it is enabled; the other sinks are told."""
        async with self._changing:
            await self._any_worker(name).change(partial(_disabled, now=self._clock.now()))

    async def enable(self, name: str) -> None:
        """Deliver again, and at once, what waits for it, also what was refused."""
        async with self._changing:
            await self._any_worker(name).change(partial(_enabled, now=self._clock.now()), start_over=True)

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
        """Send events again, under the same ids; how many."""
        async with self._changing, self._paused(name):
            route = _named(name, self._routes, lambda route: route.sink)
            return await deliveries.replay(
                self._db, route, since_seq=since_seq, since=since, until=until, event_id=event_id, dead=dead
            )

    async def say_expired(self, tx: Transaction, counts: Mapping[str, int], reason: str) -> None:
        """Announce, in the transaction that begins it, that so many events of each sink are given up undelivered."""
        now = self._clock.now()
        for name, count in counts.items():
            sink = await deliveries.read_sink(tx, name) or SinkRecord(name, "ok", now)
            log.warning("deliveries_given_up", sink=name, count=count, reason=reason)
            message = f"{count} event{'' if count == 1 else 's'} given up: {reason}"
            await deliveries.save_sink(tx, replace(sink, dead_said_at=sink.dead_said_at or now))
            await outbox.append(tx, [sink_events.failed(sink, "expired", message, now)], self._routes)

    async def aclose(self) -> None:
        await asyncio.gather(*(sink.aclose() for sink in self._sinks))

    async def _follow(self, sinks: Sequence[Sink], digests: Mapping[str, str]) -> None:
        async with self._db.write() as tx:
            names = {sink.name: digests.get(sink.name) for sink in sinks}
            await deliveries.reconcile(tx, names, self._clock.now())

    @asynccontextmanager
    async def _paused(self, name: str) -> AsyncIterator[None]:
        """Its worker, if one runs, ends; the next one begins anew with all that waits."""
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
        """Their workers end, those that take longer than ``limit`` seconds as in a stop."""
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
        """The running worker, or for a command without a daemon one that only changes the state."""
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


def _named(name: str, among: Iterable[_T], name_of: Callable[[_T], str]) -> _T:
    """A reload may have taken it away since it was asked for."""
    for one in among:
        if name_of(one) == name:
            return one
    raise UsageError(f"sink {name} is not configured", "`syncd sinks list` shows those that are")


def _disabled(old: SinkRecord, now: datetime) -> tuple[SinkRecord, list[Draft]]:
    if old.state == "disabled":
        return old, []
    message = "disabled by hand"
    new = replace(
        old, state="disabled", since=now, next_attempt_at=None, last_error=message,
        failed_said_at=now, failed_reason="disabled", away_since=old.away_since or now,
    )  # fmt: skip
    return new, [sink_events.failed(new, "disabled", message, now)]


def _enabled(old: SinkRecord, now: datetime) -> tuple[SinkRecord, list[Draft]]:
    """What was disabled by hand is over; what was gone or away is with its first success."""
    if old.state == "ok":
        return old, []
    new = replace(old, state="ok", since=now, next_attempt_at=None, failures=0, last_error=None)
    if old.failed_reason != "disabled":
        return new, []
    return replace(new, failed_said_at=None, failed_reason=None), [sink_events.recovered(old, now)]
