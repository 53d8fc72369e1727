"""The database: there, of this schema, ours alone, on a disk that serves; and how fresh it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from syncd.cli.doctor_checks.finding import API, DATABASE, Finding, failed, ok, warning
from syncd.cli.doctor_checks.sync_interval import of_rhythm
from syncd.cli.times import spoken
from syncd.errors import DatabaseError, DatabaseMissing

if TYPE_CHECKING:
    from syncd.config import Config
    from syncd.monitoring.snapshot import Survey

OTHERS = 0o007
LOOK = "`syncd status` and the log tell more"


def of_file(config: Config) -> Iterator[Finding]:
    from syncd.monitoring.snapshot import survey
    from syncd.store.version import require_sqlite

    path = config.database.path
    found = None
    try:
        require_sqlite()
        found = survey(path, config.accounts, config.sinks)
        yield ok("database", f"{path} has the schema of this syncd")
    except DatabaseMissing:
        yield warning("database", f"{path} is not there yet", "`syncd run` or `syncd sync` makes it")
    except DatabaseError as error:
        yield failed("database", error.message, error.hint, DATABASE)
    yield from of_permissions(path)
    yield from of_disk(path)
    if found is not None:
        yield from of_work(found, datetime.now(UTC))
        yield from of_rhythm(config, datetime.now(UTC))


def of_permissions(path: Path) -> Iterator[Finding]:
    there = path if path.exists() else _nearest(path)
    is_open = path.exists() and bool(path.stat().st_mode & OTHERS)
    is_writable = os.access(there, os.W_OK)
    if not is_writable:
        remedy = "what writes must run as the user of the service; reading works"
        yield warning("permissions", f"{there} cannot be written by this user", remedy)
    if is_open:
        yield warning("permissions", f"{path} is open to others", f"chmod o= {path}")
    if is_writable and not is_open:
        closed = ", and is closed to others" if path.exists() else ""
        yield ok("permissions", f"{there} can be written{closed}")


def of_disk(path: Path) -> Iterator[Finding]:
    from syncd.store import filesystem

    remote, scarce = filesystem.remote(path), filesystem.scarce(path)
    yield from (warning("file system", one.problem, one.remedy) for one in remote)
    if not remote:
        yield ok("file system", "not one of a network")
    yield from (warning("disk space", one.problem, one.remedy) for one in scarce)
    if not scarce and (left := filesystem.space(path)) is not None:
        yield ok("disk space", f"{left.free / 2**30:.1f} GB free")


def of_work(found: Survey, now: datetime) -> Iterator[Finding]:
    """The same decision as that of `syncd status`."""
    from syncd.monitoring import health

    lists = health.judge(found.accounts, found.targets, [], now)
    yield from (failed("last sync", reason, LOOK, API) for reason in lists.reasons)
    yield from (warning("last sync", text, LOOK) for text in lists.warnings)
    if lists.healthy:
        times = [one.last_success_at for one in found.targets if one.last_success_at]
        age = f", the oldest {spoken((now - min(times)).total_seconds())} ago" if times else ""
        yield ok("last sync", f"every target was read whole{age}")
    sent = health.judge([], [], found.sinks, now)
    yield from (failed("deliveries", reason, LOOK, API) for reason in sent.reasons)
    yield from (warning("deliveries", text, LOOK) for text in sent.warnings)
    if sent.healthy and not sent.warnings:
        yield ok("deliveries", "nothing waits for long")


def _nearest(path: Path) -> Path:
    return next(folder for folder in path.absolute().parents if folder.exists())
