"""What belongs to an account in a commit: its alert and its hello."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from syncd.config import AlertsConfig
from syncd.model import Draft, trusted
from syncd.store import images, targets
from syncd.store.records import AccountState, Alert, TargetState
from syncd.store.transaction import Transaction
from syncd.sync import alerts, event_drafts
from syncd.sync.alerts import Extent, Trouble

HELLO_AFTER = timedelta(minutes=2)
"""After its first baseline an account says hello without the regions that still lack one."""

AT_ONCE = timedelta(minutes=2)
"""Regions that were never read, and whose failures begin within so long, fail together."""


def trouble_of(state: TargetState, now: datetime) -> Trouble:
    """A failing target as the alerts see it."""
    assert state.failure_class is not None
    since = trusted(state.failing_since, now) or now
    lapsed = state.last_success_at is None or (state.is_fresh(since) and not state.is_fresh(now))
    return Trouble(state.failure_class, state.failures, since, fresh=not lapsed)


async def announce_failure(
    tx: Transaction,
    account: AccountState,
    trouble: Trouble,
    message: str,
    limits: AlertsConfig,
    now: datetime,
) -> list[Draft]:
    """Open, renew or repeat the account's alert; the events that say so."""
    states = [state for state in await targets.read_targets(tx, account.account) if state.active]
    extent = extent_of(states, account.alert, limits, now)
    alert, say = alerts.after_failure(account.alert, trouble, limits, now, extent)
    if alert == account.alert:
        return []
    await targets.save_account(tx, replace(account, alert=alert))
    if alert is None or say is None:
        return []
    return [event_drafts.failed(alert, account, extent.regions, message, say == "reminder", now)]


def extent_of(
    states: Sequence[TargetState], alert: Alert | None, limits: AlertsConfig, now: datetime
) -> Extent:
    """How much of an account fails; ``states`` are its active targets."""
    failing = [state for state in states if state.failures]
    troubles = [trouble_of(state, now) for state in failing]
    return Extent(
        _regions(failing),
        _regions(state for state in failing if alert is not None and _is_part_of(state, alert, now)),
        everywhere=len(failing) == len(states) > 0
        and all(alerts.opens(trouble, limits) for trouble in troubles),
    )


def _is_part_of(state: TargetState, alert: Alert, now: datetime) -> bool:
    """Whether a failing target only shows the alert's trouble once more.

    This matters where the first failure of one region is announced at once, before the others fail as well: seconds
    before, if none was ever read; up to an interval before, if the key is refused.
    Otherwise an announcement comes late enough to name all regions that fail by then.
    """
    since, succeeded = trusted(alert.since, now), trusted(state.last_success_at, now)
    if state.failure_class == "auth":
        return since is not None and (succeeded is None or succeeded < since)
    began = trusted(state.failing_since, now)
    if state.last_success_at is not None or since is None or began is None:
        return False
    return began - since < AT_ONCE


def _regions(states: Iterable[TargetState]) -> tuple[str, ...]:
    return tuple(state.target.region for state in states)


async def announce_recovery(
    tx: Transaction, account: AccountState, limits: AlertsConfig, now: datetime
) -> list[Draft]:
    """Close the account's alert if everything succeeded since it opened."""
    if account.alert is None or account.discovery_failures:
        return []
    states = [state for state in await targets.read_targets(tx, account.account) if state.active]
    successes = [trusted(state.last_success_at, now) for state in states]
    troubles = [trouble_of(state, now) for state in states if state.failures]
    alert = alerts.as_of(account.alert, now, instead=max(filter(None, successes), default=None))
    over = alerts.is_over(alert, successes, troubles, limits)
    if over or alert != account.alert:
        await targets.save_account(tx, replace(account, alert=None if over else alert))
    if not over:
        return []
    failed = [state.target.region for state in states if state.target.region in alert.failed]
    return [event_drafts.recovered(alert, account, failed, now)]


async def say_hello(tx: Transaction, name: str, coming: Collection[str], now: datetime) -> list[Draft]:
    """Once an account: what it watches. ``coming`` are discovered regions whose first list is being read."""
    account = await targets.read_account(tx, name)
    if account is None or account.hello_at is not None or account.first_baseline_at is None:
        return []
    states = [state for state in await targets.read_targets(tx, name) if state.active]
    # A region whose lists were empty so far is watched as well, though its baseline is still to come.
    regions = [state.target.region for state in states if state.baseline_at or state.empty_wait]
    pending = sorted({state.target.region for state in states} - set(regions) | set(coming) - set(regions))
    first = trusted(account.first_baseline_at, now)
    if not regions or (pending and first is not None and now - first < HELLO_AFTER):
        return []
    await targets.save_account(tx, replace(account, hello_at=now))
    return [event_drafts.hello(name, await images.count_live_images(tx, name), regions, pending, now)]
