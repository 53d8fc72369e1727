"""`syncd runs`: the syncs, and what each of them found."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import click

from syncd.cli.database_file import DatabaseFile
from syncd.cli.language import translate
from syncd.cli.listing import most_rows, refuse_unknown, say_if_more
from syncd.cli.options import reading_options
from syncd.cli.output import Column, Row, as_rows, print_rows
from syncd.cli.times import local_time

NEWS = ("shared", "revoked", "status_changed", "updated")
STYLES = {"failed": "red", "incomplete": "yellow", "held": "yellow"}


@click.command(
    epilog="""\b
Example:
  syncd runs --outcome failed"""
)
@click.option("--account", metavar="NAME", help="Only syncs of this account.")
@click.option("--region", metavar="REGION", help="Only syncs of this region.")
@click.option(
    "--outcome",
    type=click.Choice(["complete", "incomplete", "held", "failed"]),
    help="Only syncs that ended like this.",
)
@reading_options()
@click.pass_context
def runs(
    context: click.Context, output_format: str, db: Path | None, limit: int | None, account: str | None,
    region: str | None, outcome: str | None,
) -> None:  # fmt: skip
    """List the syncs, the newest last. Complete syncs without news share a line that counts them."""
    from syncd.store import queries

    file = DatabaseFile(context, db)
    most = most_rows(output_format, limit)
    keys = [field.name for field in fields(queries.RunRow)]
    with file.open() as reader:
        found = queries.runs(reader, account, region, outcome, most)
        rows = refuse_unknown(file, reader, found, account=account, region=region)
        shown = print_rows(output_format, as_rows(rows), COLUMNS, keys)
        say_if_more(shown, most, lambda: queries.count_runs(reader, account, region, outcome), "runs")
    if not shown:
        file.say_why_empty(filtered=bool(account or region or outcome))


def _news(row: Row) -> str:
    return ", ".join(translate(f"{row[name]} {name.replace('_', ' ')}") for name in NEWS if row[name])


def _style(row: Row) -> str:
    return STYLES.get(row["outcome"], "")


COLUMNS = [
    Column("id", lambda row: str(row["id"]), align_right=True, drop_order=2),
    Column("finished", lambda row: local_time(row["finished_at"])),
    Column("target", lambda row: f"{row['account']}/{row['region']}"),
    Column("outcome", lambda row: row["outcome"], _style, words=True),
    Column("syncs", lambda row: str(row["count"]), align_right=True),
    Column("listed", lambda row: str(row["listed"] or ""), align_right=True, drop_order=1),
    Column("news", _news, shrink_to=10),
    Column("error", lambda row: row["error"] or "", shrink_to=10, words=True),
]
