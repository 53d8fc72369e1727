"""`syncd runs`: the syncs, and what each of them found."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import click

from syncd.cli.database_file import File, reading, rows_of, why_empty
from syncd.cli.output import Column, Row, emit
from syncd.cli.times import local

_NEWS = ("shared", "revoked", "status_changed", "updated")


@click.command(
    epilog="""\b
Example:
  syncd runs --outcome failed"""
)
@click.option("--account", metavar="NAME", help="Only of this account.")
@click.option("--region", metavar="REGION", help="Only of this region.")
@click.option(
    "--outcome",
    type=click.Choice(["complete", "incomplete", "held", "failed"]),
    help="Only with this outcome.",
)
@reading()
@click.pass_context
def runs(
    context: click.Context, form: str, db: Path | None, limit: int, account: str | None, region: str | None,
    outcome: str | None,
) -> None:  # fmt: skip
    """The syncs, the newest last; complete ones without news are counted on one line."""
    from syncd.store import queries

    file = File(context, db)
    with file.open() as reader:
        found = queries.runs(reader, account, region, outcome, limit)
    columns = [
        Column("id", lambda row: str(row["id"]), right=True, spare=2),
        Column("finished", lambda row: local(row["finished_at"])),
        Column("target", lambda row: f"{row['account']}/{row['region']}"),
        Column("outcome", lambda row: row["outcome"], _style),
        Column("syncs", lambda row: str(row["count"]), right=True),
        Column("listed", lambda row: str(row["listed"] or ""), right=True, spare=1),
        Column("news", _news, elastic=10),
        Column("error", lambda row: row["error"] or "", elastic=10),
    ]
    if not emit(form, rows_of(found), columns, [field.name for field in fields(queries.RunRow)]):
        why_empty(file, bool(account or region or outcome))


def _news(row: Row) -> str:
    return ", ".join(f"{row[name]} {name.replace('_', ' ')}" for name in _NEWS if row[name])


def _style(row: Row) -> str:
    return {"failed": "red", "incomplete": "yellow", "held": "yellow"}.get(row["outcome"], "")
