"""`syncd status`: is it running, is the copy fresh, does everything arrive."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from syncd.cli.database_file import File, reading
from syncd.cli.output import Column, Row, emit, plain, print_table
from syncd.cli.times import ago
from syncd.model import to_text
from syncd.monitoring import health

UNHEALTHY = 3
HELD = 4
NOTHING = "nothing was ever synced into this file: `syncd sync` or `syncd run` does it"


@click.command(
    epilog="""\b
Example:
  syncd status
  syncd status --format json | jq .[0].healthy

\b
Exit code: 0 healthy, 3 a target is not fresh or a delivery is overdue, 4 images are held,
5 the database cannot be used."""
)
@reading(limit=None)
@click.pass_context
def status(context: click.Context, form: str, db: Path | None) -> None:
    """At a glance: running, targets, held images, sinks, and a verdict."""
    file = File(context, db)
    found = file.survey()
    judged = health.judge(found.accounts, found.targets, found.sinks, file.now)
    if not found.accounts:
        judged = replace(judged, reasons=(*judged.reasons, NOTHING))
    targets = [asdict(one) | {"fresh": one.is_fresh(file.now)} for one in found.targets]
    sinks = [asdict(one) for one in found.sinks]
    if form == "table":
        click.echo(f"database: {file.path}")
        _say_running(file)
        print_table(targets, _target_columns(file))
        click.echo()
        if print_table(sinks, _sink_columns(file)):
            click.echo()
        _say_verdict(judged)
    else:
        whole = {
            "database": str(file.path), "running": _running(file), "healthy": judged.healthy, "reasons": judged.reasons,
            "warnings": judged.warnings, "targets": _exact(targets), "sinks": _exact(sinks),
        }  # fmt: skip
        emit(form, [whole], [], tuple(whole))
    sys.stdout.flush()
    held = any(one.held for one in found.targets)
    context.exit(0 if judged.healthy and not held else HELD if judged.healthy else UNHEALTHY)


def _running(file: File) -> dict[str, Any] | None:
    from syncd.store.lock import holder

    found = holder(file.path)
    return {"pid": found.pid, "kind": found.kind, "since": found.since} if found else None


def _say_running(file: File) -> None:
    running = _running(file)
    if running is None:
        click.echo("not running\n")
    else:
        name = "running" if running["kind"] == "daemon" else "another command works on the file"
        since = f", since {ago(running['since'], file.now)}" if running["since"] else ""
        click.echo(f"{name}: pid {running['pid']}{since}\n")


def _say_verdict(judged: health.Health) -> None:
    for warning in judged.warnings:
        click.echo(f"warning: {plain(warning)}")
    for reason in judged.reasons:
        click.echo(f"unhealthy: {plain(reason)}")
    if judged.healthy:
        click.echo("healthy: every target is fresh, no delivery is overdue")


def _exact(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {key: to_text(value) if hasattr(value, "tzinfo") else value for key, value in row.items()}
        for row in rows
    ]


def _since(row: Row, key: str, file: File) -> str:
    return ago(to_text(row[key]), file.now) if row[key] else "never"


def _target_columns(file: File) -> list[Column]:
    return [
        Column("account", lambda row: row["account"]),
        Column("region", lambda row: row["region"]),
        Column(
            "state",
            _state,
            lambda row: "green" if _state(row) == "fresh" else "red" if not row["fresh"] else "yellow",
        ),
        Column("last complete", lambda row: _since(row, "last_success_at", file), right=True),
        Column("images", lambda row: str(row["live"]), right=True),
        Column("held", lambda row: str(row["held"] or ""), right=True),
        Column("error", lambda row: row["error"] or "", elastic=10),
    ]


def _state(row: Row) -> str:
    fresh = "fresh" if row["fresh"] else "stale"
    return f"{fresh}, {row['failures']} failed" if row["failures"] else fresh


def _sink_columns(file: File) -> list[Column]:
    return [
        Column("sink", lambda row: row["name"]),
        Column("state", lambda row: row["state"], lambda row: "green" if row["state"] == "ok" else "yellow"),
        Column("waiting", lambda row: str(row["pending"] or ""), right=True),
        Column(
            "oldest", lambda row: _since(row, "waiting_since", file) if row["pending"] else "", right=True
        ),
        Column("dead", lambda row: str(row["dead"] or ""), right=True),
        Column("error", lambda row: row["error"] or "", elastic=10),
    ]
