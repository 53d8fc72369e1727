"""`syncd doctor`: a line for each thing that must be in place, with its remedy."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import click

from syncd.cli.context import format_option, settings
from syncd.cli.show import Column, Row, emit
from syncd.errors import ApiError, ConfigError, DatabaseError, DatabaseMissing

if TYPE_CHECKING:
    from syncd.config import Config

State = Literal["ok", "warning", "failed"]

SKEWED = timedelta(minutes=2)
CONNECT_WITHIN = 5.0
UNIT = Path("/etc/systemd/system/syncd.service")
MARKS = {"ok": "✓", "warning": "!", "failed": "✗"}
STYLES = {"ok": "green", "warning": "yellow", "failed": "red"}


@dataclass(frozen=True, slots=True)
class Finding:
    check: str
    state: State
    message: str
    remedy: str = ""
    exit_code: int = 0
    """What the command ends with because of it."""


@click.command(
    epilog="""\b
Example:
  syncd doctor
  syncd doctor --format json

\b
Exit code: 0 nothing failed, 2 the configuration, 3 the API or a sink, 5 the database."""
)
@format_option("table", "json")
@click.pass_context
def doctor(context: click.Context, form: str) -> None:
    """Check the configuration, keys, clock, regions, file, sinks and the unit; with remedies."""
    try:
        config = settings(context).load()
    except ConfigError as error:
        found = [Finding("configuration", "failed", str(fault), exit_code=2) for fault in error.faults]
    else:
        found = [
            Finding(
                "configuration",
                "ok",
                f"{config.source}: {len(config.accounts)} accounts, {len(config.sinks)} sinks",
            )
        ]
        found += [Finding("configuration", "warning", warning) for warning in config.warnings]
        found += asyncio.run(_of_accounts(config))
        found += _of_file(config)
        found += asyncio.run(_of_sinks(config))
        found += _of_unit(config)
    columns = [
        Column("", lambda row: MARKS[row["state"]], lambda row: STYLES[row["state"]]),
        Column("check", lambda row: row["check"]),
        Column(
            "finding",
            lambda row: row["message"] + (f" – {row['remedy']}" if row["remedy"] else ""),
            whole=True,
        ),
    ]
    emit(form, [_row(one) for one in found], columns, ("check", "state", "message", "remedy"))
    context.exit(_exit_code(found))


def _exit_code(found: list[Finding]) -> int:
    codes = {one.exit_code for one in found if one.state == "failed"}
    return next((code for code in (2, 5, 3) if code in codes), 0)


def _row(one: Finding) -> Row:
    return {"check": one.check, "state": one.state, "message": one.message, "remedy": one.remedy}


async def _of_accounts(config: Config) -> list[Finding]:
    from syncd.assembly import Observers, build_accounts

    accounts = build_accounts(config, Observers())
    try:
        found = await asyncio.gather(*map(_of_account, accounts.values()))
    finally:
        await asyncio.gather(*(one.cloud.aclose() for one in accounts.values()))
    return [one for findings in found for one in findings]


async def _of_account(account: Any) -> list[Finding]:
    name = f"account {account.name}"
    try:
        named = await account.cloud.regions()
    except ApiError as error:
        remedy = error.hint or "check the key pair, [api] base_url and the network"
        return [Finding(name, "failed", error.message, remedy, 3)]
    watched = account.regions or named
    refused = [(region, why) for region in watched if (why := await _refusal(account, region))]
    found = [Finding(name, "ok", f"the key works; regions: {', '.join(named)}")]
    for region, why in refused:
        state: State = "warning" if account.regions is None and len(refused) < len(watched) else "failed"
        found.append(
            Finding(f"{name}, {region}", state, why, "`syncd regions` lists what the key may use", 3)
        )
    skew = account.cloud.skew
    if skew is not None and abs(skew) > SKEWED:
        found.append(
            Finding(
                "clock",
                "warning",
                f"{abs(skew.total_seconds()):.0f} s off the API's",
                "let systemd-timesyncd or chrony set it",
            )
        )
    return found


async def _refusal(account: Any, region: str) -> str:
    try:
        await account.cloud.probe(region)
    except ApiError as error:
        return str(error.message)
    return ""


def _of_file(config: Config) -> Iterator[Finding]:
    from syncd.store import filesystem
    from syncd.store.version import require_sqlite

    path = config.database.path
    try:
        require_sqlite()
        yield from _of_rows(config)
    except DatabaseMissing:
        yield Finding(
            "database", "warning", f"{path} is not there yet", "`syncd run` or `syncd sync` makes it"
        )
    except DatabaseError as error:
        yield Finding("database", "failed", error.message, error.hint, 5)
    if path.exists() and path.stat().st_mode & 0o007:
        yield Finding("permissions", "warning", f"{path} can be read by others", f"chmod o= {path}")
    if not os.access(path if path.exists() else _existing(path.parent), os.W_OK):
        yield Finding(
            "permissions",
            "warning",
            f"{path} cannot be written by this user",
            "run as the user of the service",
        )
    for warning in filesystem.warnings(path):
        yield Finding("file system", "warning", warning)


def _existing(folder: Path) -> Path:
    return folder if folder.exists() or folder == folder.parent else _existing(folder.parent)


def _of_rows(config: Config) -> Iterator[Finding]:
    from syncd import health
    from syncd.survey import survey

    found = survey(config.database.path, config.accounts, config.sinks)
    yield Finding("database", "ok", f"{config.database.path}: schema as this syncd needs it")
    judged = health.judge(found.accounts, found.targets, found.sinks, datetime.now(UTC))
    for reason in judged.reasons:
        yield Finding("health", "failed", reason, "`syncd status` and the log tell more", 3)
    for warning in judged.warnings:
        yield Finding("health", "warning", warning)
    if judged.healthy:
        yield Finding("health", "ok", "every target is fresh, no delivery is overdue")


async def _of_sinks(config: Config) -> list[Finding]:
    from syncd.config import WebhookSinkConfig

    hooks = [one for one in config.sinks.values() if isinstance(one, WebhookSinkConfig)]
    return list(await asyncio.gather(*map(_of_hook, hooks)))


async def _of_hook(sink: Any) -> Finding:
    """A connection only: nothing is posted, and the URL, which may be a credential, is not shown."""
    name = f"sink {sink.name}"
    if sink.proxy is not None:
        return Finding(name, "ok", "goes through a proxy, which `syncd sinks test` tries")
    parts = urlsplit(sink.url.reveal())
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(CONNECT_WITHIN):
            _, writer = await asyncio.open_connection(parts.hostname, port)
            writer.close()
    except TimeoutError:
        return Finding(name, "failed", "does not answer", _TRY.format(sink.name), 3)
    except OSError as error:
        return Finding(
            name,
            "failed",
            f"cannot be reached: {error.strerror or type(error).__name__}",
            _TRY.format(sink.name),
            3,
        )
    return Finding(name, "ok", "can be reached", _TRY.format(sink.name))


_TRY = "`syncd sinks test {}` sends it a sample of each event"


def _of_unit(config: Config) -> Iterator[Finding]:
    """Of a system service: whether its unit is there, and whether a credential is newer than the process."""
    from syncd.store.lock import holder

    if config.path is None or not config.path.absolute().is_relative_to("/etc"):
        return
    if not UNIT.exists():
        yield Finding(
            "systemd", "warning", f"{UNIT} is not there", "install systemd/syncd.service, see the README"
        )
        return
    yield Finding("systemd", "ok", f"{UNIT} is in place")
    running = holder(config.database.path)
    newest = max((file.stat().st_mtime for file in _files(config.path.parent / "credentials")), default=0.0)
    if running is not None and running.since and newest > datetime.fromisoformat(running.since).timestamp():
        yield Finding(
            "credentials", "warning", "changed after the service started", "systemctl restart syncd"
        )


def _files(folder: Path) -> list[Path]:
    try:
        return [file for file in folder.iterdir() if file.is_file()]
    except OSError:
        return []
