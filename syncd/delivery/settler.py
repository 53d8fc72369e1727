"""Has the results of one sink's messages written, and carries out what they mean for its queue."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

from syncd.delivery.results import SentMessage
from syncd.delivery.settlement import DeliveryRecord, Settlement
from syncd.delivery.worker_parts import WorkerParts
from syncd.store.deliveries import SinkRecord

RecordDelivery = Callable[[DeliveryRecord], object]


class Settler:
    def __init__(self, parts: WorkerParts, *, record: RecordDelivery, rng: random.Random) -> None:
        self._parts = parts
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
                self._parts.clock.now(),
                delivered=self._delivered,
                longest_backoff=self._parts.sink.longest_backoff,
                halved=self._parts.digests.is_halved,
                rng=self._rng,
            )

        settlement = await self._parts.state.settle(decide)
        self._parts.results.remove(len(messages))
        self._apply(settlement)

    def _apply(self, settlement: Settlement) -> None:
        for entry, outcome in settlement.outcomes:
            self._parts.backlog.apply(entry, outcome, settlement.delivered)
        for entry in (*settlement.untouched, *settlement.left):
            self._parts.queue.put_back(entry)
        self._parts.digests.learn(
            settlement, settlement.delivered - self._delivered, self._parts.clock.monotonic()
        )
        self._delivered = settlement.delivered
        sink = settlement.sink
        if sink.state == "backing_off" and sink.next_attempt_at is not None:
            self._parts.backoff.set(sink.next_attempt_at)
        self._parts.log.settled(settlement)
        for record in settlement.records:
            self._record(record)
