"""What must always be true of syncd on its file, whatever the world does; checked after every step, and at rest."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from hypothesis.stateful import RuleBasedStateMachine, invariant

from syncd.model import Target, to_text
from syncd.sync.settings import Settings
from tests.model.expected import ROUTES
from tests.model.figures import FIGURES
from tests.model.judge import Judge
from tests.model.lies import Lies
from tests.model.outbox import DAY, HOUR, Outbox
from tests.model.truth import record
from tests.sync.ledger import Key, fold
from tests.sync.rig import REGIONS, Rig, rig_at
from tests.sync.told import Told

ACCOUNTS = ("lab", "alice")

Watch = tuple[str, dict[str, str]]
"""An account's scope, and its active regions with the scope of their rows."""
T = TypeVar("T")


class Witness(RuleBasedStateMachine):
    """``rig`` is syncd and its cloud."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.folder = tempfile.TemporaryDirectory(prefix="syncd-model-")
        self.ticks = itertools.count(1)
        self.rig: Rig = self.run(self._enter())
        shelves = record(self.rig, ACCOUNTS, REGIONS)
        self.lies = Lies(self.rig, shelves)
        self.judge = Judge(self.rig, self.lies, self.ticks, shelves)
        self.outbox = Outbox(self.rig)
        self.images: list[str] = []
        self.folded: dict[Key, dict[str, Any]] = {}
        self.told = Told()
        self.watched: dict[str, Watch] = {}
        self.known: set[Target] = set()
        """Targets that ever had a baseline."""
        self.read_to = 0
        self.sound = True
        """Nothing was found wrong."""
        self.set_back = timedelta(0)
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

    # what must always be true

    @invariant()
    def is_true(self) -> None:
        self.sound = False
        new = self.rig.events(self.read_to)
        watched = self._watched()
        self.judge.check_guard(new, self.folded)
        silent = {name for name in watched if self._changes_silently(name, watched[name])}
        for event in new:
            FIGURES.events[event.type] += 1
            self.judge.check(event, self.folded, dated=not self.set_back)
            if event.account not in silent and event.type == "image.revoked" and event.scope == "region":
                assert self.told.knows_gone(event) or self.judge.is_hidden(event, self.folded), event
            self.folded = fold([event], self.folded)
            self.outbox.owe(event)
            (self.told.overhear if event.account in silent else self.told.hear)([event])
        self.read_to = new[-1].seq if new else self.read_to
        assert self.folded == self.rig.live()
        self._check_counts()
        self._follow(watched, silent)
        self.outbox.check()
        self.judge.next_step()
        self.sound = True
        FIGURES.steps += 1

    def _check_counts(self) -> None:
        """A target says how many of its rows are live, and how many of those are held."""
        counted = "SELECT COUNT(*), COALESCE(SUM(held), 0) FROM image_rows WHERE account = ? AND region = ?"
        for account, region, *said in self.rig.rows(
            "SELECT account, region, live_count, held_count FROM targets"
        ):
            assert [tuple(said)] == self.rig.rows(f"{counted} AND revoked_at IS NULL", account, region)

    def _watched(self) -> dict[str, Watch]:
        watched: dict[str, Watch] = {
            account: (scope, {}) for account, scope in self.rig.rows("SELECT account, scope FROM accounts")
        }
        sql = "SELECT account, region, scope FROM targets WHERE active = 1 AND scope IS NOT NULL"
        for account, region, scope in self.rig.rows(sql):
            watched[account][1][region] = scope
        return watched

    def _changes_silently(self, account: str, now: Watch) -> bool:
        """Whether its scope is another, or a region left it, returned, or went over to another scope."""
        was = self.watched.get(account, now)[1]
        returned = {Target(account, region) for region in now[1].keys() - was.keys()} & self.known
        return bool(returned) or not was.keys() <= now[1].keys() or self._rescopes(account, now)

    def _rescopes(self, account: str, now: Watch) -> bool:
        scope, was = self.watched.get(account, now)
        return now[0] != scope or any(now[1][region] != was[region] for region in now[1].keys() & was.keys())

    def _follow(self, watched: dict[str, Watch], silent: Iterable[str]) -> None:
        for account in silent:
            scope, regions = watched[account]
            ours = {region for region, of in regions.items() if of == scope}
            listed = {key[2] for key in self.folded if key[0] == account and key[1] in ours}
            self.told.correct(account, listed, heard=not self._rescopes(account, watched[account]))
        for account in watched.keys() - self.rig.configs.keys():
            self.judge.dismiss(account)
        self.watched = watched
        self.known |= {Target(account, region) for account in watched for region in watched[account][1]}

    # what syncd does

    async def _sync(self, account: str, region: str) -> None:
        self._begins(account, [region])
        report = await self.rig.sync(region, account=account)
        FIGURES.syncs[report.outcome] += 1
        if report.outcome not in ("failed", "cancelled"):
            self.lies.read_ends(report.target)

    async def _sync_all(self) -> None:
        for account in self.rig.configs:
            for target in self.rig.active(account):
                await self._sync(account, target.region)

    async def _discover(self) -> None:
        for account, config in self.rig.configs.items():
            if config.regions is None:
                self._begins(account, REGIONS)
                await self.rig.discover(account)

    def _begins(self, account: str, regions: Iterable[str]) -> None:
        """The rig's clock goes on by a second before it starts."""
        tick = next(self.ticks)
        self.judge.began[to_text(self.rig.clock.at + timedelta(seconds=1))] = tick
        for region in regions:
            self.judge.reading[Target(account, region)] = tick
            self.lies.read_begins(Target(account, region), tick)

    def pass_(self, minutes: int) -> None:
        """Time goes on, or back where somebody sets the clock."""
        self.rig.advance(minutes=minutes)
        self.set_back += max(timedelta(0), timedelta(minutes=-minutes))

    # the end

    def teardown(self) -> None:
        try:
            if self.sound:
                self._rest()
        finally:
            self.run(self.stack.aclose())
            self.runner.close()
            self.folder.cleanup()

    def _rest(self) -> None:
        """The faults are over: two complete syncs, the guard's time, a day; then everything is known and told."""
        self.lies.end()
        self.outbox.routes = ROUTES
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
        self._check_all_told()
        self.run(self.outbox.finish())
        self.is_true()
        self.outbox.check_finished()

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

    def _check_all_told(self) -> None:
        """The accounts were told what their regions list, and that whatever was wrong is right again."""
        live = self.rig.live()
        self.rig.check_facts(live)
        for account in ACCOUNTS:
            regions = self.watched[account][1]
            listed = {key[2] for key in live if key[0] == account and key[1] in regions}
            assert self.told.live(account) == listed
        self.judge.check_rest()
