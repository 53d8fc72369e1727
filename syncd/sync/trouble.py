"""What belongs to an account in a commit: its alert, its hello, the regions that retire, losses told late."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from syncd.config import AlertsConfig
from syncd.model import Draft
from syncd.store import facts, images, targets
from syncd.store.engine import Transaction
from syncd.store.records import AccountState, TargetState
from syncd.sync import alerts, news
from syncd.sync.alerts import Trouble

HELLO_AFTER = timedelta(minutes=2)
"""After its first baseline an account says hello without the regions that still lack one."""


def trouble_of(state: TargetState, now: datetime) -> Trouble:
    """A failing target as the alerts see it."""
    assert state.failure_class is not None
    assert state.failing_since is not None
    fresh = state.fresh_until is not None and now < state.fresh_until
    return Trouble(state.failure_class, state.failures, state.failing_since, fresh)


async def announce_failure(
    tx: Transaction,
    account: AccountState,
    trouble: Trouble,
    message: str,
    limits: AlertsConfig,
    now: datetime,
) -> list[Draft]:
    """Open, renew or repeat the account's alert; the events that say so."""
    alert, say = alerts.after_failure(account.alert, trouble, limits, now)
    if alert == account.alert:
        return []
    await targets.save_account(tx, replace(account, alert=alert))
    if alert is None or say is None:
        return []
    regions = [
        state.target.region
        for state in await targets.read_targets(tx, account.account)
        if state.active and state.failures
    ]
    return [news.failed(alert, account, regions, message, say == "reminder", now)]


async def announce_recovery(
    tx: Transaction, account: AccountState, limits: AlertsConfig, now: datetime
) -> list[Draft]:
    """Close the account's alert if everything succeeded since it opened."""
    if account.alert is None or account.discovery_failures:
        return []
    states = [state for state in await targets.read_targets(tx, account.account) if state.active]
    troubles = [trouble_of(state, now) for state in states if state.failures]
    if not alerts.is_over(account.alert, [state.last_success_at for state in states], troubles, limits):
        return []
    await targets.save_account(tx, replace(account, alert=None))
    return [news.recovered(account.alert, account, [state.target.region for state in states], now)]


async def say_hello(tx: Transaction, name: str, coming: Collection[str], now: datetime) -> list[Draft]:
    """Once an account: what it watches. ``coming`` are discovered regions whose first list is being read."""
    account = await targets.read_account(tx, name)
    if account is None or account.hello_at is not None or account.first_baseline_at is None:
        return []
    states = [state for state in await targets.read_targets(tx, name) if state.active]
    # A region whose lists were empty so far is watched as well, though its baseline is still to come.
    regions = [state.target.region for state in states if state.baseline_at or state.blank]
    pending = sorted({state.target.region for state in states} - set(regions) | set(coming) - set(regions))
    if not regions or (pending and now - account.first_baseline_at < HELLO_AFTER):
        return []
    await targets.save_account(tx, replace(account, hello_at=now))
    return [news.hello(name, await images.live_images(tx, name), regions, pending, now)]


async def retire(tx: Transaction, account: AccountState, leaving: Sequence[TargetState]) -> None:
    """Targets leave the watch: nothing is revoked, and what only they list is forgotten silently.

    What they showed otherwise than the targets that stay is compared with those (`sync.unsettled`).
    """
    for state in leaving:
        await targets.save_target(tx, replace(state, active=False, unlisted_since=None))
    for state in leaving:
        if state.last_success_at is not None:
            await facts.doubt_retired(tx, state.target, state.last_success_at)
    await facts.forget_facts(tx, account.account)
