"""The receivers of the model: what they are owed, what they took, and what may be given up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import cast

from syncd.config import RetentionConfig
from syncd.daemon.assembly import Parts
from syncd.daemon.operations import prune_if_due
from syncd.delivery.dispatcher import Dispatcher
from syncd.model import Route, to_text
from syncd.sinks.sink import Delivered, Item, MessageTrouble, ReceiverTrouble, SendResult
from tests.delivery.harness import FakeSink
from tests.stateful.clock import Clock
from tests.stateful.expected import CHAT, NAMES, ROUTES, takers
from tests.stateful.figures import FIGURES
from tests.stateful.story import Story
from tests.sync.ledger import Event, fold
from tests.sync.rig import Rig, at_once

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
KEPT = RetentionConfig(events=5 * DAY, deliveries=4 * DAY, runs=4 * DAY)
UNNOTICED = 2 * DAY
"""A jump of the clock by less than that expires things by so much too early."""

Delivery = tuple[str, int]
"""(sink, seq)."""


class Receiver(FakeSink):
    outbox: Outbox

    async def send(self, items: Sequence[Item], away_since: datetime | None = None) -> SendResult:
        if self.outbox.is_dead():
            raise asyncio.CancelledError
        return await super().send(items, away_since)


class Outbox:
    """``routes`` are the sinks at work; those ``away`` answer 503, and the ``moody`` refuse some messages."""

    def __init__(self, rig: Rig, clock: Clock, story: Story) -> None:
        self._rig = rig
        self._story = story
        self._clock = clock
        self.is_dead: Callable[[], bool] = lambda: False
        """Whether the process is, or the machine: nothing leaves any more."""
        self.routes: tuple[Route, ...] = ROUTES
        self.sinks = {name: self._sink(name) for name in NAMES}
        self.away: frozenset[str] = frozenset()
        self.moody: frozenset[str] = frozenset()
        self._owed: set[Delivery] = set()
        self._told_whole: set[str] = set()
        """Accounts that were said to fail without a region."""
        self._told_at: dict[int, timedelta] = {}
        """Event → the time that had really passed."""
        self._ids: dict[int, str] = {}
        """Of all events that were ever found in the file and not pruned."""
        self._refused: set[Delivery] = set()
        self._given_up: set[Delivery] = set()

    def _sink(self, name: str) -> FakeSink:
        sink = Receiver(name, self._answer, group_wait=30.0 if name == CHAT.sink else 0.0)
        sink.outbox = self
        sink.is_dead = lambda seq: (name, seq) not in self._pending()
        return sink

    def _answer(self, sink: FakeSink, items: Sequence[Item]) -> SendResult:
        if sink.name in self.away:
            return ReceiverTrouble("HTTP 503")
        if sink.name in self.moody and (bad := {item.seq for item in items if item.seq % 3 == 0}):
            self._refused |= {(sink.name, seq) for seq in bad}
            return MessageTrouble("HTTP 422")
        return Delivered()

    def owe(self, event: Event) -> None:
        """Exactly the sinks that want the event have a delivery of it."""
        expected = takers(self._as_filtered(event), self.routes)
        found = self._rig.rows("SELECT sink FROM deliveries WHERE event_seq = ?", event.seq)
        assert {sink for (sink,) in found} == expected, (event, found)
        self._owed |= {(name, event.seq) for name in expected}
        self._told_at[event.seq] = self._clock.passed
        self._ids[event.seq] = event.id

    def _as_filtered(self, event: Event) -> Event:
        """Whoever was told that an account as a whole fails is told that it is well again, whatever had failed."""
        if event.type == "sync.failed" and not event.data["regions"]:
            self._told_whole.add(event.account)
        if event.type != "sync.recovered" or event.account not in self._told_whole:
            return event
        self._told_whole.discard(event.account)
        return replace(event, body={**event.body, "data": {**event.data, "regions": []}})

    def dismiss(self, account: str) -> None:
        """It leaves, and its alert with it."""
        self._told_whole.discard(account)

    def check(self) -> None:
        """Each in its order, each under one id."""
        assert not [fault for sink in self.sinks.values() for fault in sink.faults]

    def check_kept(self) -> None:
        """Whatever was in the file, or was heard by anybody, is there under the same number after a death."""
        found = dict(self._rig.rows("SELECT seq, id FROM events"))
        heard = {seq: name for sink in self.sinks.values() for seq, name in sink.ids.items()}
        known = self._ids | {seq: name for seq, name in heard.items() if seq not in self._told_at}
        lost = {seq for seq, name in known.items() if found.get(seq) != name}
        assert not lost, f"events {sorted(lost)} were there and are gone, or are others now"

    async def deliver(self) -> None:
        self._story.tell(f"deliveries; away {sorted(self.away)}, moody {sorted(self.moody)}")
        dispatcher = self._dispatcher()
        await dispatcher.reconcile()
        await dispatcher.drain(timedelta(seconds=60))

    def _dispatcher(self) -> Dispatcher:
        return Dispatcher(
            self._rig.db,
            [self.sinks[route.sink] for route in self.routes],
            routes=self.routes,
            clock=self._rig.clock,
            rng=random.Random(1),
            sleep=at_once,
        )

    async def prune(self) -> None:
        """Only what is old enough goes; of what waits, only what waited too long, or for a sink that is gone."""
        self._story.tell("what is old is pruned, if that is due")
        now = self._rig.clock.now()
        pending, events = self._pending(), self._events()
        absent = "SELECT name FROM sinks WHERE absent_since <= ?"
        gone = {name for (name,) in self._rig.rows(absent, to_text(now - DAY))}
        self._given_up |= {(sink, seq) for sink, seq in pending if sink in gone or self._is_old(seq, events)}
        self._ids = {seq: name for seq, name in self._ids.items() if not self._is_old(seq, events)}
        parts = SimpleNamespace(
            db=self._rig.db,
            clock=self._rig.clock,
            config=SimpleNamespace(retention=KEPT),
            dispatcher=self._dispatcher(),
        )
        await prune_if_due(cast(Parts, parts))
        self.check_pruned(pending, events, gone)

    def check_pruned(self, pending: set[Delivery], events: Mapping[int, str], gone: Collection[str]) -> None:
        given_up = pending - self._pending()
        early = given_up - self._given_up
        self._given_up |= early
        assert not early, f"given up too early: {early}"
        left = self._events()
        forgotten = {seq for seq in events.keys() - left.keys() if not self._is_old(seq, events)}
        assert not forgotten, f"forgotten too early: {forgotten}"
        assert {seq for sink, seq in pending if sink not in gone} <= left.keys()
        assert fold(self._rig.events()) == self._rig.live()
        new = self._rig.events(max(events, default=0))
        told = {event.data["sink"] for event in new if event.type == "sink.failed"}
        silent = {sink for sink, _ in given_up if sink not in gone} - told
        assert not silent, f"nobody was told that events of {silent} were given up"

    def _is_old(self, seq: int, events: Mapping[int, str]) -> bool:
        """By the wall; and by the time that passed, unless the clock went on steadily for a day since it jumped."""
        now, old = self._clock, KEPT.events
        really = seq not in self._told_at or now.passed - self._told_at[seq] > old - UNNOTICED
        steady = not now.jumps or now.passed - now.jumped_at > DAY
        return events.get(seq, "") < to_text(now.now() - old) and (really or steady)

    async def finish(self) -> None:
        """Everybody is there and takes everything, for more than a day."""
        self.away = self.moody = frozenset()
        for _ in range(5):
            self._rig.advance(hours=7)
            await self.deliver()

    def check_finished(self) -> None:
        """Each has what it is owed, and nothing else."""
        waiting = self._rig.rows("SELECT * FROM deliveries WHERE state = 'pending'")
        assert not waiting, f"never delivered: {self._rig.rows('SELECT * FROM sinks')}, {waiting}"
        taken = {(sink.name, seq) for sink in self.sinks.values() for seq in sink.taken}
        assert taken <= self._owed, taken - self._owed
        lost = self._owed - taken
        assert lost <= self._given_up | self._refused, lost
        FIGURES.delivered += len(taken)
        FIGURES.given_up += len(lost)

    def _pending(self) -> set[Delivery]:
        return set(self._rig.rows("SELECT sink, event_seq FROM deliveries WHERE state = 'pending'"))

    def _events(self) -> dict[int, str]:
        return dict(self._rig.rows("SELECT seq, observed_at FROM events"))
