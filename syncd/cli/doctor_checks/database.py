"""Checks of the database file: its schema, its permissions, its disk, and how fresh its contents are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from syncd import file_access
from syncd.cli.doctor_checks.finding import Finding, failed, ok, warning
from syncd.cli.doctor_checks.service import unit_of
from syncd.cli.doctor_checks.sync_interval import check_sync_interval
from syncd.cli.times import spoken_duration
from syncd.errors import DatabaseError, DatabaseMissing, ExitCode

if TYPE_CHECKING:
    from syncd.cli.doctor_checks.unit import Unit
    from syncd.config import Config
    from syncd.monitoring.snapshot import Snapshot

ACCESS_FOR_OTHERS = 0o007
REMEDY = "see `syncd status` and the log for more"


def check_database(config: Config) -> Iterator[Finding]:
    from syncd.monitoring.snapshot import take_snapshot
    from syncd.store.version import require_sqlite

    path = config.database.path
    snapshot = None
    try:
        require_sqlite()
        snapshot = take_snapshot(path, config.accounts, config.sinks)
        yield ok("database", f"{path} has the schema of this syncd")
    except DatabaseMissing:
        yield warning("database", f"{path} does not exist yet", "`syncd run` or `syncd sync` creates it")
    except DatabaseError as error:
        yield failed("database", error.message, error.hint, ExitCode.DATABASE)
    yield from check_permissions(path, unit_of(config))
    yield from check_disk(path)
    if snapshot is not None:
        yield from check_freshness(snapshot, datetime.now(UTC))
        yield from check_sync_interval(config, datetime.now(UTC))


def check_permissions(path: Path, unit: Unit | None = None) -> Iterator[Finding]:
    """Whether the service and this user may write the file, and whether others may read it."""
    refusal = unit.refusal(path) if unit else None
    if refusal is not None:
        yield failed("permissions", refusal.problem, refusal.remedy, ExitCode.DATABASE)
    target = path if file_access.exists(path) else _nearest_folder(path)
    is_open = target == path and file_access.is_open_to_others(path, path.stat().st_mode, ACCESS_FOR_OTHERS)
    is_writable = os.access(target, os.W_OK)
    if not is_writable:
        remedy = f"reading may work; for commands that write: {file_access.denied_hint(path)}"
        yield warning("permissions", f"{path} cannot be written by this user", remedy)
    if is_open:
        yield warning("permissions", f"{path} is open to others", f"chmod o= {path}")
    if is_writable and not is_open and refusal is None:
        closed = ", and is closed to others" if target == path else ""
        yield ok("permissions", f"{target} can be written{closed}")


def check_disk(path: Path) -> Iterator[Finding]:
    from syncd.store import filesystem

    remote, scarce = filesystem.remote(path), filesystem.scarce(path)
    yield from (warning("file system", trouble.problem, trouble.remedy) for trouble in remote)
    if not remote:
        yield ok("file system", "it is on a local disk")
    yield from (warning("disk space", trouble.problem, trouble.remedy) for trouble in scarce)
    if not scarce and (left := filesystem.space(path)) is not None:
        yield ok("disk space", f"{left.free / 2**30:.1f} GB free")


def check_freshness(snapshot: Snapshot, now: datetime) -> Iterator[Finding]:
    """Judged as `syncd status` judges it."""
    from syncd.monitoring import health

    lists = health.assess(snapshot.accounts, snapshot.targets, [], now)
    yield from (failed("last sync", reason, REMEDY) for reason in lists.reasons)
    yield from (warning("last sync", text, REMEDY) for text in lists.warnings)
    if lists.healthy:
        times = [target.last_success_at for target in snapshot.targets if target.last_success_at]
        age = f", the oldest {spoken_duration((now - min(times)).total_seconds())} ago" if times else ""
        yield ok("last sync", f"every target was read completely{age}")
    sent = health.assess([], [], snapshot.sinks, now)
    yield from (failed("deliveries", reason, REMEDY) for reason in sent.reasons)
    yield from (warning("deliveries", text, REMEDY) for text in sent.warnings)
    if sent.healthy and not sent.warnings:
        yield ok("deliveries", "nothing has waited for long")


def _nearest_folder(path: Path) -> Path:
    return next(folder for folder in path.absolute().parents if file_access.exists(folder))
