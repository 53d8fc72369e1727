"""The worker of one sink: it sends what may go, has the results written, and waits for the next thing to do."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import datetime

from syncd.delivery import sink_events
from syncd.delivery.backlog import Backlog
from syncd.delivery.backoff_timer import BackoffTimer
from syncd.delivery.delivery_log import DeliveryLog
from syncd.delivery.digests import Digests
from syncd.delivery.results import Results
from syncd.delivery.sender import Sender
from syncd.delivery.settler import RecordDelivery, Settler
from syncd.delivery.sink_state import SinkState, StateChange
from syncd.delivery.wakeup import Sleep, Wakeup
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
        self.sink = sink
        self._clock = clock
        self._sleep = sleep
        self._once = once
        self._starts_over = starts_over
        self._started = False
        self._backlog = Backlog(db, sink.name)
        self._queue = self._backlog.queue
        self._digests = Digests(self._queue, sink.group_wait)
        self._wakeup = Wakeup(sleep)
        self._results = Results()
        self._state = SinkState(db, sink.name, routes, clock)
        self._backoff = BackoffTimer(clock)
        self._log = DeliveryLog(sink.name)
        self._sender = Sender(
            sink, clock, state=self._state, backlog=self._backlog, digests=self._digests, results=self._results,
            backoff=self._backoff, log=self._log, wakeup=self._wakeup, gathers=not once,
        )  # fmt: skip
        self._settler = Settler(
            sink, clock, state=self._state, backlog=self._backlog, digests=self._digests, results=self._results,
            backoff=self._backoff, log=self._log, record=record, rng=rng or random.Random(),
        )  # fmt: skip

    @property
    def stuck(self) -> bool:
        """Whether a message has been under way for so long that something is wrong with syncd."""
        return self._sender.is_stuck

    def nudge(self) -> None:
        """Tell the worker that something was committed."""
        self._backlog.is_stale = True
        self._wakeup.wake()

    def finish(self) -> None:
        """Send nothing more, settle what is under way, and end `run`."""
        self._sender.is_stopping = True
        self._wakeup.wake()

    async def change(self, change: StateChange, *, start_over: bool = False) -> None:
        """Change the sink's state from outside. It may be tried at once; with ``start_over`` also what was refused."""
        await self._state.change(change, start_over=start_over)
        if start_over:
            self._queue.start_over()
        self._backoff.clear()
        self.nudge()

    async def run(self) -> None:
        try:
            while not (self._sender.is_stopping and self._is_settled):
                try:
                    await self._turn_over()
                    if self._is_done():
                        break
                    if not self._results:
                        await self._wakeup.wait(self._seconds_to_wait())
                except (DatabaseUnwritable, DatabaseLocked) as error:
                    self._log.database_failed(error)
                    await self._sleep(DATABASE_RETRY)
                    self._sender.retry_reading()
        finally:
            await self._wind_up()

    @property
    def _record(self) -> SinkRecord:
        return self._state.record

    @property
    def _is_settled(self) -> bool:
        """Whether nothing is under way, and all results are written."""
        return self._sender.is_idle and not self._results

    async def _turn_over(self) -> None:
        """Settle the results, load what comes next, and send what may go. Results that cannot be written are kept."""
        if not self._started:
            await self._start()
        if not self._sender.is_idle and not self._sender.is_stopping:
            await self._results.gather()
        await self._correct_times()
        await self._settle()
        if self._sender.read_error is not None:
            raise self._sender.read_error
        await self._load()
        self._sender.launch()
        if self._sender.crash is not None:
            raise self._sender.crash
        if self._sender.is_idle:
            self._log.database_works()

    async def _start(self) -> None:
        if self._starts_over:
            await self._state.change(lambda record: (record, []), start_over=True)
        await self._state.read()
        if self._record.next_attempt_at is not None:
            self._backoff.set(self._record.next_attempt_at)
        self._started = True

    async def _correct_times(self) -> None:
        """Wait for no time that a clock wrote while it was wrong."""
        await self._state.correct_times()
        if self._backoff.clock_was_set():
            self._queue.correct_times(self._clock.now())
            if self._record.next_attempt_at is not None:
                self._backoff.shorten(self._record.next_attempt_at)

    async def _settle(self) -> None:
        if self._results:
            await self._settler.settle(self._results.first())
        elif sink_events.must_announce_absence(self._record, self._clock.now()):
            await self._state.announce_absence()

    async def _load(self) -> None:
        """Have in memory what may go next."""
        if self._sender.is_stopping or self._record.state == "disabled":
            return
        await self._backlog.load(self._clock.now())
        if not self.sink.group_wait:
            await self._backlog.load_bodies(self._clock.now())

    def _is_done(self) -> bool:
        if not self._once or not self._is_settled or self._sender.read_error is not None:
            return False
        if self._record.state == "disabled" or not (
            self._backlog.is_stale or self._queue.has_ready(self._clock.now())
        ):
            return True
        return self._record.state == "backing_off" and not self._backoff.is_over

    def _seconds_to_wait(self) -> float | None:
        """Until something is due by itself, but never long, because clocks jump; None means: until somebody calls."""
        if self._record.state == "disabled" or self._sender.is_stopping:
            return None
        is_backing_off = self._record.state == "backing_off"
        if not self._sender.is_idle and (self.sink.group_wait or is_backing_off):
            return None
        now, waits = self._clock.now(), list[float]()
        has_ready = self._queue.has_ready(now)
        if (due := self._queue.next_due()) is not None:
            waits.append((due - now).total_seconds())
        if is_backing_off:
            waits += self._seconds_backing_off(now, has_ready)
        elif self._digests.gather_until is not None:
            waits.append(self._digests.gather_until - self._clock.monotonic())
        return min(max(min(waits), 0.0), MAX_WAIT) if waits else None

    def _seconds_backing_off(self, now: datetime, has_ready: bool) -> list[float]:
        """Until the next probe, if there is something to send, and until the absence is announced."""
        waits = [self._backoff.seconds_left] if has_ready else []
        if sink_events.must_announce_absence(self._record, now + sink_events.ANNOUNCED_AFTER):
            waits.append((self._record.since + sink_events.ANNOUNCED_AFTER - now).total_seconds())
        return waits

    async def _wind_up(self) -> None:
        """Send nothing more, and save the results: what was delivered need not be sent again."""
        await self._sender.stop()
        if self._results and self._sender.crash is None:
            try:
                await self._settler.settle(self._results.all())
            except (DatabaseUnwritable, DatabaseLocked) as error:
                self._log.database_failed(error)
