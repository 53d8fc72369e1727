"""`syncd db`: the file: upgrade, check, backup, prune."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from syncd.cli.ask import ask
from syncd.cli.context import say, settings
from syncd.cli.reading import File
from syncd.errors import DatabaseError

PATH = click.option(
    "--db",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The database, instead of the configuration's.",
)

PRUNED = {
    "events": "events forgotten",
    "deliveries": "deliveries forgotten",
    "dead": "deliveries given up",
    "skipped": "deliveries of absent sinks skipped",
}


UNSTEADY = (
    "the clock must have been seen steady for a day first, so that a wrong one expires nothing;"
    " `syncd run`, `syncd sync` and this command look at it"
)


@click.group(
    epilog="""\b
Example:
  syncd db backup /var/backups/syncd.db"""
)
def db() -> None:
    """The database file: upgrade, check, backup, prune."""


@db.command(
    epilog="""\b
Example:
  syncd db upgrade"""
)
@PATH
@click.pass_context
def upgrade(context: click.Context, db: Path | None) -> None:
    """Bring the file to this program's schema, after a backup; `syncd run` does it too."""
    from syncd.store import migrate
    from syncd.store.daemon_call import DAEMON_TIMEOUT
    from syncd.store.lock import FileLock, holder

    file = File(context, db)
    group = file.config.database.group_readable if file.config else False
    facing = holder(file.path)
    wait = DAEMON_TIMEOUT if facing is not None and facing.kind == "command" else timedelta(0)
    with FileLock.acquire(file.path, "command", wait=wait, group_readable=group):
        done = migrate.upgrade_file(file.path, group_readable=group)
    for warning in done.warnings:
        say(f"warning: {warning}")
    if done.before == done.after:
        click.echo(f"{file.path} has schema {done.after}: nothing to do")
    else:
        backup = f"; the backup is {done.backup}" if done.backup else ""
        click.echo(f"{file.path} has schema {done.after} now{backup}")


@db.command(
    epilog="""\b
Example:
  syncd db check

\b
Exit code: 0 sound, 5 not."""
)
@PATH
@click.pass_context
def check(context: click.Context, db: Path | None) -> None:
    """SQLite's own check, the schema, and whether the events, folded, give exactly the live rows."""
    from syncd.store.check import check_file

    file = File(context, db)
    problems = check_file(file.path)
    for problem in problems:
        click.echo(f"{problem.kind}: {problem.subject}: {problem.message}", err=True)
    if problems:
        raise DatabaseError(
            f"{file.path}: {len(problems)} problem{'' if len(problems) == 1 else 's'}",
            "put back a backup (`syncd db backup` makes them), and report this",
        )
    click.echo(f"{file.path} is sound; folding its events gives exactly its live rows")


@db.command(
    epilog="""\b
Example:
  syncd db backup /var/backups/syncd-$(date +%F).db"""
)
@click.argument("file", type=click.Path(path_type=Path))
@PATH
@click.pass_context
def backup(context: click.Context, file: Path, db: Path | None) -> None:
    """Copy the database to FILE, of one moment, while it is in use."""
    from syncd.store.backup import back_up

    source = File(context, db)
    back_up(source.path, file)
    click.echo(f"{file} is a copy of {source.path}, {file.stat().st_size / 2**20:.1f} MB")


@db.command(
    epilog="""\b
Example:
  syncd db prune"""
)
@click.pass_context
def prune(context: click.Context) -> None:
    """Forget what the retention lets go; the daemon does it daily."""
    answer = ask(settings(context), "prune", {}).answer
    pruned = answer["pruned"]
    if pruned is None:
        say(f"nothing is forgotten before {answer['steady_at']}: {UNSTEADY}")
        return
    done = [f"{count} {PRUNED[name]}" for name, count in pruned.items() if count]
    click.echo(", ".join(done) or "nothing to forget")
