"""How a sink stands, as the database has it: each change in one transaction with its outcomes and its news."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from syncd.model import Clock, Draft, Route
from syncd.sinks import news
from syncd.sinks.settlement import Settlement
from syncd.store import deliveries, outbox
from syncd.store.deliveries import SinkRecord
from syncd.store.engine import Database, Transaction

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
            self.state = await deliveries.read_sink(tx, self._sink) or self.state

    async def change(self, how: Change) -> None:
        async with self._turn:
            async with self._db.write() as tx:
                new, told = how(await deliveries.read_sink(tx, self._sink) or self.state)
                await deliveries.save_sink(tx, new)
                await outbox.append(tx, told, self._routes())
            self.state = new

    async def settle(self, decide: Callable[[SinkRecord], Settlement]) -> Settlement:
        """What was delivered and a power cut forgets is sent again under its id: only news waits for the disk."""
        async with self._turn:

            async def save(tx: Transaction) -> Settlement:
                made = decide(self.state)
                await self._save(tx, made)
                return made

            made = await self._db.apply(save, quiet=True)
            self.state = made.state
            return made

    async def say_away(self) -> None:
        """Announce that it backs off for long, if it still does."""
        async with self._turn:
            now = self._clock.now()
            if not news.must_say_away(self.state, now):
                return
            state = replace(self.state, failed_said_at=now, failed_reason="backing_off")
            told = news.failed(state, "backing_off", state.last_error or "", now)
            async with self._db.write() as tx:
                await deliveries.save_sink(tx, state)
                await outbox.append(tx, [told], self._routes())
            self.state = state

    async def _save(self, tx: Transaction, made: Settlement) -> None:
        if made.has_dead and not await deliveries.has_dead(tx, self._sink):
            made.say_dead()
        outcomes = [outcome for _, outcome in made.outcomes]
        await deliveries.settle(tx, self._sink, outcomes, self._clock.now())
        dead = made.before.failed_reason == "dead"
        if made.may_be_over and not (dead and await deliveries.has_dead(tx, self._sink)):
            made.say_over()
        if made.state != made.before:
            await deliveries.save_sink(tx, made.state)
        await outbox.append(tx, made.news, self._routes())
