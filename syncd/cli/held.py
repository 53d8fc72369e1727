"""`syncd held`: what the guard keeps back, and letting it go."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import click

from syncd.cli.database_file import File, reading, rows_of
from syncd.cli.operation import ask
from syncd.cli.options import say, settings
from syncd.cli.output import Column, emit
from syncd.cli.times import ago


@click.group(
    epilog="""\b
Example:
  syncd held list
  syncd held release --region cn-wlcb"""
)
def held() -> None:
    """Images that a list lacked suddenly and many at once: kept until that lasts."""


@held.command(
    "list",
    short_help="What is held.",
    epilog="""\b
Example:
  syncd held list --account lab""",
)
@click.option("--account", metavar="NAME", help="Only of this account.")
@click.option("--region", metavar="REGION", help="Only in this region.")
@reading(limit=None)
@click.pass_context
def list_(
    context: click.Context, form: str, db: Path | None, account: str | None, region: str | None
) -> None:
    """The images that the guard keeps back, and when it lets them go."""
    from syncd.store import queries

    file = File(context, db)
    with file.open() as reader:
        found = queries.missing(reader, account, region)
    columns = [
        Column("account", lambda row: row["account"]),
        Column("region", lambda row: row["region"]),
        Column("id", lambda row: row["image_id"]),
        Column("name", lambda row: row["name"] or "", elastic=16),
        Column("missing", lambda row: ago(row["missing_since"], file.now), spare=1),
        Column("syncs", lambda row: str(row["missing_syncs"]), right=True, spare=2),
        Column("kept until", lambda row: ago(row["until"], file.now)),
    ]
    if not emit(form, rows_of(found), columns, [field.name for field in fields(queries.MissingRow)]):
        say("nothing that is held matches" if account or region else "nothing is held")


@held.command(
    short_help="Call it revoked now.",
    epilog="""\b
Example:
  syncd held release --account lab --region cn-wlcb""",
)
@click.option("--account", metavar="NAME", help="Only of this account.")
@click.option("--region", metavar="REGION", help="Only in this region.")
@click.pass_context
def release(context: click.Context, account: str | None, region: str | None) -> None:
    """Call what is held revoked now, without asking the API."""
    chosen = settings(context)
    result = ask(chosen, "release", {"account": account, "region": region})
    for one in result.answer["released"]:
        click.echo(f"{one['account']}/{one['region']}  {one['revoked']} revoked")
    if not result.answer["released"]:
        say("nothing is held")
    context.exit(result.exit_code)
