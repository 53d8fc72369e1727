"""Every target once: what `syncd sync` does, alone or for the daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from syncd.errors import UsageError
from syncd.model import Target
from syncd.sync.accounts import Account
from syncd.sync.concurrency import together
from syncd.sync.discovery import discover
from syncd.sync.reconcile import active_targets, reconcile
from syncd.sync.report import SyncReport
from syncd.sync.syncer import Syncer

TARGETS_AT_ONCE = 50
"""Targets synced at a time."""

Progress = Callable[[SyncReport], object]


async def sync_round(
    syncer: Syncer, account: str | None = None, region: str | None = None, progress: Progress = lambda _: None
) -> list[SyncReport]:
    """Sync the matching targets; a whole round also retires what the configuration no longer names.

    ``progress`` gets each report as it comes. Raises UsageError if nothing matches.
    """
    chosen = _chosen(syncer, account, region)
    whole = account is None and region is None
    await reconcile(syncer, retiring=whole)
    first = await together(
        _discover(syncer, account, progress) for account in chosen if account.regions is None
    )
    reports = [report for of_account in first for report in of_account]
    seen = {report.target for report in reports}
    names = {account.name for account in chosen}
    due = [
        target
        for target in await active_targets(syncer.db)
        if target.account in names and region in (None, target.region) and target not in seen
    ]
    if region is not None and not due and not any(report.target.region == region for report in reports):
        raise UsageError(
            f"region {region} is not watched",
            "`syncd status` lists the targets, `syncd regions` what the API has",
        )
    return reports + await _each(syncer, due, progress)


def _chosen(syncer: Syncer, account: str | None, region: str | None) -> list[Account]:
    if account is not None and account not in syncer.accounts:
        known = ", ".join(sorted(syncer.accounts)) or "none"
        raise UsageError(f"account {account} is not configured", f"accounts: {known}")
    return [known for known in syncer.accounts.values() if account in (None, known.name)]


async def _discover(syncer: Syncer, account: Account, progress: Progress) -> list[SyncReport]:
    """The reports of a discovery that matter to the reader: its failure, and new targets' first lists."""
    own, first = await discover(syncer, account)
    shown = [report for report in first if report.outcome not in ("failed", "cancelled")]
    if own.failure is not None:
        shown.append(own)
    for report in shown:
        progress(report)
    return shown


async def _each(syncer: Syncer, due: Sequence[Target], progress: Progress) -> list[SyncReport]:
    slots = asyncio.Semaphore(TARGETS_AT_ONCE)

    async def sync_in_turn(target: Target) -> SyncReport:
        async with slots:
            report = await syncer.sync(target)
        progress(report)
        return report

    return await together(map(sync_in_turn, due))
