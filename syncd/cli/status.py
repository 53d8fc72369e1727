"""`syncd status`: whether syncd runs, its copy is fresh, and everything is delivered."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syncd.cli.database_file import DatabaseFile
from syncd.cli.options import reading_options
from syncd.cli.output import Column, Row, plain, print_rows, print_table, tell
from syncd.cli.times import ago
from syncd.errors import ExitCode
from syncd.model import to_text
from syncd.monitoring import health

if TYPE_CHECKING:
    from syncd.monitoring.snapshot import Snapshot

NOTHING_SYNCED = "nothing was ever synced into this file: `syncd sync` or `syncd run` does it"


@click.command(
    epilog="""\b
Example:
  syncd status
  syncd status --format json | jq .[0].healthy

\b
Exit code: 0 healthy, 3 unhealthy (docs/operations.md says what that is), 4 images are held,
5 the database cannot be used."""
)
@reading_options(limit=False)
@click.pass_context
def status(context: click.Context, output_format: str, db: Path | None) -> None:
    """Show at a glance whether syncd runs, how each target and sink does, what is held, and a verdict."""
    file = DatabaseFile(context, db)
    snapshot = file.snapshot()
    verdict = _judge(file, snapshot)
    accounts = [asdict(account) for account in snapshot.accounts]
    targets = [_target(target, file) for target in snapshot.targets]
    sinks = [asdict(sink) for sink in snapshot.sinks]
    if output_format == "table":
        _print_tables(file, verdict, targets, sinks)
    else:
        row = {
            "database": str(file.path), "running": _running(file), "healthy": verdict.healthy,
            "reasons": verdict.reasons, "warnings": verdict.warnings, "accounts": _with_times_as_text(accounts),
            "targets": _with_times_as_text(targets), "sinks": _with_times_as_text(sinks),
        }  # fmt: skip
        print_rows(output_format, [row], [], tuple(row))
    sys.stdout.flush()
    context.exit(_exit_code(snapshot, verdict))


def _target(view: health.TargetView, file: DatabaseFile) -> dict[str, Any]:
    return asdict(view) | {"fresh": view.is_fresh(file.now), "next_attempt_at": view.next_try(file.now)}


def _judge(file: DatabaseFile, snapshot: Snapshot) -> health.Health:
    verdict = health.assess(snapshot.accounts, snapshot.targets, snapshot.sinks, file.now)
    if not snapshot.accounts:
        return replace(verdict, reasons=(*verdict.reasons, NOTHING_SYNCED))
    return verdict


def _exit_code(snapshot: Snapshot, verdict: health.Health) -> ExitCode:
    if not verdict.healthy:
        return ExitCode.FAILED
    return ExitCode.HELD if any(target.held for target in snapshot.targets) else ExitCode.OK


def _running(file: DatabaseFile) -> dict[str, Any] | None:
    """The process that works on the file, a daemon or another command."""
    from syncd.store.lock import holder

    process = holder(file.path)
    return {"pid": process.pid, "kind": process.kind, "since": process.since} if process else None


def _print_tables(
    file: DatabaseFile, verdict: health.Health, targets: list[dict[str, Any]], sinks: list[dict[str, Any]]
) -> None:
    tell(f"database: {file.path}")
    is_daemon_running = _print_running(file)
    print_table(targets, _target_columns(file, is_daemon_running))
    click.echo()
    if print_table(sinks, _sink_columns(file)):
        click.echo()
    _print_verdict(verdict)


def _print_running(file: DatabaseFile) -> bool:
    """Whether a daemon runs, which tries again what fails."""
    running = _running(file)
    if running is None:
        tell("not running")
        click.echo()
        return False
    is_daemon = bool(running["kind"] == "daemon")
    kind = "running" if is_daemon else "another command works on the file"
    since = f", since {ago(running['since'], file.now)}" if running["since"] else ""
    tell(f"{kind}: pid {running['pid']}{since}")
    click.echo()
    return is_daemon


def _print_verdict(verdict: health.Health) -> None:
    for warning in verdict.warnings:
        tell(f"warning: {plain(warning)}")
    for reason in verdict.reasons:
        tell(f"unhealthy: {plain(reason)}")
    if verdict.healthy:
        tell("healthy: every target is fresh, no alert is open, no delivery is overdue")


def _with_times_as_text(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {key: to_text(value) if hasattr(value, "tzinfo") else value for key, value in row.items()}
        for row in rows
    ]


def _ago_or_never(row: Row, key: str, file: DatabaseFile) -> str:
    return ago(to_text(row[key]), file.now) if row[key] else "never"


def _target_columns(file: DatabaseFile, is_daemon_running: bool) -> list[Column]:
    next_try = Column("next try", lambda row: _next_try(row, file), align_right=True, words=True)
    return [
        Column("account", lambda row: row["account"]),
        Column("region", lambda row: row["region"]),
        Column("state", _target_state, _target_style, words=True),
        Column(
            "last complete",
            lambda row: _ago_or_never(row, "last_success_at", file),
            align_right=True,
            words=True,
        ),
        *([next_try] if is_daemon_running else []),
        Column("images", lambda row: str(row["live"]), align_right=True),
        Column("held", lambda row: str(row["held"] or ""), align_right=True),
        Column(
            "error",
            lambda row: f"{row['failure']}: {row['error']}" if row["failure"] else "",
            shrink_to=10,
            words=True,
        ),
    ]


def _next_try(row: Row, file: DatabaseFile) -> str:
    """Of a failing target; the others are synced on their plan."""
    if row["next_attempt_at"] is None:
        return ""
    return ago(to_text(row["next_attempt_at"]), file.now) if row["next_attempt_at"] > file.now else "now"


def _target_state(row: Row) -> str:
    freshness = "fresh" if row["fresh"] else "stale"
    return f"{freshness}, {row['failures']} failed" if row["failures"] else freshness


def _target_style(row: Row) -> str:
    if not row["fresh"]:
        return "red"
    return "yellow" if row["failures"] else "green"


def _sink_columns(file: DatabaseFile) -> list[Column]:
    return [
        Column("sink", lambda row: row["name"]),
        Column(
            "state", _sink_state, lambda row: "green" if _sink_state(row) == "ok" else "yellow", words=True
        ),
        Column("waiting", lambda row: str(row["pending"] or ""), align_right=True),
        Column("oldest", lambda row: _oldest(row, file), align_right=True, words=True),
        Column("refused", lambda row: str(row["refused"] or ""), align_right=True),
        Column("dead", lambda row: str(row["dead"] or ""), align_right=True),
        Column("error", lambda row: row["error"] or row["last_refusal"] or "", shrink_to=10, words=True),
    ]


def _sink_state(row: Row) -> str:
    """A sink whose receiver is there, but takes not all that it gets, is not simply well."""
    return "refusing" if row["state"] == "ok" and row["refused"] else str(row["state"])


def _oldest(row: Row, file: DatabaseFile) -> str:
    return _ago_or_never(row, "waiting_since", file) if row["pending"] else ""
