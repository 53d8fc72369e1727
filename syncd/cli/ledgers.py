"""`syncd runs` and `syncd deliveries`: the ledgers."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import click

from syncd.cli.reading import File, reading, rows_of, why_empty
from syncd.cli.show import Column, Row, emit
from syncd.cli.times import ago, local

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


def _news(row: Row) -> str:
    return ", ".join(f"{row[name]} {name.replace('_', ' ')}" for name in _NEWS if row[name])


def _style(row: Row) -> str:
    state = row.get("outcome") or row.get("state")
    return {
        "failed": "red",
        "dead": "red",
        "incomplete": "yellow",
        "held": "yellow",
        "pending": "yellow",
    }.get(str(state), "")
