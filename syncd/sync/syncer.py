"""A sync: read the rows, read the list, decide, commit. One at a time of a target; other targets go on."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from syncd.compshare.client import Lookup
from syncd.errors import ApiError, DatabaseError, ProtocolError
from syncd.model import Clock, Listing, Target, trusted
from syncd.store import facts, images, outbox, runs, targets
from syncd.store.engine import Database, Transaction
from syncd.store.records import AccountState, Run, TargetState
from syncd.sync import announcements, pace
from syncd.sync.accounts import Account
from syncd.sync.commit import Abandoned, Commit
from syncd.sync.decision import Judgement, Reading, weigh
from syncd.sync.diff import ids_to_load
from syncd.sync.doubts import Doubts
from syncd.sync.event_drafts import IDS_SHOWN
from syncd.sync.guard import observed
from syncd.sync.other_regions import Unasked, ask
from syncd.sync.report import SyncReport
from syncd.sync.settings import Settings

log = structlog.get_logger()

UNLISTED_FOR = timedelta(days=1)
"""A region that discovery no longer names leaves after so long, if its listing is refused as well."""

NO_SUCH_PARAMETER = 230

FOUND_LATELY = 600.0
"""Seconds after which an image that a lookup found, and the list still lacks, is looked up again."""


class Syncer:
    """Syncs targets of ``accounts``. A reload replaces ``accounts`` and ``settings`` between syncs."""

    def __init__(
        self,
        db: Database,
        accounts: Mapping[str, Account],
        settings: Settings,
        clock: Clock,
        rng: random.Random | None = None,
    ) -> None:
        self.db = db
        self.accounts = accounts
        self.settings = settings
        self.clock = clock
        self._rng = rng or random.Random()
        self._turns: dict[Target, asyncio.Lock] = {}
        self._running: dict[Target, asyncio.Task[SyncReport]] = {}
        self._complete_at: dict[Target, float] = {}
        """When each target's last complete sync of this process began, by the monotonic clock."""
        self._found: dict[Target, dict[str, float]] = {}
        """Rows that lists lack and their last lookup found: when that was, by the monotonic clock."""
        self._in_doubt: set[str] = set()
        """Accounts with facts in doubt (`sync.doubts`), as far as this process has seen."""
        self._resolving: set[str] = set()
        """Accounts whose doubts are being looked into."""
        self._unreadable_said: set[tuple[str, str]] = set()

    async def sync(
        self, target: Target, *, candidate: bool = False, coming: Collection[str] = ()
    ) -> SyncReport:
        """One sync of one target, whatever happens to it: failures are in the report.

        ``candidate``: a discovered region that becomes a target with its first complete list.
        """
        async with self._turn(target):
            task = asyncio.create_task(self._sync(target, candidate, coming), name=f"sync {target}")
            self._running[target] = task
            try:
                await asyncio.wait([task])
            finally:
                await ended(task)
                del self._running[target]
            if not task.cancelled():
                return task.result()
            now = self.clock.now()
            return SyncReport(target, "cancelled", now, now)

    @asynccontextmanager
    async def preempt(self, target: Target) -> AsyncIterator[None]:
        """Cancel the target's running sync and keep others out."""
        if (running := self._running.get(target)) is not None:
            running.cancel()
        async with self._turn(target):
            yield

    async def cancel(self, accounts: Collection[str]) -> None:
        """Cancel the running syncs of these accounts and wait for their end."""
        running = [task for target, task in self._running.items() if target.account in accounts]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    async def hello(self, account: str) -> None:
        """Say hello for an account whose last regions keep it waiting."""
        async with self.db.write() as tx:
            drafts = await announcements.say_hello(tx, account, (), self.clock.now())
            await outbox.append(tx, drafts, self.settings.routes)

    @asynccontextmanager
    async def _turn(self, target: Target) -> AsyncIterator[None]:
        async with self._turns.setdefault(target, asyncio.Lock()):
            yield

    async def _sync(self, target: Target, candidate: bool, coming: Collection[str]) -> SyncReport:
        account = self.accounts.get(target.account)
        started = self.clock.now()
        if account is None:
            return SyncReport(target, "cancelled", started, started)
        try:
            reading = await self._read(account, target, candidate)
            if candidate and not reading.listing.complete:
                return self._no_target(reading)
            judgement = await weigh(reading, self.settings.guard, account.cloud, self._rng)
            report = await self._commit(account, reading, judgement, coming)
        except Abandoned:
            return SyncReport(target, "cancelled", started, self.clock.now())
        except DatabaseError:
            raise
        except Exception as error:  # noqa: BLE001  # becomes this target's failure, and touches no other
            failed = Run(target, started, self.clock.now(), "failed")
            if not self.employs(account):
                return _cancelled(failed)
            failure = failure_of(error, target)
            failed = replace(failed, error=failure.message)
            report = await self._fail(failed, failure, candidate, account.regions is None)
        await self._resolve_doubts(account)
        return report

    def employs(self, account: Account) -> bool:
        """False once a reload has put another in its place: what was asked with it counts no more."""
        return self.accounts.get(account.name) is account

    async def preview(self, target: Target) -> tuple[Reading, Judgement] | None:
        """What a sync would announce, without writing; None for a target whose account is not configured."""
        account = self.accounts.get(target.account)
        if account is None:
            return None
        reading = await self._read(account, target, dry=True)
        return reading, await weigh(reading, self.settings.guard, account.cloud, self._rng)

    async def _read(
        self, account: Account, target: Target, candidate: bool = False, dry: bool = False
    ) -> Reading:
        started, monotonic = self.clock.now(), self.clock.monotonic()
        async with self.db.read() as tx:
            known, lacking = await images.known(tx, target)
        listing = await account.cloud.list_images(target.region, known)
        if not self.employs(account):
            raise Abandoned
        scope = await (account.foresee if dry else account.adopt)(self.db, started)
        async with self.db.read() as tx:
            state = await targets.read_target(tx, target) or TargetState(target)
            stored = await images.stored(tx, target, ids_to_load(listing))
        self._warn_unreadable(target, listing)
        found = self._found.get(target, {})
        return Reading(
            target,
            started,
            state,
            known,
            lacking,
            stored,
            listing,
            scope,
            candidate,
            monotonic,
            self._observed(state, started, monotonic),
            frozenset(found),
            frozenset(image_id for image_id, at in found.items() if monotonic - at < FOUND_LATELY),
        )

    def _observed(self, state: TargetState, started: datetime, monotonic: float) -> timedelta:
        seen = self._complete_at.get(state.target)
        elapsed = None if seen is None else timedelta(seconds=monotonic - seen)
        return observed(state.last_success_at, started, elapsed, self.settings.interval(started))

    def _remember(self, reading: Reading, judgement: Judgement) -> None:
        """What the next sync of the target, in this process, can know besides the database."""
        if reading.listing.complete:
            self._complete_at[reading.target] = reading.monotonic
            found = self._found.get(reading.target, {}) | dict.fromkeys(judgement.found, reading.monotonic)
            self._found[reading.target] = {
                image_id: at for image_id, at in found.items() if image_id in judgement.kept
            }

    async def _commit(
        self, account: Account, reading: Reading, judgement: Judgement, coming: Collection[str]
    ) -> SyncReport:
        answers: dict[tuple[str, str], Lookup] = {}

        async def write(tx: Transaction) -> SyncReport:
            commit = Commit(tx, reading, judgement, self.settings, answers, self.clock.now())
            report = await commit.write(coming)
            if commit.in_doubt:
                self._in_doubt.add(account.name)
            return report

        while True:
            try:
                report = await self.db.apply(write, quiet=judgement.is_quiet)
                break
            except Unasked as unasked:
                answers |= await ask(account.cloud, unasked)
                if not self.employs(account):
                    raise Abandoned from None
        self._remember(reading, judgement)
        _warn_of_lookups(reading, judgement)
        return report

    async def _resolve_doubts(self, account: Account) -> None:
        """Tell what other regions show of images that one lost; what goes wrong with it is not the target's failure."""
        if account.name not in self._in_doubt or account.name in self._resolving:
            return
        self._resolving.add(account.name)
        try:
            await self._ask_and_resolve(account)
        except DatabaseError:
            raise
        except Exception as error:  # the sync itself is done, and the next one tries again
            log.error("internal_error", account=account.name, exc_info=error)
        finally:
            self._resolving.discard(account.name)

    async def _ask_and_resolve(self, account: Account) -> None:
        answers: dict[tuple[str, str], Lookup] = {}

        async def write(tx: Transaction) -> bool:
            state = await targets.read_account(tx, account.name)
            if state is not None and state.active:
                await Doubts(tx, state, self.settings, answers, self.clock.now()).resolve()
            return await facts.any_doubted(tx, account.name)

        while self.employs(account):
            try:
                if not await self.db.apply(write, quiet=True):
                    self._in_doubt.discard(account.name)
                return
            except Unasked as unasked:
                answers |= await ask(account.cloud, unasked)

    async def _fail(self, run: Run, error: ApiError, candidate: bool, discovered: bool) -> SyncReport:
        """A failed sync leaves every row as it was; of a target that is none (any more) it leaves no trace."""
        return await self.db.apply(
            lambda tx: self._write_failure(tx, run, error, candidate, discovered), quiet=True
        )

    async def _write_failure(
        self, tx: Transaction, run: Run, error: ApiError, candidate: bool, discovered: bool
    ) -> SyncReport:
        account = await targets.read_account(tx, run.target.account)
        state = await targets.read_target(tx, run.target)
        if account is None or state is None or not state.active:
            return self._failed(run, error, 1) if candidate else _cancelled(run)
        if discovered and _has_left(state, error, run):
            tx.require_durable()
            left = await announcements.retire(tx, account, [state], self.clock.now())
            await outbox.append(tx, left, self.settings.routes)
            log.info("region_retired", account=run.target.account, region=run.target.region)
            return _cancelled(run)
        state = state.failed(run.started_at, error.failure, error.message)
        await targets.save_target(tx, state)
        if await facts.any_doubted(tx, account.account):
            self._in_doubt.add(account.account)
        await self._announce(tx, account, state, await runs.record(tx, run))
        return self._failed(run, error, state.failures)

    async def _announce(
        self, tx: Transaction, account: AccountState, state: TargetState, run_id: int
    ) -> None:
        now = self.clock.now()
        drafts = await announcements.announce_failure(
            tx,
            account,
            announcements.trouble_of(state, now),
            state.last_error or "",
            self.settings.alerts,
            now,
        )
        drafts += await announcements.say_hello(tx, account.account, (), now)
        await outbox.append(tx, drafts, self.settings.routes, run_id=run_id)

    def _failed(self, run: Run, error: ApiError, failures: int) -> SyncReport:
        interval = self.settings.interval(run.started_at)
        return SyncReport(
            run.target,
            "failed",
            run.started_at,
            run.finished_at,
            failure=error.failure,
            failures=failures,
            error=error.message,
            code=error.code,
            retry_at=run.finished_at + pace.retry_delay(error.failure, failures, interval, error.retry_after),
            retry_after=error.retry_after,
        )

    def _no_target(self, reading: Reading) -> SyncReport:
        return SyncReport(
            reading.target,
            "incomplete",
            reading.started_at,
            self.clock.now(),
            failure="incomplete",
            failures=1,
            error=reading.listing.reason,
        )

    def _warn_unreadable(self, target: Target, listing: Listing) -> None:
        for name, rows in listing.unreadable.items():
            if (target.account, name) not in self._unreadable_said:
                self._unreadable_said.add((target.account, name))
                log.warning(
                    "unreadable_field",
                    account=target.account,
                    region=target.region,
                    field=name,
                    rows=rows,
                    effect="its stored values are kept",
                )


def _warn_of_lookups(reading: Reading, judgement: Judgement) -> None:
    """Once an episode each."""
    about = {"account": reading.target.account, "region": reading.target.region}
    if not judgement.proving and reading.state.lookups_warned_at is None:
        log.warning(
            "lookups_prove_nothing",
            **about,
            missing=len(judgement.kept),
            effect="images that the list lacks are called revoked after 24 hours only",
        )
    if judgement.found and reading.state.disagreement_warned_at is None:
        log.warning(
            "list_and_lookup_disagree",
            **about,
            images=sorted(judgement.found)[:IDS_SHOWN],
            count=len(judgement.found),
            effect="images that the list lacks and a lookup still finds are not called revoked",
        )


def _has_left(state: TargetState, error: ApiError, run: Run) -> bool:
    since = trusted(state.unlisted_since, run.started_at)
    return error.code == NO_SUCH_PARAMETER and since is not None and run.started_at - since >= UNLISTED_FOR


def _cancelled(run: Run) -> SyncReport:
    return SyncReport(run.target, "cancelled", run.started_at, run.finished_at)


def failure_of(error: Exception, target: Target) -> ApiError:
    """An API's failure as it is; a fault of ours, logged, as a failure of the one sync or discovery that met it."""
    if isinstance(error, ApiError):
        return error
    log.error("internal_error", account=target.account, region=target.region or None, exc_info=error)
    return ProtocolError(
        f"internal error: {type(error).__name__}", "this is a fault of syncd: report it with the log"
    )


async def ended(task: asyncio.Task[Any]) -> None:
    """Cancel what still runs and see it end, however often that is cancelled too: it may be in its commit."""
    task.cancel()
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    if not task.cancelled():
        task.exception()
