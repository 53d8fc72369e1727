"""`syncd sync`: syncs every target once, through the daemon if one runs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from syncd.cli.language import translate
from syncd.cli.operation import run_operation
from syncd.cli.options import global_options
from syncd.cli.progress import Progress

if TYPE_CHECKING:
    from syncd.compshare.client import RequestRecord
    from syncd.daemon.assembly import Parts
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
    shown = ShownTargets()
    with Progress(shown.line) as line:
        result = run_operation(
            options,
            "sync",
            {"account": account, "region": region},
            progress=lambda report: shown.show(report, line),
            observe=shown.count_request,
            afterwards=_prune_and_deliver if is_whole_round else _deliver,
        )
    shown.show_the_others(result.answer["targets"])
    context.exit(result.exit_code)


class ShownTargets:
    """On a terminal each target is shown once it is done; elsewhere only what is wrong, so that cron stays silent."""

    def __init__(self) -> None:
        self._shown: set[tuple[str, str | None]] = set()
        self._requests = self._images = 0

    def line(self) -> str:
        """What is going on, for the time until the next target is done."""
        if not self._requests:
            return "Syncing"
        done = f"{len(self._shown)} done, {self._images:,} images listed, " if self._shown else ""
        return f"Syncing: {done}{self._requests:,} requests"

    def count_request(self, _: str, __: RequestRecord) -> None:
        self._requests += 1

    def show(self, report: SyncReport, line: Progress) -> None:
        """Called by syncs in this process, as they end."""
        self._images += report.listed
        if sys.stdout.isatty():
            line.make_room()
            self._print(report.target._asdict() | asdict(report))

    def show_the_others(self, targets: Iterable[Mapping[str, Any]]) -> None:
        for target in targets:
            if _key(target) not in self._shown:
                self._print(target)

    def _print(self, target: Mapping[str, Any]) -> None:
        self._shown.add(_key(target))
        is_wrong = target["outcome"] in ("failed", "incomplete", "held")
        if is_wrong or sys.stdout.isatty():
            click.echo(target_line(target), err=is_wrong)


def _key(target: Mapping[str, Any]) -> tuple[str, str | None]:
    return target["account"], target["region"] or None


async def _deliver(parts: Parts) -> None:
    """Make one attempt at each delivery that is due."""
    await parts.dispatcher.drain(DRAIN_TIMEOUT)


async def _prune_and_deliver(parts: Parts) -> None:
    from syncd.daemon.operations import prune_if_due

    await prune_if_due(parts)
    await _deliver(parts)


def target_line(target: Mapping[str, Any]) -> str:
    """What one sync found: ``lab/cn-wlcb  complete, 40 listed, 1 shared``."""
    counts = [translate(f"{target[name]} {name.replace('_', ' ')}") for name in COUNTS if target.get(name)]
    error = translate(": ") + translate(target["error"]) if target.get("error") else ""
    name = "/".join(part for part in (target["account"], target["region"]) if part)
    return f"{name}  {translate(', ').join([translate(target['outcome']), *counts])}{error}"
