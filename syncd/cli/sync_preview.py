"""Lists what a sync would announce now, without writing: `syncd sync --dry-run`."""

from __future__ import annotations

from collections.abc import Iterator

import click

from syncd.cli.language import translate
from syncd.config import Config
from syncd.daemon.assembly import Observers, SystemClock, build_accounts, settings_of
from syncd.errors import ApiError, ExitCode
from syncd.model import Target
from syncd.store.engine import Database
from syncd.sync.decision import Decision, Reading
from syncd.sync.reconcile import active_targets
from syncd.sync.syncer import Syncer


async def preview(config: Config, account: str | None, region: str | None) -> ExitCode:
    """Print a line for each event of the targets that match; take no lock and write nothing."""
    db = await Database.open(config.database.path, read_only=True)
    accounts = build_accounts(config, Observers())
    syncer = Syncer(db, accounts, settings_of(config), SystemClock())
    exit_code = ExitCode.OK
    try:
        for target in await active_targets(db):
            if account not in (None, target.account) or region not in (None, target.region):
                continue
            try:
                await _print_target(syncer, target)
            except ApiError as error:
                exit_code = ExitCode.FAILED
                click.echo(f"{target}: {translate(error.message)}", err=True)
    finally:
        for configured in accounts.values():
            await configured.cloud.aclose()
        await db.close()
    return exit_code


async def _print_target(syncer: Syncer, target: Target) -> None:
    previewed = await syncer.preview(target)
    if previewed is not None:
        for line in _lines(target, *previewed):
            click.echo(line)


def _lines(target: Target, reading: Reading, decision: Decision) -> Iterator[str]:
    silent = translate("  (baseline: silent)") if reading.baseline else ""
    for added in decision.plan.added:
        yield f"image.shared  {target}  {added.image.image_id}  {added.image.name or ''}{silent}"
    for image_id in sorted(decision.gone):
        yield f"image.revoked  {target}  {image_id}{silent}"
    for changed in decision.plan.changed:
        for event_type in _event_types({change.field for change in changed.changes}):
            yield f"{event_type}  {target}  {changed.after.image_id}  {changed.after.name or ''}{silent}"
    for image_id in sorted(decision.held):
        yield f"held  {target}  {image_id}"


def _event_types(fields: set[str]) -> list[str]:
    """A change of the status is an event of its own; all other changes are one event."""
    status = ["image.status_changed"] if "status" in fields else []
    others = ["image.updated"] if fields - {"status"} else []
    return status + others
