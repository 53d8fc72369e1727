"""The stage of a random world, and what syncd does on it: syncs, discoveries, rounds, releases."""

from __future__ import annotations

import asyncio
import itertools
import random
import tempfile
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from hypothesis.stateful import RuleBasedStateMachine

from syncd.compshare.list_reading import LIMIT
from syncd.model import Target
from syncd.sync.release import release
from syncd.sync.report import SyncReport
from syncd.sync.rounds import sync_round
from syncd.sync.settings import Settings
from tests.faults.power import library
from tests.stateful.account_judge import AccountJudge
from tests.stateful.alarms import Alarms
from tests.stateful.clock import Clock
from tests.stateful.deaths import Power, rise
from tests.stateful.expected import ROUTES
from tests.stateful.figures import FIGURES
from tests.stateful.judge import Judge
from tests.stateful.lies import Lies
from tests.stateful.observed import Observed
from tests.stateful.outbox import Outbox
from tests.stateful.story import Story
from tests.stateful.truth import record
from tests.sync.rig import REGIONS, Rig, rig_at

MEMORY = Path("/dev/shm")
"""Where the worlds' files are, since a real disk would be waited for at each sync of a file."""
ACCOUNTS = ("lab", "alice")

T = TypeVar("T")


class Stage(RuleBasedStateMachine):
    """``rig`` is syncd and its cloud."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.folder = tempfile.TemporaryDirectory(
            prefix="syncd-model-", dir=MEMORY if MEMORY.exists() else None
        )
        self.ticks = itertools.count(1)
        self.clock = Clock()
        self.story = Story(self.clock)
        self.power = Power() if library() is not None else None
        """None where SQLite is built into Python: what it syncs cannot be seen."""
        self.rig: Rig = self.run(self._enter())
        shelves = record(self.rig, ACCOUNTS, REGIONS, self.story)
        self.lies = Lies(self.rig, shelves, self.story)
        self.observed = Observed(self.rig, self.clock)
        self.judge = Judge(self.rig, self.lies, self.observed, self.tick, shelves)
        self.account_judge = AccountJudge(self.rig, self.clock, self.lies, self.observed, self.tick)
        self.alarms = Alarms(self.rig, self.clock, self.observed)
        self.outbox = Outbox(self.rig, self.clock, self.story)
        self.images: list[str] = []
        self.is_cut_short = False
        """This step's process was killed in the middle of it, perhaps between a commit and what follows from it."""
        FIGURES.worlds += 1

    async def _enter(self) -> Rig:
        if self.power is not None:
            self.stack.enter_context(self.power.recorder)
        rig = await self.stack.enter_async_context(
            rig_at(Path(self.folder.name) / "syncd.db", regions=REGIONS, accounts=ACCOUNTS)
        )
        rig.hold_open()
        rig.clock = self.clock
        rig.world._clock = lambda: float(self.tick())
        await rig.restart(settings=Settings(routes=ROUTES))
        return rig

    def tick(self) -> int:
        return next(self.ticks)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def is_true(self) -> None:
        """Checked after every step, and between the parts of long ones."""
        raise NotImplementedError

    # what syncd does

    async def _sync(self, account: str, region: str) -> None:
        self._begins([Target(account, region)])
        self._reported(await self.rig.sync(region, account=account))

    async def _sync_all(self) -> None:
        for target in self._watched():
            await self._sync(*target)

    async def _discover(self) -> None:
        for account, config in self.rig.configs.items():
            if config.regions is None:
                self._begins(Target(account, region) for region in REGIONS)
                _, first = await self.rig.discover(account)
                for report in first:
                    self._reported(report)

    async def _round(self) -> None:
        """`syncd sync` from cron: a new process, every target at once, then what is due is delivered."""
        self.story.tell("a round")
        await rise(self.rig)
        self._begins(Target(account, region) for account in self.rig.configs for region in REGIONS)
        self.rig.advance(seconds=1)
        for report in await sync_round(self.rig.syncer):
            self._reported(report)
        self.rig.advance(milliseconds=1)
        await self.outbox.deliver()
        await self.outbox.prune()

    async def _release(self, account: str, region: str) -> None:
        if any(target.region == region for target in self.rig.active(account)):
            self.judge.by_hand = True
            self.story.tell(f"what is held of {account}/{region} is released by hand")
            await release(self.rig.syncer, account, region)

    def _begins(self, targets: Iterable[Target]) -> None:
        tick = self.tick()
        self.observed.sync_begins(tick)
        for target in targets:
            self.judge.read_begins(target, tick)
            self.lies.read_begins(target, tick)

    def _reported(self, report: SyncReport) -> None:
        FIGURES.syncs[report.outcome] += 1
        self.story.tell_sync(report)
        self.alarms.report(report)
        if report.outcome != "cancelled":
            self.observed.sync_ends()
        if report.outcome not in ("failed", "cancelled"):
            self.lies.read_ends(report.target)

    # what rules are made of

    def look(self, account: str, region: str, waits: Iterable[float]) -> None:
        """Sync it again and again, so many minutes apart."""
        for minutes in waits:
            self.run(self._sync(account, region))
            self.is_true()
            self.rig.advance(minutes=minutes)

    def look_at_all(self) -> None:
        for target in self._watched():
            self.look(*target, [0])

    def plan(self, interval: timedelta) -> None:
        """So much between planned syncs from now on."""
        self.story.tell(f"planned every {interval}")
        self.run(self.rig.restart(settings=replace(self.rig.settings, interval=_every(interval))))

    def somewhere(self, rng: random.Random) -> tuple[str, str]:
        """A watched place, one where something is shown if there is any, more often one with a long list."""
        watched: list[tuple[str, str]] = list(self._watched())
        full = [place for place in watched if self.rig.world.shared(*place)]
        long = [place for place in full if len(self.rig.world.shared(*place)) > LIMIT]
        return rng.choice(full + 2 * long or watched or [(ACCOUNTS[0], REGIONS[0])])

    def other(self, rng: random.Random, region: str) -> str:
        return rng.choice([one for one in REGIONS if one != region])

    def stir(self, rng: random.Random, account: str, region: str) -> None:
        """Something changes there, or not."""
        shown = self.rig.world.share_list(account, region).ids()
        match rng.randrange(4):
            case 0:
                self.images.append(self.rig.world.share(account, region))
            case 1 if shown:
                self.rig.world.unshare(account, region, rng.choice(shown))
            case 2 if shown:
                self.rig.world.set_status(rng.choice(shown), rng.choice("AB"))

    def _watched(self) -> list[Target]:
        return [target for account in self.rig.configs for target in self.rig.active(account)]


def _every(interval: timedelta) -> Callable[[object], timedelta]:
    return lambda _: interval
