"""How a sink stands, as the database has it: each change in one transaction with its outcomes and its news."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from syncd.delivery import sink_events
from syncd.delivery.backoff import LONGEST_ASKED
from syncd.delivery.settlement import Settlement
from syncd.model import Clock, Draft, Route
from syncd.store import deliveries, outbox
from syncd.store.deliveries import SinkRecord
from syncd.store.engine import Database
from syncd.store.transaction import Transaction

Change = Callable[[SinkRecord], tuple[SinkRecord, list[Draft]]]
"""The state as it is → as it is to be, and what the others are told."""


class Standing:
    """One change at a time: an outcome and an operator's word do not overwrite each other."""

    def __init__(self, db: Database, sink: str, routes: Callable[[], Sequence[Route]], clock: Clock) -> None:
        self.state = SinkRecord(sink, "ok", clock.now())
        self._db = db
        self._sink = sink
        self._routes = routes
        self._clock = clock
        self._turn = asyncio.Lock()

    async def read(self) -> None:
        async with self._turn, self._db.read() as tx:
            self.state = believable(await self._stored(tx), self._clock.now())

    async def change(self, how: Change, *, start_over: bool = False) -> None:
        """``start_over``: and what was refused is tried at once."""
        async with self._turn:
            async with self._db.write() as tx:
                new, told = how(believable(await self._stored(tx), self._clock.now()))
                await deliveries.save_sink(tx, new)
                if start_over:
                    await deliveries.start_over(tx, self._sink)
                await outbox.append(tx, told, self._routes())
            self.state = new

    async def settle(self, decide: Callable[[SinkRecord], Settlement]) -> Settlement:
        """By what is stored: pruning may have announced dead events meanwhile.

        What was delivered and a power cut forgets is sent again under its id: only news waits for the disk.
        """
        async with self._turn:

            async def save(tx: Transaction) -> Settlement:
                stored = await self._stored(tx)
                made = decide(believable(stored, self._clock.now()))
                await self._save(tx, stored, made)
                return made

            made = await self._db.apply(save, quiet=True)
            self.state = made.state
            return made

    async def mind_clock(self) -> None:
        """Times that a clock wrote which ran ahead begin anew now; until then they would have to come twice."""
        if believable(self.state, self._clock.now()) != self.state:
            await self.change(lambda state: (state, []))

    async def say_away(self) -> None:
        """Announce that it backs off for long, if it still does."""

        def say(state: SinkRecord) -> tuple[SinkRecord, list[Draft]]:
            now = self._clock.now()
            if not sink_events.must_say_away(state, now):
                return state, []
            said = replace(state, failed_said_at=now, failed_reason="backing_off")
            return said, [sink_events.failed(said, "backing_off", said.last_error or "", now)]

        await self.change(say)

    async def _stored(self, tx: Transaction) -> SinkRecord:
        return await deliveries.read_sink(tx, self._sink) or self.state

    async def _save(self, tx: Transaction, stored: SinkRecord, made: Settlement) -> None:
        made.say_dead()
        outcomes = [outcome for _, outcome in made.outcomes]
        await deliveries.settle(tx, self._sink, outcomes, self._clock.now())
        if made.is_back:
            made.say_back()
        if made.may_be_without_dead and not await deliveries.has_dead(tx, self._sink):
            made.say_none_dead()
        if made.state != stored:
            await deliveries.save_sink(tx, made.state)
        await outbox.append(tx, made.news, self._routes())


def believable(sink: SinkRecord, now: datetime) -> SinkRecord:
    """Without times that have not been yet: the clock that wrote them ran ahead, and was set back since."""
    return replace(
        sink,
        since=min(sink.since, now),
        failed_said_at=_passed(sink.failed_said_at, now),
        away_since=_passed(sink.away_since, now),
        dead_said_at=_passed(sink.dead_said_at, now),
        tried_at=_passed(sink.tried_at, now),
        next_attempt_at=_next_attempt(sink, now),
    )


def _passed(moment: datetime | None, now: datetime) -> datetime | None:
    return min(moment, now) if moment else None


def _next_attempt(sink: SinkRecord, now: datetime) -> datetime | None:
    due = sink.next_attempt_at
    if due is None:
        return None
    if sink.tried_at is not None and sink.tried_at > now:
        return now + min(due - sink.tried_at, LONGEST_ASKED)
    return due if due <= now + LONGEST_ASKED else now
