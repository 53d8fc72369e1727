"""The one dispatcher of a file: a worker for each sink. The lock proves that it is alone, so nothing is leased."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from syncd.errors import UsageError
from syncd.model import Clock, Draft, Route
from syncd.sinks import news
from syncd.sinks.alarm import Sleep
from syncd.sinks.settlement import DeliveryRecord
from syncd.sinks.sink import Sink
from syncd.sinks.worker import Record, Worker
from syncd.store import deliveries
from syncd.store.deliveries import SinkRecord
from syncd.store.engine import Database

__all__ = ["DeliveryRecord", "Dispatcher"]

_T = TypeVar("_T")


class Dispatcher:
    """``routes`` say what each sink takes; the sinks' own news goes by them too."""

    def __init__(
        self,
        db: Database,
        sinks: Sequence[Sink],
        *,
        routes: Sequence[Route],
        clock: Clock,
        record: Record = lambda _: None,
        rng: random.Random | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._db = db
        self._sinks = list(sinks)
        self._routes = tuple(routes)
        self._clock = clock
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
        await self._follow(self._sinks)

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

    async def swap(self, sinks: Sequence[Sink], routes: Sequence[Route]) -> None:
        """Go over to other sinks: what is under way to the old ones is finished first.

        Raises DatabaseLocked and DatabaseUnwritable, and then goes on with the old ones.
        """
        async with self._changing:
            await self._follow(sinks)
            await self._finish(list(self._workers))
            old, self._sinks, self._routes = self._sinks, list(sinks), tuple(routes)
            for sink in self._sinks:
                self._start(sink)
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
        """Deliver again, and at once, what waits for it."""
        async with self._changing:
            await self._any_worker(name).change(partial(_enabled, now=self._clock.now()))

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

    async def aclose(self) -> None:
        await asyncio.gather(*(sink.aclose() for sink in self._sinks))

    async def _follow(self, sinks: Sequence[Sink]) -> None:
        async with self._db.write() as tx:
            await deliveries.reconcile(tx, [sink.name for sink in sinks], self._clock.now())

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

    def _start(self, sink: Sink) -> None:
        if self._group is None:
            return
        worker = self._workers[sink.name] = self._worker(sink)
        self._tasks[sink.name] = self._group.create_task(worker.run(), name=f"deliver {sink.name}")

    async def _finish(self, names: Sequence[str]) -> None:
        tasks = [self._tasks.pop(name) for name in names if name in self._tasks]
        for name in names:
            self._workers.pop(name).finish()
        if tasks:
            await asyncio.wait(tasks)

    def _any_worker(self, name: str) -> Worker:
        """The running worker, or for a command without a daemon one that only changes the state."""
        if name in self._tasks:
            return self._workers[name]
        return self._worker(_named(name, self._sinks, lambda sink: sink.name))

    def _worker(self, sink: Sink, once: bool = False) -> Worker:
        return Worker(
            self._db,
            sink,
            lambda: self._routes,
            self._clock,
            record=self._record,
            rng=self._rng,
            sleep=self._sleep,
            once=once,
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
    return new, [news.failed(new, "disabled", message, now)]


def _enabled(old: SinkRecord, now: datetime) -> tuple[SinkRecord, list[Draft]]:
    """What was disabled by hand is over; what was gone or away is with its first success."""
    if old.state == "ok":
        return old, []
    new = replace(old, state="ok", since=now, next_attempt_at=None, failures=0, last_error=None)
    if old.failed_reason != "disabled":
        return new, []
    return replace(new, failed_said_at=None, failed_reason=None), [news.recovered(old, now)]
