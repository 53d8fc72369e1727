"""The receivers of the model: what they are owed, what they took, and what may be given up."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from syncd.config import RetentionConfig
from syncd.model import Route, to_text
from syncd.sinks.dispatcher import Dispatcher
from syncd.sinks.sink import Delivered, Item, MessageTrouble, ReceiverTrouble, Verdict
from syncd.store import pruning
from tests.model.expected import CHAT, NAMES, ROUTES, takers
from tests.model.figures import FIGURES
from tests.sinks.delivering import FakeSink
from tests.sync.ledger import Event, fold
from tests.sync.rig import Rig, at_once

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
KEPT = RetentionConfig(events=timedelta(hours=12), deliveries=HOUR, runs=HOUR)

Delivery = tuple[str, int]
"""(sink, seq)."""


class Outbox:
    """``routes`` are the sinks at work; those ``away`` answer 503, and the ``moody`` refuse some messages."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.routes: tuple[Route, ...] = ROUTES
        self.sinks = {name: self._sink(name) for name in NAMES}
        self.away: frozenset[str] = frozenset()
        self.moody: frozenset[str] = frozenset()
        self._owed: set[Delivery] = set()
        self._refused: set[Delivery] = set()
        self._given_up: set[Delivery] = set()

    def _sink(self, name: str) -> FakeSink:
        sink = FakeSink(name, self._answer, group_wait=30.0 if name == CHAT.sink else 0.0)
        sink.is_dead = lambda seq: (name, seq) not in self._pending()
        return sink

    def _answer(self, sink: FakeSink, items: Sequence[Item]) -> Verdict:
        if sink.name in self.away:
            return ReceiverTrouble("HTTP 503")
        if sink.name in self.moody and (bad := {item.seq for item in items if item.seq % 3 == 0}):
            self._refused |= {(sink.name, seq) for seq in bad}
            return MessageTrouble("HTTP 422")
        return Delivered()

    def owe(self, event: Event) -> None:
        """Exactly the sinks that want the event have a delivery of it."""
        expected = takers(event, self.routes)
        found = self._rig.rows("SELECT sink FROM deliveries WHERE event_seq = ?", event.seq)
        assert {sink for (sink,) in found} == expected, (event, found)
        self._owed |= {(name, event.seq) for name in expected}

    def check(self) -> None:
        """Each in its order, each under one id."""
        assert not [fault for sink in self.sinks.values() for fault in sink.faults]

    async def deliver(self) -> None:
        sinks = [self.sinks[route.sink] for route in self.routes]
        dispatcher = Dispatcher(
            self._rig.db,
            sinks,
            routes=self.routes,
            clock=self._rig.clock,
            rng=random.Random(1),
            sleep=at_once,
        )
        await dispatcher.reconcile()
        await dispatcher.drain(timedelta(seconds=60))

    async def prune(self) -> None:
        """Only what is old enough goes; of what waits, only what waited too long, or for a sink that is gone."""
        now = self._rig.clock.now()
        pending, events = self._pending(), self._events()
        absent = "SELECT name FROM sinks WHERE absent_since <= ?"
        gone = {name for (name,) in self._rig.rows(absent, to_text(now - DAY))}
        self._given_up |= {
            (sink, seq) for sink, seq in pending if sink in gone or events[seq] < to_text(now - KEPT.events)
        }
        await pruning.prune(self._rig.db, KEPT, now)
        assert pending - self._pending() <= self._given_up
        left = self._events()
        assert all(at < to_text(now - KEPT.events) for seq, at in events.items() if seq not in left)
        assert {seq for sink, seq in pending if sink not in gone} <= left.keys()
        assert fold(self._rig.events()) == self._rig.live()

    async def finish(self) -> None:
        """Everybody is there and takes everything, for more than a day."""
        self.away = self.moody = frozenset()
        for _ in range(5):
            self._rig.advance(hours=7)
            await self.deliver()

    def check_finished(self) -> None:
        """Each has what it is owed, and nothing else."""
        assert self._pending() == set()
        taken = {(sink.name, seq) for sink in self.sinks.values() for seq in sink.taken}
        assert taken <= self._owed, taken - self._owed
        lost = self._owed - taken
        assert lost <= self._given_up | self._refused, lost
        FIGURES.delivered += len(taken)
        FIGURES.given_up += len(lost)

    def _pending(self) -> set[Delivery]:
        return set(self._rig.rows("SELECT sink, event_seq FROM deliveries WHERE state = 'pending'"))

    def _events(self) -> dict[int, Any]:
        return dict(self._rig.rows("SELECT seq, observed_at FROM events"))
