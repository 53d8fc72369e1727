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
from syncd.compshare.retcodes import is_parameter_refused
from syncd.errors import ApiError, DatabaseError, ProtocolError
from syncd.model import Clock, Missing, Target, trusted
from syncd.pieces import let_go
from syncd.store import facts, images, outbox, runs, targets
from syncd.store.engine import Database
from syncd.store.quiet_runs import QuietRun
from syncd.store.records import AccountState, Run, TargetState
from syncd.store.transaction import Transaction
from syncd.sync import announcements, pace
from syncd.sync.accounts import Account
from syncd.sync.commit import Abandoned, Commit
from syncd.sync.decision import Decision, Reading, decide
from syncd.sync.diff import ids_to_load
from syncd.sync.doubt_resolver import DoubtResolver
from syncd.sync.memory import READ_AGAIN, Listed, Memory, Settled
from syncd.sync.other_regions import Unasked, ask
from syncd.sync.report import SyncReport
from syncd.sync.retirement import retire
from syncd.sync.settings import Settings
from syncd.sync.warnings import Warnings, warn_of_lookups

log = structlog.get_logger()

UNLISTED_FOR = timedelta(days=1)
"""A region that discovery no longer names leaves after so long, if its listing is refused as well."""


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
        self._memory = Memory(db)
        self._warnings = Warnings()
        self._doubts = DoubtResolver(db, lambda: self.settings, clock, self.employs)

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
            listed = await self._list(account, target)
            if self._is_quiet(account, listed):
                return self._note_quiet(listed)
            reading = await self._read(account, listed, candidate)
            if candidate and not reading.listing.complete:
                return self._no_target(reading)
            decision = await decide(reading, self.settings.guard, account.cloud, self._rng)
            report = await self._commit(account, reading, decision, coming)
        except Abandoned:
            return SyncReport(target, "cancelled", started, self.clock.now())
        except DatabaseError:
            raise
        except Exception as error:  # noqa: BLE001  # becomes this target's failure, and touches no other
            failed = Run(target, "failed", started, self.clock.now())
            if not self.employs(account):
                return _cancelled(failed)
            failure = failure_of(error, target)
            failed = replace(failed, error=failure.message)
            report = await self._fail(failed, failure, candidate, account.regions is None)
        await self._doubts.resolve(account)
        return report

    def employs(self, account: Account) -> bool:
        """False once a reload has put another in its place: what was asked with it counts no more."""
        return self.accounts.get(account.name) is account

    async def preview(self, target: Target) -> tuple[Reading, Decision] | None:
        """What a sync would announce, without writing; None for a target whose account is not configured."""
        account = self.accounts.get(target.account)
        if account is None:
            return None
        reading = await self._read(account, await self._list(account, target), dry=True)
        return reading, await decide(reading, self.settings.guard, account.cloud, self._rng)

    async def _list(self, account: Account, target: Target) -> Listed:
        started, monotonic = self.clock.now(), self.clock.monotonic()
        known: Mapping[str, bytes]
        lacking: Mapping[str, Missing] = {}
        if (settled := self._memory.settled(target, account, monotonic)) is not None:
            known = settled.known
        else:
            async with self.db.read() as tx:
                known, lacking = await images.known(tx, target)
        listing = await account.cloud.list_images(target.region, known)
        if not self.employs(account):
            raise Abandoned
        if settled is not None and self.db.revision(target)[1] != settled.revision[1]:
            raise Abandoned  # its rows may no longer be those that the list was compared with
        return Listed(target, started, monotonic, known, lacking, listing, settled)

    def _is_quiet(self, account: Account, listed: Listed) -> bool:
        """Whether a settled target was listed as it is known, and nothing was written of it meanwhile.

        Raises the DatabaseError that keeps earlier quiet syncs from being written.
        """
        if listed.settled is None or not listed.settled.is_listed(listed.listing):
            return False
        if self.db.flush_error is not None:
            raise self.db.flush_error
        return self._memory.settled(listed.target, account, listed.monotonic) is listed.settled

    def _note_quiet(self, listed: Listed) -> SyncReport:
        assert listed.settled is not None
        target, started, pages = listed.target, listed.started_at, listed.listing.pages
        fresh_until = pace.fresh_until(started, self.settings.interval(started))
        now, count, run_id = self.clock.now(), len(listed.listing.seen), listed.settled.run_id
        self.db.add_quiet_run(QuietRun(target, run_id, started, now, fresh_until, pages, count))
        return SyncReport(target, "complete", started, now, pages, listed=count, live=count)

    async def _read(
        self, account: Account, listed: Listed, candidate: bool = False, dry: bool = False
    ) -> Reading:
        target, started, monotonic = listed.target, listed.started_at, listed.monotonic
        scope = await (account.foresee if dry else account.adopt)(self.db, started)
        await self.db.flush()  # the target's last complete sync may still wait to be written
        async with self.db.read() as tx:
            state = await targets.read_target(tx, target) or TargetState(target)
            stored = await images.stored(tx, target, ids_to_load(listed.listing))
        self._warnings.of_unreadable(target, listed.listing)
        return Reading(
            target,
            started,
            state,
            listed.known,
            listed.lacking,
            stored,
            listed.listing,
            scope,
            candidate,
            monotonic,
            self._memory.observed(state, started, monotonic, self.settings.interval(started)),
            self._memory.found(target),
            self._memory.found_lately(target, monotonic),
        )

    async def _commit(
        self, account: Account, reading: Reading, decision: Decision, coming: Collection[str]
    ) -> SyncReport:
        answers: dict[tuple[str, str], Lookup] = {}

        async def write(tx: Transaction) -> tuple[SyncReport, Settled | None]:
            commit = Commit(tx, reading, decision, self.settings, answers, self.clock.now())
            report = await commit.write(coming)
            if commit.in_doubt:
                self._doubts.arose(account.name)
            if commit.settled_by is None:
                return report, None
            revision = self.db.revision(reading.target, tx)
            until = reading.monotonic + READ_AGAIN
            return report, Settled(account, reading.known, commit.settled_by, revision, until)

        while True:
            try:
                report, settled = await self.db.apply(write, quiet=decision.is_quiet)
                break
            except Unasked as unasked:
                answers |= await ask(account.cloud, unasked)
                if not self.employs(account):
                    raise Abandoned from None
        self._memory.remember(reading, decision)
        self._memory.settle(reading.target, settled)
        warn_of_lookups(reading, decision)
        if decision.plan.added:
            await let_go(decision.plan.added)
            await let_go(reading.listing.seen)
        return report

    async def _fail(self, run: Run, error: ApiError, candidate: bool, discovered: bool) -> SyncReport:
        """A failed sync leaves every row as it was; of a target that is none (any more) it leaves no trace."""
        return await self.db.apply(
            lambda tx: self._write_failure(tx, run, error, candidate, discovered), quiet=True
        )

    async def _write_failure(
        self, tx: Transaction, run: Run, error: ApiError, candidate: bool, discovered: bool
    ) -> SyncReport:
        await targets.distrust_times_ahead(tx, self.clock.now())
        account = await targets.read_account(tx, run.target.account)
        state = await targets.read_target(tx, run.target)
        if account is None or state is None or not state.active:
            return self._failed(run, error, 1) if candidate else _cancelled(run)
        if discovered and _has_left(state, error, run):
            tx.require_durable()
            left = await retire(tx, account, [state], self.clock.now())
            await outbox.append(tx, left, self.settings.routes)
            log.info("region_retired", account=run.target.account, region=run.target.region)
            return _cancelled(run)
        state = state.failed(
            run.started_at,
            error.failure,
            error.message,
            lambda failures: self._retry_at(run, error, failures),
        )
        await targets.save_target(tx, state)
        if await facts.any_doubted(tx, account.account):
            self._doubts.arose(account.account)
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

    def _retry_at(self, run: Run, error: ApiError, failures: int) -> datetime:
        interval = self.settings.interval(run.started_at)
        return run.finished_at + pace.retry_delay(error.failure, failures, interval, error.retry_after)

    def _failed(self, run: Run, error: ApiError, failures: int) -> SyncReport:
        return SyncReport(
            run.target,
            "failed",
            run.started_at,
            run.finished_at,
            failure=error.failure,
            failures=failures,
            error=error.message,
            code=error.code,
            retry_at=self._retry_at(run, error, failures),
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


def _has_left(state: TargetState, error: ApiError, run: Run) -> bool:
    since = trusted(state.unlisted_since, run.started_at)
    return is_parameter_refused(error.code) and since is not None and run.started_at - since >= UNLISTED_FOR


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
