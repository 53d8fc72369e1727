"""`syncd deliveries`: what was sent to the sinks, what waits and what was given up."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import click

from syncd.cli.database_file import File, reading, rows_of, why_empty
from syncd.cli.output import Column, Row, emit
from syncd.cli.times import ago


@click.command(
    epilog="""\b
Example:
  syncd deliveries --sink team --state dead"""
)
@click.option("--sink", metavar="NAME", help="Only to this sink.")
@click.option(
    "--state", type=click.Choice(["pending", "delivered", "dead", "skipped"]), help="Only in this state."
)
@reading()
@click.pass_context
def deliveries(
    context: click.Context, form: str, db: Path | None, limit: int, sink: str | None, state: str | None
) -> None:
    """What went to the sinks, what waits, what was given up; the newest last."""
    from syncd.store import queries

    file = File(context, db)
    columns = [
        Column("event", lambda row: str(row["event_seq"]), right=True),
        Column("sink", lambda row: row["sink"]),
        Column("type", lambda row: row["event_type"] or "", spare=1),
        Column("image", lambda row: row["image_id"] or ""),
        Column("state", lambda row: row["state"], _style),
        Column("attempts", lambda row: str(row["attempts"] or ""), right=True, spare=3),
        Column("next", lambda row: ago(row["next_attempt_at"], file.now), spare=2),
        Column("finished", lambda row: ago(row["finished_at"], file.now)),
        Column("error", lambda row: row["last_error"] or "", elastic=10),
    ]
    with file.open() as reader:
        found = rows_of(queries.deliveries(reader, sink, state, limit))  # type: ignore[arg-type]  # one of the choices
        count = emit(form, found, columns, [field.name for field in fields(queries.DeliveryRow)])
    if not count:
        why_empty(file, bool(sink or state))


def _style(row: Row) -> str:
    return {"dead": "red", "pending": "yellow"}.get(row["state"], "")
