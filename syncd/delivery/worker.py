"""The worker of one sink: it sends what may go, has the results written, and waits for the next thing to do."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import datetime

from syncd.delivery import sink_events
from syncd.delivery.sender import Sender
from syncd.delivery.settler import RecordDelivery, Settler
from syncd.delivery.sink_state import StateChange
from syncd.delivery.wakeup import Sleep
from syncd.delivery.worker_parts import WorkerParts
from syncd.errors import DatabaseLocked, DatabaseUnwritable
from syncd.model import Clock, Route
from syncd.sinks.sink import Sink
from syncd.store.deliveries import SinkRecord
from syncd.store.engine import Database

DATABASE_RETRY = 5.0
"""Seconds until a database that could not be used is tried again: nothing tells when the disk has room again."""

MAX_WAIT = 300.0
"""Seconds after which the times are looked at again, because the clock may have been set."""


class Worker:
    """``once`` means: try what is due one time, without gathering digests, and then end.

    ``starts_over`` means: try at once what was refused before, because the sink is a different one now.
    """

    def __init__(
        self,
        db: Database,
        sink: Sink,
        routes: Callable[[], Sequence[Route]],
        clock: Clock,
        *,
        record: RecordDelivery = lambda _: None,
        rng: random.Random | None = None,
        sleep: Sleep = asyncio.sleep,
        once: bool = False,
        starts_over: bool = False,
    ) -> None:
        self._parts = WorkerParts(db, sink, routes, clock, sleep)
        self._sender = Sender(self._parts, gathers=not once)
        self._settler = Settler(self._parts, record=record, rng=rng or random.Random())
        self._sleep = sleep
        self._once = once
        self._starts_over = starts_over
        self._started = False

    @property
    def stuck(self) -> bool:
        """Whether a message has been under way for so long that something is wrong with syncd."""
        return self._sender.is_stuck

    def nudge(self) -> None:
        """Tell the worker that something was committed."""
        self._parts.backlog.is_stale = True
        self._parts.wakeup.wake()

    def finish(self) -> None:
        """Send nothing more, settle what is under way, and end `run`."""
        self._sender.is_stopping = True
        self._parts.wakeup.wake()

    async def change(self, change: StateChange, *, start_over: bool = False) -> None:
        """Change the sink's state from outside. It may be tried at once; with ``start_over`` also what was refused."""
        await self._parts.state.change(change, start_over=start_over)
        if start_over:
            self._parts.queue.start_over()
        self._parts.backoff.clear()
        self.nudge()

    async def run(self) -> None:
        try:
            while not (self._sender.is_stopping and self._is_settled):
                try:
                    await self._turn_over()
                    if self._is_done():
                        break
                    if not self._parts.results:
                        await self._parts.wakeup.wait(self._seconds_to_wait())
                except (DatabaseUnwritable, DatabaseLocked) as error:
                    self._parts.log.database_failed(error)
                    await self._sleep(DATABASE_RETRY)
                    self._sender.retry_reading()
        finally:
            await self._wind_up()

    @property
    def _record(self) -> SinkRecord:
        return self._parts.state.record

    @property
    def _is_settled(self) -> bool:
        """Whether nothing is under way, and all results are written."""
        return self._sender.is_idle and not self._parts.results

    async def _turn_over(self) -> None:
        """Settle the results, load what comes next, and send what may go. Results that cannot be written are kept."""
        if not self._started:
            await self._start()
        if not self._sender.is_idle and not self._sender.is_stopping:
            await self._parts.results.gather()
        await self._correct_times()
        await self._settle()
        if self._sender.read_error is not None:
            raise self._sender.read_error
        await self._load()
        self._sender.launch()
        if self._sender.crash is not None:
            raise self._sender.crash
        if self._sender.is_idle:
            self._parts.log.database_works()

    async def _start(self) -> None:
        if self._starts_over:
            await self._parts.state.change(lambda record: (record, []), start_over=True)
        await self._parts.state.read()
        await self._parts.state.correct_times()
        if self._record.next_attempt_at is not None:
            self._parts.backoff.set(self._record.next_attempt_at)
        self._started = True

    async def _correct_times(self) -> None:
        """Wait for no time that a clock wrote while it was wrong."""
        await self._parts.state.correct_times()
        if self._parts.backoff.clock_was_set():
            self._parts.queue.correct_times(self._parts.clock.now())
            if self._record.next_attempt_at is not None:
                self._parts.backoff.shorten(self._record.next_attempt_at)

    async def _settle(self) -> None:
        if self._parts.results:
            await self._settler.settle(self._parts.results.first())
        elif sink_events.must_announce_absence(self._record, self._parts.clock.now()):
            await self._parts.state.announce_absence()

    async def _load(self) -> None:
        """Have in memory what may go next."""
        if self._sender.is_stopping or self._record.state == "disabled":
            return
        await self._parts.backlog.load(self._parts.clock.now())
        if not self._parts.sink.group_wait:
            await self._parts.backlog.load_bodies(self._parts.clock.now())

    def _is_done(self) -> bool:
        if not self._once or not self._is_settled or self._sender.read_error is not None:
            return False
        if self._record.state == "disabled" or not (
            self._parts.backlog.is_stale or self._parts.queue.has_ready(self._parts.clock.now())
        ):
            return True
        return self._record.state == "backing_off" and not self._parts.backoff.is_over

    def _seconds_to_wait(self) -> float | None:
        """Until something is due by itself, but never long, because clocks jump; None means: until somebody calls."""
        if self._record.state == "disabled" or self._sender.is_stopping:
            return None
        is_backing_off = self._record.state == "backing_off"
        if not self._sender.is_idle and (self._parts.sink.group_wait or is_backing_off):
            return None
        now, waits = self._parts.clock.now(), list[float]()
        has_ready = self._parts.queue.has_ready(now)
        if (due := self._parts.queue.next_due()) is not None:
            waits.append((due - now).total_seconds())
        if is_backing_off:
            waits += self._seconds_backing_off(now, has_ready)
        elif self._parts.digests.gather_until is not None:
            waits.append(self._parts.digests.gather_until - self._parts.clock.monotonic())
        return min(max(min(waits), 0.0), MAX_WAIT) if waits else None

    def _seconds_backing_off(self, now: datetime, has_ready: bool) -> list[float]:
        """Until the next probe, if there is something to send, and until the absence is announced."""
        waits = [self._parts.backoff.seconds_left] if has_ready else []
        if sink_events.must_announce_absence(self._record, now + sink_events.ANNOUNCED_AFTER):
            waits.append((self._record.since + sink_events.ANNOUNCED_AFTER - now).total_seconds())
        return waits

    async def _wind_up(self) -> None:
        """Send nothing more, and save the results: what was delivered need not be sent again."""
        await self._sender.stop()
        if self._parts.results and self._sender.crash is None:
            try:
                await self._settler.settle(self._parts.results.all())
            except (DatabaseUnwritable, DatabaseLocked) as error:
                self._parts.log.database_failed(error)
