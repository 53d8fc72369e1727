"""The state of one sink, as the database has it. Each change is written in one transaction with its announcements."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from syncd.delivery import sink_events
from syncd.delivery.settlement import Settlement
from syncd.model import Clock, Draft, Route
from syncd.sinks.sink import MAX_RETRY_AFTER
from syncd.store import deliveries, outbox
from syncd.store.deliveries import SinkRecord
from syncd.store.engine import Database
from syncd.store.transaction import Transaction

StateChange = Callable[[SinkRecord], tuple[SinkRecord, list[Draft]]]
"""From the record as it is to the record as it is to be, and what the other sinks are told."""


class SinkState:
    """Makes one change at a time, so that an outcome and an operator's command never overwrite each other."""

    def __init__(self, db: Database, sink: str, routes: Callable[[], Sequence[Route]], clock: Clock) -> None:
        self.record = SinkRecord(sink, "ok", clock.now())
        self._db = db
        self._sink = sink
        self._routes = routes
        self._clock = clock
        self._turn = asyncio.Lock()

    async def read(self) -> None:
        async with self._turn, self._db.read() as tx:
            self.record = await self._stored(tx)

    async def change(self, change: StateChange, *, start_over: bool = False) -> None:
        """With ``start_over``, everything that was refused is tried at once."""
        async with self._turn:
            async with self._db.write() as tx:
                record, announcements = change(await self._believable(tx))
                await deliveries.save_sink(tx, record)
                if start_over:
                    await deliveries.start_over(tx, self._sink)
                await outbox.append(tx, announcements, self._routes())
            self.record = record

    async def settle(self, decide: Callable[[SinkRecord], Settlement]) -> Settlement:
        """Decide by the record that is stored, since pruning may have announced dead events in the meantime.

        The write does not wait for the disk unless something is announced: if a power cut undoes it, what was
        delivered is sent again under the same id.
        """
        async with self._turn:

            async def save(tx: Transaction) -> Settlement:
                stored = await self._stored(tx)
                settlement = decide(believable(stored, self._clock.now()))
                await self._save(tx, stored, settlement)
                return settlement

            settlement = await self._db.apply(save, quiet=True)
            self.record = settlement.sink
            return settlement

    async def correct_times(self) -> None:
        """Store times anew that a clock wrote which ran ahead: otherwise they would be waited for twice."""
        if believable(self.record, self._clock.now()) != self.record:
            await self.change(lambda record: (record, []))

    async def announce_absence(self) -> None:
        """Tell the other sinks that this one has been backing off for long, if it still does."""

        def announce(record: SinkRecord) -> tuple[SinkRecord, list[Draft]]:
            now = self._clock.now()
            if not sink_events.must_announce_absence(record, now):
                return record, []
            announced = replace(record, failed_said_at=now, failed_reason="backing_off")
            return announced, [sink_events.failed(announced, "backing_off", announced.last_error or "", now)]

        await self.change(announce)

    async def _believable(self, tx: Transaction) -> SinkRecord:
        return believable(await self._stored(tx), self._clock.now())

    async def _stored(self, tx: Transaction) -> SinkRecord:
        return await deliveries.read_sink(tx, self._sink) or self.record

    async def _save(self, tx: Transaction, stored: SinkRecord, settlement: Settlement) -> None:
        settlement.announce_dead()
        outcomes = [outcome for _, outcome in settlement.outcomes]
        await deliveries.settle(tx, self._sink, outcomes, self._clock.now())
        if settlement.is_back:
            settlement.announce_recovery()
        if settlement.may_be_without_dead and not await deliveries.has_dead(tx, self._sink):
            settlement.announce_none_dead()
        if settlement.sink != stored:
            await deliveries.save_sink(tx, settlement.sink)
        await outbox.append(tx, settlement.announcements, self._routes())


def disabled(record: SinkRecord, now: datetime) -> tuple[SinkRecord, list[Draft]]:
    """The `StateChange` of an operator who disables the sink."""
    if record.state == "disabled":
        return record, []
    message = "disabled by hand"
    changed = replace(
        record, state="disabled", since=now, next_attempt_at=None, last_error=message,
        failed_said_at=now, failed_reason="disabled", away_since=record.away_since or now,
    )  # fmt: skip
    return changed, [sink_events.failed(changed, "disabled", message, now)]


def enabled(record: SinkRecord, now: datetime) -> tuple[SinkRecord, list[Draft]]:
    """The `StateChange` of an operator who enables the sink.

    If it was disabled by hand, that is over now. If its receiver was gone or away, that is over with its first success.
    """
    if record.state == "ok":
        return record, []
    changed = replace(record, state="ok", since=now, next_attempt_at=None, failures=0, last_error=None)
    if record.failed_reason != "disabled":
        return changed, []
    return replace(changed, failed_said_at=None, failed_reason=None), [sink_events.recovered(record, now)]


def believable(record: SinkRecord, now: datetime) -> SinkRecord:
    """The record without times in the future: a clock that ran ahead wrote them, and was set back since."""
    return replace(
        record,
        since=min(record.since, now),
        failed_said_at=_not_after(record.failed_said_at, now),
        away_since=_not_after(record.away_since, now),
        dead_said_at=_not_after(record.dead_said_at, now),
        tried_at=_not_after(record.tried_at, now),
        next_attempt_at=_next_attempt(record, now),
    )


def _not_after(moment: datetime | None, now: datetime) -> datetime | None:
    return min(moment, now) if moment else None


def _next_attempt(record: SinkRecord, now: datetime) -> datetime | None:
    due = record.next_attempt_at
    if due is None:
        return None
    if record.tried_at is not None and record.tried_at > now:
        return now + min(due - record.tried_at, MAX_RETRY_AFTER)
    return due if due <= now + MAX_RETRY_AFTER else now
