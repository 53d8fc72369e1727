"""`syncd sync`: syncs every target once, through the daemon if one runs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from syncd.cli.operation import run_operation
from syncd.cli.options import global_options

if TYPE_CHECKING:
    from syncd.daemon.assembly import Parts
    from syncd.daemon.operations import Result
    from syncd.sync.report import SyncReport

DRAIN_TIMEOUT = timedelta(seconds=60)
"""How long one attempt at each due delivery may take altogether."""

COUNTS = ("listed", "shared", "revoked", "status_changed", "updated", "held")


@click.command(
    epilog="""\b
Example:
  syncd sync                           every target once, as cron wants it
  syncd sync --account lab --dry-run

\b
Exit code: 0 fine, 3 a target failed or was incomplete, 4 revocations are held,
5 the database cannot be used."""
)
@click.option("--account", metavar="NAME", help="Only sync this account.")
@click.option("--region", metavar="REGION", help="Only sync this region.")
@click.option("--dry-run", is_flag=True, help="Write nothing; list what would be announced.")
@click.pass_context
def sync(context: click.Context, account: str | None, region: str | None, dry_run: bool) -> None:
    """Sync every target once and deliver what is due: through the daemon if one runs, else in this process."""
    options = global_options(context)
    if dry_run:
        from syncd.cli.sync_preview import preview

        context.exit(asyncio.run(preview(options.load_config(), account, region)))
    is_whole_round = account is None and region is None
    result = run_operation(
        options,
        "sync",
        {"account": account, "region": region},
        progress=_print_progress,
        afterwards=_prune_and_deliver if is_whole_round else _deliver,
    )
    context.exit(_print_targets(result))


async def _deliver(parts: Parts) -> None:
    """Make one attempt at each delivery that is due."""
    await parts.dispatcher.drain(DRAIN_TIMEOUT)


async def _prune_and_deliver(parts: Parts) -> None:
    from syncd.daemon.operations import prune_if_due

    await prune_if_due(parts)
    await _deliver(parts)


def _print_progress(report: SyncReport) -> None:
    if sys.stderr.isatty():
        click.echo(target_line(report.target._asdict() | asdict(report)), err=True)


def _print_targets(result: Result) -> int:
    """Print a line for each target on a terminal; elsewhere only what is wrong, so that cron stays silent."""
    for target in result.answer["targets"]:
        is_wrong = target["outcome"] in ("failed", "incomplete", "held")
        if is_wrong or sys.stdout.isatty():
            click.echo(target_line(target), err=is_wrong)
    return result.exit_code


def target_line(target: Mapping[str, Any]) -> str:
    """What one sync found: ``lab/cn-wlcb  complete, 40 listed, 1 shared``."""
    counts = [f"{target[name]} {name.replace('_', ' ')}" for name in COUNTS if target.get(name)]
    error = f": {target['error']}" if target.get("error") else ""
    name = "/".join(part for part in (target["account"], target["region"]) if part)
    return f"{name}  {', '.join([target['outcome'], *counts])}{error}"
