"""What must always be true of syncd on its file, whatever the world does; checked after every step, and at rest."""

from __future__ import annotations

import asyncio
import itertools
import random
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from hypothesis.stateful import RuleBasedStateMachine, invariant

from syncd.config import RetentionConfig
from syncd.model import to_text
from syncd.sinks.dispatcher import Dispatcher
from syncd.sinks.sink import Delivered, Item, ReceiverTrouble, Verdict
from syncd.store import pruning
from syncd.sync.settings import Settings
from tests.model.expected import ROUTES, takers
from tests.model.figures import FIGURES
from tests.model.lies import Lies
from tests.sinks.delivering import FakeSink
from tests.sync.ledger import Event, Key, check_envelope, check_told_once, fold, schema
from tests.sync.rig import REGIONS, Rig, at_once, rig_at

ACCOUNTS = ("lab", "alice")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
KEPT = RetentionConfig(events=timedelta(hours=12), deliveries=HOUR, runs=HOUR)

T = TypeVar("T")


class Witness(RuleBasedStateMachine):
    """``rig`` is syncd and its cloud; the world's history counts in ticks, which never jump."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.folder = tempfile.TemporaryDirectory(prefix="syncd-model-")
        self.ticks = itertools.count(1)
        self.rig: Rig = self.run(self._enter())
        self.lies = Lies(self.rig)
        self.routes = ROUTES
        self.sinks = {route.sink: FakeSink(route.sink, self._answer) for route in ROUTES}
        self.away: set[str] = set()
        self.owed: dict[str, list[int]] = {name: [] for name in self.sinks}
        self.images: list[str] = []
        self.folded: dict[Key, Any] = {}
        self.began: dict[str, int] = {}
        """When a sync began, as the database has it → the tick."""
        self.read_to = 0
        self.set_back = timedelta(0)
        self.by_hand = False
        """This step calls rows revoked on a person's word."""
        self.retired = self.pruned = self.rebaselined = False
        FIGURES.worlds += 1

    async def _enter(self) -> Rig:
        rig = await self.stack.enter_async_context(
            rig_at(
                Path(self.folder.name) / "syncd.db",
                regions=REGIONS,
                accounts=ACCOUNTS,
                settings=Settings(routes=ROUTES),
            )
        )
        rig.world._clock = lambda: float(next(self.ticks))
        return rig

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def _answer(self, sink: FakeSink, _: Sequence[Item]) -> Verdict:
        return ReceiverTrouble("HTTP 503") if sink.name in self.away else Delivered()

    # what must always be true

    @invariant()
    def is_true(self) -> None:
        new = self.rig.events(self.read_to)
        for event in new:
            self._check(event)
            self.folded = fold([event], self.folded)
        self.read_to = new[-1].seq if new else self.read_to
        assert self.folded == self.rig.live()
        assert not [fault for sink in self.sinks.values() for fault in sink.faults]
        if new and not (self.retired or self.pruned or self.rebaselined):
            check_told_once(self.rig.events())
        self.by_hand = False
        FIGURES.steps += 1

    def _check(self, event: Event) -> None:
        FIGURES.events[event.type] += 1
        if self.set_back:
            schema().validate(event.body)
        else:
            check_envelope(event)
        if event.type == "image.revoked" and not event.baseline and not self.by_hand:
            self._check_revocation(event)
        if event.type == "image.revoked" and event.scope == "account":
            elsewhere = {key[1] for key in self.folded if key[::2] == (event.account, event.image_id)}
            assert elsewhere - {event.region} <= set(event.data["unverified_regions"]), event
        takers_of_it = takers(event, self.routes)
        assert {name for name, _ in self._deliveries(event.seq)} == takers_of_it, event
        for name in takers_of_it:
            self.owed[name].append(event.seq)

    def _check_revocation(self, event: Event) -> None:
        """The image was really away, or the cloud said so in every answer for as long as the guard waits."""
        assert event.region
        assert event.image_id
        since = self.began[event.data["missing_since"]]
        history = self.rig.world.history(event.account, event.region)
        if not history.ever_absent(event.image_id, since, next(self.ticks)):
            FIGURES.believed += 1
            assert self.lies.explain(event, since), event

    def _deliveries(self, seq: int) -> list[tuple[Any, ...]]:
        return self.rig.rows("SELECT sink, state FROM deliveries WHERE event_seq = ?", seq)

    # what syncd does

    async def _sync(self, account: str, region: str) -> None:
        self.began[to_text(self.rig.clock.at + timedelta(seconds=1))] = next(self.ticks)
        report = await self.rig.sync(region, account=account)
        FIGURES.syncs[report.outcome] += 1

    async def _sync_all(self) -> None:
        for account in self.rig.configs:
            for target in self.rig.active(account):
                await self._sync(account, target.region)

    async def _discover(self) -> None:
        for account, config in self.rig.configs.items():
            if config.regions is None:
                self.began[to_text(self.rig.clock.at + timedelta(seconds=1))] = next(self.ticks)
                await self.rig.discover(account)

    async def _deliver(self) -> None:
        sinks = [self.sinks[route.sink] for route in self.routes]
        dispatcher = Dispatcher(
            self.rig.db, sinks, routes=self.routes, clock=self.rig.clock, rng=random.Random(1), sleep=at_once
        )
        await dispatcher.reconcile()
        await dispatcher.drain(timedelta(seconds=60))

    async def _prune(self) -> None:
        await pruning.prune(self.rig.db, KEPT, self.rig.clock.now())
        assert fold(self.rig.events()) == self.rig.live()

    # the end

    def teardown(self) -> None:
        try:
            self._rest()
        finally:
            self.run(self.stack.aclose())
            self.runner.close()
            self.folder.cleanup()

    def _rest(self) -> None:
        """The faults are over: two complete syncs, the guard's time, a day; then everything is known and told."""
        self.lies.end()
        self.away.clear()
        self.routes = ROUTES
        for account in ACCOUNTS:
            if account not in self.rig.configs:
                self.rig.configure(account, REGIONS)
        self.run(self.rig.restart(settings=Settings(routes=ROUTES)))
        self.run(self._discover())
        self._sync_times(2)
        self._check_truth(waiting=lambda key: True)
        self.rig.clock.at += HOUR + self.set_back
        self._sync_times(3)
        self._check_truth(waiting=lambda key: not self.rig.world.shared(*key[:2]))
        self.rig.clock.at += DAY
        self._sync_times(3)
        self._check_truth(waiting=lambda key: False)
        strict = not (self.retired or self.pruned or self.rebaselined)
        self.rig.check(told_once=strict, honest=False, whole=not self.pruned, dated=not self.set_back)
        self._check_delivered()

    def _sync_times(self, count: int) -> None:
        for _ in range(count):
            self.run(self._sync_all())
            self.is_true()

    def _check_truth(self, waiting: Callable[[Key], bool]) -> None:
        """Every live row is as the world shows it, but for missing ones that may still wait."""
        rows = "SELECT account, region, image_id FROM image_rows WHERE missing_since IS NOT NULL AND revoked_at IS NULL"
        left_out = {row for row in self.rig.rows(rows) if waiting(row)}
        live = {key: row for key, row in self.rig.live().items() if key not in left_out}
        assert live == {key: row for key, row in self.rig.truth().items() if key not in left_out}

    def _check_delivered(self) -> None:
        for _ in range(4):
            self.rig.advance(hours=2)
            self.run(self._deliver())
        assert self.rig.rows("SELECT * FROM deliveries WHERE state = 'pending'") == []
        for name, owed in self.owed.items():
            given_up = set(owed) - set(self.sinks[name].taken)
            FIGURES.delivered += len(owed) - len(given_up)
            for seq in given_up:
                assert self.pruned, (name, seq)
                assert dict(self._deliveries(seq)).get(name) in ("dead", "skipped", None), (name, seq)
