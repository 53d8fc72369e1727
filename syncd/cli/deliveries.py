"""`syncd deliveries`: what was sent to the sinks, what waits, and what was given up."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from syncd.cli.database_file import DatabaseFile
from syncd.cli.listing import most_rows, refuse_unknown, say_if_more
from syncd.cli.options import reading_options
from syncd.cli.output import Column, Row, as_rows, print_rows
from syncd.cli.times import ago

STYLES = {"dead": "red", "pending": "yellow"}


@click.command(
    epilog="""\b
Example:
  syncd deliveries --sink team --state dead"""
)
@click.option("--sink", metavar="NAME", help="Only deliveries to this sink.")
@click.option(
    "--state",
    type=click.Choice(["pending", "delivered", "dead", "skipped"]),
    help="Only deliveries in this state.",
)
@reading_options()
@click.pass_context
def deliveries(
    context: click.Context, output_format: str, db: Path | None, limit: int | None, sink: str | None, state: str | None
) -> None:  # fmt: skip
    """List what was sent to the sinks, what waits and what was given up; the newest comes last."""
    from syncd.store import queries

    file = DatabaseFile(context, db)
    most = most_rows(output_format, limit)
    keys = [field.name for field in fields(queries.DeliveryRow)]
    wanted: tuple[Any, Any] = (sink, state)
    with file.open() as reader:
        rows = refuse_unknown(file, reader, queries.deliveries(reader, *wanted, most), sink=sink)
        shown = print_rows(output_format, as_rows(rows), _columns(file), keys)
        say_if_more(shown, most, lambda: queries.count_deliveries(reader, *wanted), "deliveries")
    if not shown:
        file.say_why_empty(filtered=bool(sink or state))


def _columns(file: DatabaseFile) -> list[Column]:
    return [
        Column("event", lambda row: str(row["event_seq"]), align_right=True),
        Column("sink", lambda row: row["sink"]),
        Column("type", lambda row: row["event_type"] or "", drop_order=1),
        Column("image", lambda row: row["image_id"] or ""),
        Column("state", lambda row: row["state"], _style, words=True),
        Column("attempts", lambda row: str(row["attempts"] or ""), align_right=True, drop_order=3),
        Column("next", lambda row: ago(row["next_attempt_at"], file.now), drop_order=2, words=True),
        Column("finished", lambda row: ago(row["finished_at"], file.now), words=True),
        Column("error", lambda row: row["last_error"] or "", shrink_to=10, words=True),
    ]


def _style(row: Row) -> str:
    return STYLES.get(row["state"], "")
