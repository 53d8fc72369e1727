"""`syncd held`: the revocations that the guard holds back, and releasing them."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import click

from syncd.cli.database_file import DatabaseFile
from syncd.cli.operation import run_operation
from syncd.cli.options import global_options, reading_options
from syncd.cli.output import Column, as_rows, print_rows, say
from syncd.cli.times import ago


@click.group(
    epilog="""\b
Example:
  syncd held list
  syncd held release --region cn-wlcb"""
)
def held() -> None:
    """List or release held images: many that were missing from a list at once, and so are not called revoked yet."""


@held.command(
    "list",
    short_help="List the images that are held.",
    epilog="""\b
Example:
  syncd held list --account lab""",
)
@click.option("--account", metavar="NAME", help="Only images of this account.")
@click.option("--region", metavar="REGION", help="Only images in this region.")
@reading_options(limit=False)
@click.pass_context
def list_(
    context: click.Context, output_format: str, db: Path | None, account: str | None, region: str | None
) -> None:
    """List the images that the guard holds, and until when it keeps them."""
    from syncd.store import queries

    file = DatabaseFile(context, db)
    with file.open() as reader:
        rows = queries.missing(reader, account, region)
    keys = [field.name for field in fields(queries.MissingRow)]
    if not print_rows(output_format, as_rows(rows), _columns(file), keys):
        say("nothing that is held matches" if account or region else "nothing is held")


@held.command(
    short_help="Call the held images revoked now.",
    epilog="""\b
Example:
  syncd held release --account lab --region cn-wlcb""",
)
@click.option("--account", metavar="NAME", help="Only images of this account.")
@click.option("--region", metavar="REGION", help="Only images in this region.")
@click.pass_context
def release(context: click.Context, account: str | None, region: str | None) -> None:
    """Call all held images, or those of one account or region, revoked now, without asking the API again."""
    args = {"account": account, "region": region}
    result = run_operation(global_options(context), "release", args)
    for target in result.answer["released"]:
        click.echo(f"{target['account']}/{target['region']}  {target['revoked']} revoked")
    if not result.answer["released"]:
        say("nothing is held")
    context.exit(result.exit_code)


def _columns(file: DatabaseFile) -> list[Column]:
    return [
        Column("account", lambda row: row["account"]),
        Column("region", lambda row: row["region"]),
        Column("id", lambda row: row["image_id"]),
        Column("name", lambda row: row["name"] or "", shrink_to=16),
        Column("missing", lambda row: ago(row["missing_since"], file.now), drop_order=1),
        Column("syncs", lambda row: str(row["missing_syncs"]), align_right=True, drop_order=2),
        Column("kept until", lambda row: ago(row["until"], file.now)),
    ]
