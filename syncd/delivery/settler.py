"""Has the results of one sink's messages written, and carries out what they mean for its queue."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

from syncd.delivery.backlog import Backlog
from syncd.delivery.backoff_timer import BackoffTimer
from syncd.delivery.delivery_log import DeliveryLog
from syncd.delivery.digests import Digests
from syncd.delivery.results import Results, SentMessage
from syncd.delivery.settlement import DeliveryRecord, Settlement
from syncd.delivery.sink_state import SinkState
from syncd.model import Clock
from syncd.sinks.sink import Sink
from syncd.store.deliveries import SinkRecord

RecordDelivery = Callable[[DeliveryRecord], object]


class Settler:
    def __init__(
        self,
        sink: Sink,
        clock: Clock,
        *,
        state: SinkState,
        backlog: Backlog,
        digests: Digests,
        results: Results,
        backoff: BackoffTimer,
        log: DeliveryLog,
        record: RecordDelivery,
        rng: random.Random,
    ) -> None:
        self._sink = sink
        self._clock = clock
        self._state = state
        self._backlog = backlog
        self._digests = digests
        self._results = results
        self._backoff = backoff
        self._log = log
        self._record = record
        self._rng = rng
        self._delivered = 0
        """How many events were delivered so far."""

    async def settle(self, messages: Sequence[SentMessage]) -> None:
        """Settle ``messages``, the first of the results. Even if this is cancelled, the write is finished first."""
        writing = asyncio.ensure_future(self._settle(messages))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait([writing])
            _ = writing.cancelled() or writing.exception()
            raise

    async def _settle(self, messages: Sequence[SentMessage]) -> None:
        def decide(record: SinkRecord) -> Settlement:
            return Settlement(
                record,
                messages,
                self._clock.now(),
                delivered=self._delivered,
                longest_backoff=self._sink.longest_backoff,
                halved=self._digests.is_halved,
                rng=self._rng,
            )

        settlement = await self._state.settle(decide)
        self._results.remove(len(messages))
        self._apply(settlement)

    def _apply(self, settlement: Settlement) -> None:
        for entry, outcome in settlement.outcomes:
            self._backlog.apply(entry, outcome, settlement.delivered)
        for entry in settlement.untouched:
            self._backlog.queue.put_back(entry)
        self._digests.learn(settlement, settlement.delivered - self._delivered, self._clock.monotonic())
        self._delivered = settlement.delivered
        sink = settlement.sink
        if sink.state == "backing_off" and sink.next_attempt_at is not None:
            self._backoff.set(sink.next_attempt_at)
        self._log.settled(settlement)
        for record in settlement.records:
            self._record(record)
