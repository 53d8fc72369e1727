"""``regions = "all"``: asking the API which regions there are. A failed or empty answer changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from syncd.compshare.retcodes import is_region_refused
from syncd.errors import FailureClass, ProtocolError
from syncd.model import Target, trusted
from syncd.store import outbox, targets
from syncd.store.records import TargetState
from syncd.store.transaction import Transaction
from syncd.sync import announcements, pace
from syncd.sync.accounts import Account
from syncd.sync.alerts import Trouble
from syncd.sync.concurrency import together
from syncd.sync.report import SyncReport
from syncd.sync.syncer import Syncer, ended, failure_of

EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Failing:
    failure: FailureClass
    message: str
    retry_after: timedelta | None = None


Discovered = tuple[SyncReport, list[SyncReport]]


async def discover(syncer: Syncer, account: Account) -> Discovered:
    """Ask for the regions, read the first list of each new one; the discovery's report and theirs.

    `Account.aclose` ends it: a reload does not wait for an old gateway.
    """
    task = asyncio.create_task(_discover(syncer, account), name=f"discover {account.name}")
    account.discoveries.add(task)
    try:
        await asyncio.wait([task])
    finally:
        await ended(task)
        account.discoveries.discard(task)
    if not task.cancelled():
        return task.result()
    now = syncer.clock.now()
    return SyncReport(Target(account.name, ""), "cancelled", now, now), []


async def _discover(syncer: Syncer, account: Account) -> Discovered:
    started = syncer.clock.now()
    regions = await _ask(account)
    if not syncer.employs(account):
        return SyncReport(Target(account.name, ""), "cancelled", started, syncer.clock.now()), []
    if isinstance(regions, Exception):
        failure = failure_of(regions, Target(account.name, ""))
        failing = Failing(failure.failure, f"region discovery: {failure.message}", failure.retry_after)
        return await _failed(syncer, account, started, failing), []
    new = await _note_listed(syncer, account.name, regions)
    first = await _first_lists(syncer, account.name, new)
    trouble_found = await _trouble_with(syncer, account.name, first)
    if trouble_found is not None:
        return await _failed(syncer, account, started, trouble_found), first
    return await _succeeded(syncer, account, started), first


async def _ask(account: Account) -> tuple[str, ...] | Exception:
    """At least one region, or why there is none."""
    try:
        regions = await account.cloud.regions()
    except Exception as error:  # noqa: BLE001  # becomes the account's failure
        return error
    return regions or ProtocolError("the API lists no region", "`syncd regions` asks it again")


async def _note_listed(syncer: Syncer, account: str, regions: Collection[str]) -> list[str]:
    """Remember which targets the API no longer names; the regions that are no target yet."""
    now = syncer.clock.now()
    async with syncer.db.write() as tx:
        active = [state for state in await targets.read_targets(tx, account) if state.active]
        for state in active:
            listed = state.target.region in regions
            since = None if listed else trusted(state.unlisted_since, now) or now
            if since != state.unlisted_since:
                await targets.save_target(tx, replace(state, unlisted_since=since))
    known = {state.target.region for state in active}
    return [region for region in regions if region not in known]


async def _first_lists(syncer: Syncer, account: str, regions: Sequence[str]) -> list[SyncReport]:
    coming = frozenset(regions)
    return await together(
        syncer.sync(Target(account, region), candidate=True, coming=coming) for region in regions
    )


async def _trouble_with(syncer: Syncer, account: str, first: Sequence[SyncReport]) -> Failing | None:
    """What kept a new region from becoming a target, unless it is only refused while others serve."""
    failed = [report for report in first if report.failure is not None]
    serious = [report for report in failed if not is_region_refused(report.code)]
    async with syncer.db.read() as tx:
        served = any(state.active for state in await targets.read_targets(tx, account))
    blamed = serious or ([] if served else failed)
    if not blamed:
        return None
    report = blamed[0]
    assert report.failure is not None
    return Failing(report.failure, f"region {report.target.region}: {report.error}")


async def _failed(syncer: Syncer, account: Account, started: datetime, failing: Failing) -> SyncReport:
    async with syncer.db.write() as tx:
        now = syncer.clock.now()
        state = await targets.read_account(tx, account.name) or account.newcomer()
        state = replace(
            state,
            discovery_failures=state.discovery_failures + 1,
            discovery_class=failing.failure,
            discovery_error=failing.message,
            discovery_failing_since=trusted(state.discovery_failing_since, now) or started,
        )
        await targets.save_account(tx, state)
        since = state.discovery_failing_since or started
        states = await targets.read_targets(tx, account.name)
        problem = Trouble(failing.failure, state.discovery_failures, since, not _lapsed(states, since, now))
        drafts = await announcements.announce_failure(
            tx, state, problem, failing.message, syncer.settings.alerts, now
        )
        drafts += await announcements.say_hello(tx, account.name, (), now)
        if drafts:
            await outbox.append(tx, drafts, syncer.settings.routes)
    delay = pace.retry_delay(failing.failure, state.discovery_failures, EVERY, failing.retry_after)
    return SyncReport(
        Target(account.name, ""),
        "failed",
        started,
        now,
        failure=failing.failure,
        failures=state.discovery_failures,
        error=failing.message,
        retry_at=now + delay,
        retry_after=failing.retry_after,
    )


async def _succeeded(syncer: Syncer, account: Account, started: datetime) -> SyncReport:
    async with syncer.db.write() as tx:
        now = syncer.clock.now()
        state = await targets.read_account(tx, account.name) or account.newcomer()
        state = replace(
            state,
            discovered_at=started,
            discovery_failures=0,
            discovery_class=None,
            discovery_error=None,
            discovery_failing_since=None,
        )
        await targets.save_account(tx, state)
        await _append(syncer, tx, account.name, now)
    return SyncReport(Target(account.name, ""), "complete", started, now)


async def _append(syncer: Syncer, tx: Transaction, name: str, now: datetime) -> None:
    state = await targets.read_account(tx, name)
    assert state is not None
    drafts = await announcements.announce_recovery(tx, state, syncer.settings.alerts, now)
    drafts += await announcements.say_hello(tx, name, (), now)
    if drafts:
        await outbox.append(tx, drafts, syncer.settings.routes)


def _lapsed(states: Sequence[TargetState], since: datetime, now: datetime) -> bool:
    """Whether the account has no target, or all of them were fresh when the failures began and are not any more."""
    active = [state for state in states if state.active]
    return all(state.is_fresh(since) for state in active) and not (
        active and all(state.is_fresh(now) for state in active)
    )
