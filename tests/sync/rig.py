"""A pretend cloud over HTTP, a real database and a syncer, with a clock that the test moves."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from syncd.compshare.client import CompShare
from syncd.config import AccountConfig, ApiConfig
from syncd.model import Route, Secret, SinkFilter, Target, to_text
from syncd.simulator import Fault, Simulator, World, lean_fields
from syncd.simulator.faults import ActiveFault
from syncd.store import migrate
from syncd.store.engine import Database
from syncd.sync.accounts import Account
from syncd.sync.discovery import discover
from syncd.sync.reconcile import reconcile
from syncd.sync.report import SyncReport
from syncd.sync.settings import Settings
from syncd.sync.syncer import Syncer
from tests.sync.ledger import Event, RequestLog

START = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
REGIONS = ("cn-a", "cn-b", "cn-c")
SINK = Route("chat", SinkFilter(events=("*",)))


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.at = START
        self._jumped = timedelta(0)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - START - self._jumped).total_seconds()

    def advance(self, **duration: float) -> None:
        self.at += timedelta(**duration)

    def jump(self, by: timedelta) -> None:
        """Somebody sets the wall clock; no time passes."""
        self.at += by
        self._jumped += by


class Rig(RequestLog):
    """``configs`` is the configuration at work; `restart` puts another in its place, as a new process would."""

    def __init__(self, path: Path, db: Database, sim: Simulator, clock: Clock, settings: Settings) -> None:
        super().__init__(path, sim.world)
        self.db = db
        self.sim = sim
        self.clock = clock
        self.settings = settings
        self.api = ApiConfig(
            base_url=sim.url, rate=1e9, retries=1, timeout=timedelta(seconds=2), concurrency=8
        )
        self.configs: dict[str, AccountConfig] = {}
        self.accounts: dict[str, Account] = {}
        self.retired: list[Account] = []
        self.syncer = Syncer(db, {}, settings, clock)
        self.last = to_text(START)
        """When the last sync began, as events have it."""

    # the process

    async def restart(self, *, retiring: bool = True, **changes: Any) -> None:
        """A new process on the same file; ``changes`` are fields of the account lab, or ``api``, ``settings``."""
        await self.close()
        self.api = changes.pop("api", self.api)
        self.settings = changes.pop("settings", self.settings)
        if changes:
            self.configs["lab"] = replace(self.configs["lab"], **changes)
        self.accounts = {name: self._account(config) for name, config in self.configs.items()}
        self.syncer = Syncer(self.db, self.accounts, self.settings, self.clock, random.Random(1))
        await reconcile(self.syncer, retiring=retiring)

    async def reload(self, **changes: Any) -> None:
        """Other fields of the account lab, in the running process; its syncs are not cancelled here."""
        self.configs["lab"] = replace(self.configs["lab"], **changes)
        self.retired.append(self.accounts["lab"])
        self.accounts = self.accounts | {"lab": self._account(self.configs["lab"])}
        self.syncer.accounts = self.accounts
        await reconcile(self.syncer)

    def configure(self, name: str, regions: tuple[str, ...] | None = REGIONS, **fields: Any) -> None:
        """Give an account of the world its place in the configuration; effective with `restart`."""
        keys = self.world.account(name)
        self.configs[name] = AccountConfig(
            name, Secret(keys.public_key), Secret(keys.private_key), regions=regions, **fields
        )

    async def close(self) -> None:
        for account in (*self.accounts.values(), *self.retired):
            await account.cloud.aclose()
        self.retired.clear()

    async def end(self) -> None:
        await self.close()
        self.let_go()
        await self.db.close()

    # what happens

    def advance(self, **duration: float) -> None:
        self.clock.advance(**duration)

    async def sync(self, *regions: str, account: str = "lab") -> SyncReport:
        """One sync of each region, a second apart; the last one's report. What waits is written at the end."""
        for region in regions or ("cn-a",):
            self.advance(seconds=1)
            self.last = to_text(self.clock.at)
            report = await self.syncer.sync(Target(account, region))
            self.advance(milliseconds=1)
        await self.db.flush()
        return report

    async def sync_together(self, *regions: str, account: str = "lab") -> list[SyncReport]:
        """One sync of each region, all at once."""
        self.advance(seconds=1)
        self.last = to_text(self.clock.at)
        reports = await asyncio.gather(*(self.syncer.sync(Target(account, region)) for region in regions))
        self.advance(milliseconds=1)
        await self.db.flush()
        return reports

    async def discover(self, account: str = "lab") -> tuple[SyncReport, list[SyncReport]]:
        self.advance(seconds=1)
        return await discover(self.syncer, self.accounts[account])

    async def follow(self, region: str = "cn-a", *, until: float) -> list[float]:
        """Sync whenever a report asks for a look, for so many minutes from now; when that was, in minutes."""
        start, times = self.clock.at, []
        report = await self.sync(region)
        while report.look_at is not None and report.look_at <= start + timedelta(minutes=until):
            self.clock.at = report.look_at - timedelta(seconds=1)
            report = await self.sync(region)
            times.append(round((self.clock.at - start) / timedelta(minutes=1)))
        self.clock.at = max(self.clock.at, start + timedelta(minutes=until))
        return times

    def fault(self, name: str, region: str | None = None, **options: Any) -> ActiveFault:
        return self.sim.faults.add(Fault(name, region=region, **options))

    async def settle(self) -> None:
        """Every target listed once more, and what that said forgotten."""
        for account, config in self.configs.items():
            if config.regions is None:
                await self.discover(account)
            await self.sync(*(target.region for target in self.active(account)), account=account)
        self.news()

    def _account(self, config: AccountConfig) -> Account:
        cloud = CompShare(config, self.api, sleep=at_once, rng=random.Random(1))
        return Account(config.name, cloud, self.api.base_url, config.project_id, config.regions)


async def at_once(_: float) -> None:
    await asyncio.sleep(0)


@asynccontextmanager
async def rig_at(
    path: Path,
    *,
    regions: tuple[str, ...] | None = ("cn-a",),
    accounts: Iterable[str] = ("lab",),
    there: Iterable[str] = REGIONS,
    settings: Settings | None = None,
    **world: Any,
) -> AsyncIterator[Rig]:
    """``there`` are the world's regions, ``regions`` those that each account is configured with."""
    clock = Clock()
    pretend = World(clock=lambda: clock.at.timestamp(), **{"invent": lean_fields, **world})
    for region in there:
        pretend.add_region(region)
    for name in accounts:
        pretend.add_account(name)
    async with AsyncExitStack() as stack:
        sim = await stack.enter_async_context(Simulator(pretend))
        await migrate.upgrade(path)
        rig = Rig(path, await Database.open(path), sim, clock, settings or Settings(routes=(SINK,)))
        stack.push_async_callback(rig.end)
        for name in accounts:
            rig.configure(name, regions)
        await rig.restart()
        yield rig


def brief(events: Iterable[Event]) -> list[str]:
    """``shared account``, ``revoked region``, ``sync.held``: the news, so that a test can state it."""
    return [
        f"{event.type.removeprefix('image.')} {event.scope}" if event.scope else event.type
        for event in events
    ]


def by_region(events: Iterable[Event]) -> Mapping[str | None, list[str]]:
    found: dict[str | None, list[str]] = {}
    for event in events:
        found.setdefault(event.region, []).extend(brief([event]))
    return found
