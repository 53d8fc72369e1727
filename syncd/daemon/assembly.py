"""From a configuration to the parts that work: everything that can fail is built here, before anything runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import structlog

from syncd.compshare.client import CompShare, RequestRecord
from syncd.config import AccountConfig, ApiConfig, Config
from syncd.delivery.dispatcher import DeliveryRecord, Dispatcher
from syncd.model import Clock, Route
from syncd.schedule import interval_around
from syncd.sinks.build import build_sink, settings_digest
from syncd.sinks.sink import Sink
from syncd.store import migrate
from syncd.store.engine import Database
from syncd.sync.accounts import Account
from syncd.sync.settings import Settings
from syncd.sync.syncer import Syncer

log = structlog.get_logger()


class SystemClock:
    """The machine's clock, in whole milliseconds, since the database keeps no more."""

    def now(self) -> datetime:
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def monotonic(self) -> float:
        return time.monotonic()


class Observers:
    """Who wants to know of each request to the API and each delivery; the metrics add themselves here."""

    def __init__(self) -> None:
        self.requests: list[Callable[[str, RequestRecord], object]] = []
        self.deliveries: list[Callable[[DeliveryRecord], object]] = []

    def request(self, account: str, record: RequestRecord) -> None:
        for observer in self.requests:
            observer(account, record)

    def delivery(self, record: DeliveryRecord) -> None:
        for observer in self.deliveries:
            observer(record)


class Parts:
    """What a configuration becomes: the file, the accounts' clients, the syncer, the sinks and their dispatcher."""

    def __init__(self, config: Config, db: Database, clock: Clock, observers: Observers) -> None:
        self.config = config
        self.db = db
        self.clock = clock
        self._observers = observers
        self.accounts = build_accounts(config, observers)
        self.syncer = Syncer(db, self.accounts, settings_of(config), clock)
        self._sinks = build_sinks(config, clock)
        self.dispatcher = Dispatcher(
            db,
            list(self._sinks.values()),
            routes=routes_of(config),
            clock=clock,
            settings_digests=digests_of(config),
            record=observers.delivery,
        )

    async def change(self, config: Config) -> None:
        """Go over to another configuration. What can fail comes first, so that a fault changes nothing.

        Raises ConfigError if a sink cannot be built.
        """
        sinks = self._changed_sinks(config)
        await self.dispatcher.swap(list(sinks.values()), routes_of(config), digests_of(config))
        self._sinks = sinks
        accounts = dict(self.accounts)
        changed = [name for name in {*accounts, *config.accounts} if _differs(self.config, config, name)]
        replacements = build_accounts(config, self._observers, only=changed)
        replaced = [accounts.pop(name) for name in changed if name in accounts]
        accounts.update(replacements)
        self.config = config
        self.accounts = accounts
        self.syncer.accounts = accounts
        self.syncer.settings = settings_of(config)
        await self.syncer.cancel(changed)
        for account in replaced:
            await account.aclose()

    def _changed_sinks(self, config: Config) -> dict[str, Sink]:
        """A sink whose settings are the same is kept; its filters may change, since the dispatcher applies them."""
        old = self.config.sinks
        return {
            name: self._sinks[name]
            if name in old and replace(old[name], wants=sink.wants) == sink
            else build_sink(sink, self.clock, self._sinks.get(name))
            for name, sink in config.sinks.items()
        }

    async def aclose(self) -> None:
        await self.dispatcher.aclose()
        await asyncio.gather(*(account.aclose() for account in self.accounts.values()))


@asynccontextmanager
async def assemble(
    config: Config, clock: Clock, observers: Observers, progress: Callable[[], object] | None = None
) -> AsyncIterator[Parts]:
    """The parts, on a file that is upgraded to this program's schema first; the caller holds the file's lock.

    ``progress`` is called at each step of an upgrade. Raises the DatabaseError tree and ConfigError.
    """
    async with AsyncExitStack() as stack:
        db = await open_database(config, progress)
        stack.push_async_callback(db.close)
        parts = Parts(config, db, clock, observers)
        stack.push_async_callback(parts.aclose)
        await parts.dispatcher.reconcile()
        yield parts


async def open_database(config: Config, progress: Callable[[], object] | None = None) -> Database:
    path = config.database.path
    upgrade = await migrate.upgrade(path, group_readable=config.database.group_readable, progress=progress)
    if upgrade.before not in (None, upgrade.after):
        log.info("database_upgraded", before=upgrade.before, after=upgrade.after, backup=str(upgrade.backup))
    for warning in upgrade.warnings:
        log.warning("database", warning=warning)
    return await Database.open(path)


def build_accounts(config: Config, observers: Observers, only: list[str] | None = None) -> dict[str, Account]:
    return {
        name: _account(account, config.api, observers)
        for name, account in config.accounts.items()
        if only is None or name in only
    }


def build_sinks(config: Config, clock: Clock) -> dict[str, Sink]:
    return {name: build_sink(sink, clock) for name, sink in config.sinks.items()}


def digests_of(config: Config) -> dict[str, str]:
    return {name: settings_digest(sink) for name, sink in config.sinks.items()}


def routes_of(config: Config) -> tuple[Route, ...]:
    return tuple(Route(name, sink.wants) for name, sink in config.sinks.items())


def settings_of(config: Config) -> Settings:
    return Settings(config.guard, config.alerts, routes_of(config), partial(interval_around, config.schedule))


def _account(config: AccountConfig, api: ApiConfig, observers: Observers) -> Account:
    cloud = CompShare(config, api, record=partial(observers.request, config.name))
    return Account(config.name, cloud, api.base_url, config.project_id, config.regions)


def _differs(old: Config, new: Config, name: str) -> bool:
    """Whether the account needs another client."""
    before: Mapping[str, AccountConfig] = old.accounts
    return old.api != new.api or before.get(name) != new.accounts.get(name)
