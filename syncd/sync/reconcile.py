"""Which accounts and targets are watched: the configuration, carried into the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from syncd.model import Draft, Target
from syncd.store import facts, outbox, targets
from syncd.store.engine import Database
from syncd.store.records import AccountState, TargetState
from syncd.store.transaction import Transaction
from syncd.sync.accounts import Account
from syncd.sync.retirement import retire

if TYPE_CHECKING:
    from syncd.sync.syncer import Syncer


async def reconcile(syncer: Syncer, *, retiring: bool = True) -> None:
    """Known accounts and regions go on, new ones begin; if ``retiring``, those gone from the configuration retire."""
    now, drafts = syncer.clock.now(), list[Draft]()
    async with syncer.db.write() as tx:
        await targets.distrust_times_ahead(tx, now)
        known = {state.account: state for state in await targets.read_accounts(tx)}
        for account in syncer.accounts.values():
            drafts += await _enlist(tx, account, known.get(account.name), retiring, now)
        for name in sorted(known.keys() - syncer.accounts.keys()) if retiring else ():
            drafts += await _dismiss(tx, known[name], now)
        if drafts:
            await outbox.append(tx, drafts, syncer.settings.routes)


async def active_targets(db: Database) -> list[Target]:
    async with db.read() as tx:
        return [state.target for state in await targets.read_targets(tx) if state.active]


async def bring_back(tx: Transaction, state: TargetState) -> TargetState:
    """A retired target is watched again: what it knew is known again."""
    await facts.recall_facts(tx, state.target)
    state = replace(state.without_failures(), active=True, unlisted_since=None)
    await targets.save_target(tx, state)
    return state


async def _enlist(
    tx: Transaction, account: Account, known: AccountState | None, retiring: bool, now: datetime
) -> list[Draft]:
    state = replace(known, active=True) if known else account.newcomer()
    if account.regions is not None:
        state = replace(
            state,
            discovery_failures=0,
            discovery_class=None,
            discovery_failing_since=None,
            discovery_error=None,
        )
    if state != known:
        await targets.save_account(tx, state)
    if account.regions is None:
        return []
    existing = {state.target.region: state for state in await targets.read_targets(tx, account.name)}
    for region in account.regions:
        if region not in existing:
            await targets.save_target(tx, TargetState(Target(account.name, region)))
        elif not existing[region].active:
            await bring_back(tx, existing[region])
        elif existing[region].unlisted_since is not None:
            await targets.save_target(tx, replace(existing[region], unlisted_since=None))
    leaving = [
        target for region, target in existing.items() if target.active and region not in account.regions
    ]
    return await retire(tx, state, leaving, now) if leaving and retiring else []


async def _dismiss(tx: Transaction, state: AccountState, now: datetime) -> list[Draft]:
    leaving = [target for target in await targets.read_targets(tx, state.account) if target.active]
    drafts = await retire(tx, state, leaving, now) if leaving else []
    if state.active or state.alert:
        await targets.save_account(tx, replace(state, active=False, alert=None, discovery_failures=0))
    return drafts
