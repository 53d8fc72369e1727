"""`syncd db`: looks after the database file: upgrade, check, backup, prune."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from syncd.cli.database_file import DatabaseFile
from syncd.cli.language import translate
from syncd.cli.operation import run_operation
from syncd.cli.options import db_option, global_options
from syncd.cli.output import say, tell
from syncd.cli.progress import Progress
from syncd.errors import DatabaseError

PRUNED = {
    "events": "events removed",
    "deliveries": "deliveries removed",
    "dead": "deliveries given up",
    "skipped": "deliveries of absent sinks skipped",
}

CLOCK_NOT_STEADY = (
    "a wrong clock must not make anything expire, so the clock must have been seen steady for a day first;"
    " `syncd run`, `syncd sync` and this command look at it"
)


@click.group(
    epilog="""\b
Example:
  syncd db backup /var/backups/syncd.db"""
)
def db() -> None:
    """Manage the database file: upgrade, check, backup, prune."""


@db.command(
    epilog="""\b
Example:
  syncd db upgrade"""
)
@db_option
@click.pass_context
def upgrade(context: click.Context, db: Path | None) -> None:
    """Make a backup and bring the database to the schema of this program; `syncd run` does this too."""
    from syncd.store import migrate
    from syncd.store.daemon_call import DAEMON_TIMEOUT
    from syncd.store.lock import FileLock, holder

    file = DatabaseFile(context, db, guess=False)
    group = file.config.database.group_readable if file.config else False
    lock_holder = holder(file.path)
    # A command lets go of the file soon, which is worth waiting for; a daemon keeps it.
    wait = DAEMON_TIMEOUT if lock_holder is not None and lock_holder.kind == "command" else timedelta(0)
    with (
        FileLock.acquire(file.path, "command", wait=wait, group_readable=group),
        Progress(lambda: f"Making a backup of {file.path} and upgrading it"),
    ):
        upgraded = migrate.upgrade_file(file.path, group_readable=group)
    for warning in upgraded.warnings:
        say(f"warning: {warning}")
    if upgraded.before == upgraded.after:
        tell(f"{file.path} has schema {upgraded.after}: nothing to do")
    else:
        backup = f"; the backup is {upgraded.backup}" if upgraded.backup else ""
        tell(f"{file.path} has schema {upgraded.after} now{backup}")


@db.command(
    epilog="""\b
Example:
  syncd db check

\b
Exit code: 0 the database is sound, 5 it is not."""
)
@db_option
@click.pass_context
def check(context: click.Context, db: Path | None) -> None:
    """Run SQLite's own check, check the schema, and see whether the events add up to exactly the images."""
    from syncd.store.check import check_file

    file = DatabaseFile(context, db)
    with Progress(lambda: f"Checking {file.path}"):
        problems = check_file(file.path)
    for problem in problems:
        click.echo(": ".join(map(translate, (problem.kind, problem.subject, problem.message))), err=True)
    if problems:
        raise DatabaseError(
            f"{file.path}: {len(problems)} problem{'' if len(problems) == 1 else 's'}",
            "put back a backup (`syncd db backup` makes them), and report this",
        )
    tell(f"{file.path} is sound; its events add up to exactly its images")


@db.command(
    epilog="""\b
Example:
  syncd db backup /var/backups/syncd-$(date +%F).db"""
)
@click.argument("file", type=click.Path(path_type=Path))
@db_option
@click.pass_context
def backup(context: click.Context, file: Path, db: Path | None) -> None:
    """Copy the database to FILE, as it is at one moment, while it may be in use."""
    from syncd.store.backup import back_up

    source = DatabaseFile(context, db)
    with Progress(lambda: f"Copying {source.path}"):
        back_up(source.path, file)
    tell(f"{file} is a copy of {source.path}, {file.stat().st_size / 2**20:.1f} MB")


@db.command(
    epilog="""\b
Example:
  syncd db prune"""
)
@click.pass_context
def prune(context: click.Context) -> None:
    """Remove what is older than the configured retention; the daemon does this every day."""
    with Progress(lambda: "Forgetting what is older than the retention"):
        answer = run_operation(global_options(context), "prune", {}).answer
    pruned = answer["pruned"]
    if pruned is None:
        say(f"nothing is removed before {answer['steady_at']}: {CLOCK_NOT_STEADY}")
        return
    counts = [f"{count} {PRUNED[name]}" for name, count in pruned.items() if count]
    tell(", ".join(map(translate, counts)) or "nothing is old enough to be removed")
