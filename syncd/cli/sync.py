"""`syncd sync`: every target once, through the daemon if one runs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from syncd.cli.operation import ask
from syncd.cli.options import settings
from syncd.model import Target

if TYPE_CHECKING:
    from syncd.config import Config
    from syncd.daemon.assembly import Parts
    from syncd.daemon.operations import Result

DRAIN_FOR = timedelta(seconds=60)
"""How long one attempt at each due delivery may take altogether."""


@click.command(
    epilog="""\b
Example:
  syncd sync                           every target once, as cron wants it
  syncd sync --account lab --dry-run

\b
Exit code: 0 fine, 3 a target failed or was incomplete, 4 revocations are held,
5 the database cannot be used."""
)
@click.option("--account", metavar="NAME", help="Only this account.")
@click.option("--region", metavar="REGION", help="Only this region.")
@click.option("--dry-run", is_flag=True, help="Read only; list what would be announced.")
@click.pass_context
def sync(context: click.Context, account: str | None, region: str | None, dry_run: bool) -> None:
    """Sync every target once: through the daemon if one runs, else by itself."""
    chosen = settings(context)
    if dry_run:
        context.exit(asyncio.run(_preview(chosen.load(), account, region)))
    whole = account is None and region is None
    args = {"account": account, "region": region}
    afterwards = _finish_round if whole else _finish
    context.exit(_show(ask(chosen, "sync", args, progress=_progress, afterwards=afterwards)))


async def _finish(parts: Parts) -> None:
    """One attempt at each delivery that is due."""
    await parts.dispatcher.drain(DRAIN_FOR)


async def _finish_round(parts: Parts) -> None:
    from syncd.daemon.operations import prune_if_due

    await prune_if_due(parts)
    await _finish(parts)


def _progress(report: Any) -> None:
    if sys.stderr.isatty():
        click.echo(line(report.target._asdict() | {"error": report.error} | _fields(report)), err=True)


def _fields(report: Any) -> dict[str, Any]:
    names = ("outcome", "listed", "shared", "revoked", "status_changed", "updated", "held")
    return {name: getattr(report, name) for name in names}


def _show(result: Result) -> int:
    """On a terminal a line a target; otherwise only what is wrong, so that cron stays silent."""
    for target in result.answer["targets"]:
        wrong = target["outcome"] in ("failed", "incomplete", "held")
        if wrong or sys.stdout.isatty():
            click.echo(line(target), err=wrong)
    return result.exit_code


def line(target: Mapping[str, Any]) -> str:
    """What one sync found: ``lab/cn-wlcb  complete, 40 listed, 1 shared``."""
    counts = [
        f"{target[name]} {name.replace('_', ' ')}"
        for name in ("listed", "shared", "revoked", "status_changed", "updated", "held")
        if target.get(name)
    ]
    error = f": {target['error']}" if target.get("error") else ""
    where = "/".join(part for part in (target["account"], target["region"]) if part)
    return f"{where}  {', '.join([target['outcome'], *counts])}{error}"


async def _preview(config: Config, account: str | None, region: str | None) -> int:
    """What a sync would announce now; takes no lock and writes nothing."""
    from syncd.daemon.assembly import Observers, SystemClock, build_accounts, settings_of
    from syncd.errors import ApiError
    from syncd.store.engine import Database
    from syncd.sync.reconcile import active_targets
    from syncd.sync.syncer import Syncer

    db = await Database.open(config.database.path, read_only=True)
    accounts = build_accounts(config, Observers())
    syncer = Syncer(db, accounts, settings_of(config), SystemClock())
    exit_code = 0
    try:
        for target in await active_targets(db):
            if account not in (None, target.account) or region not in (None, target.region):
                continue
            try:
                for text in await _would_announce(syncer, target):
                    click.echo(text)
            except ApiError as error:
                exit_code = 3
                click.echo(f"{target}: {error.message}", err=True)
    finally:
        for one in accounts.values():
            await one.cloud.aclose()
        await db.close()
    return exit_code


async def _would_announce(syncer: Any, target: Target) -> list[str]:
    preview = await syncer.preview(target)
    if preview is None:
        return []
    reading, decision = preview
    silent = "  (baseline: silent)" if reading.baseline else ""
    return [
        *(
            f"image.shared  {target}  {one.image.image_id}  {one.image.name or ''}{silent}"
            for one in decision.plan.added
        ),
        *(f"image.revoked  {target}  {image_id}{silent}" for image_id in sorted(decision.gone)),
        *(
            f"image.{kind}  {target}  {one.after.image_id}  {one.after.name or ''}{silent}"
            for one in decision.plan.changed
            for kind in _kinds({change.field for change in one.changes})
        ),
        *(f"held  {target}  {image_id}" for image_id in sorted(decision.held)),
    ]


def _kinds(fields: set[str]) -> list[str]:
    return ["status_changed"] * ("status" in fields) + ["updated"] * bool(fields - {"status"})
