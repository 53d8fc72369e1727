"""Makes the file, or upgrades it to the newest schema: first a backup, then all migrations in one transaction."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import syncd
from syncd.errors import DatabaseError
from syncd.store import files, filesystem, opening, schema, sqlite_errors
from syncd.store.opening import BUSY_TIMEOUT
from syncd.store.version import APPLICATION_ID, SCHEMA_VERSION, read_version, require_sqlite

BACKUPS_KEPT = 2

PAGE_SIZE = 8192
"""Bytes, of new files: of SQLite's 4,096 an image's row or event, which takes 1.4 kB, leaves a quarter unused."""

PAGES_PER_REPORT = 2000
"""How many pages (usually of 4 kB) are copied to the backup between two reports of progress."""

STEPS_PER_REPORT = 10_000_000
"""How many instructions SQLite runs between two reports of progress: about a second's work."""

RECOMPUTE = "recompute_fingerprints"
"""A migration that changes a compared field asks for new fingerprints: ``context.config.attributes[RECOMPUTE] = True``.

They are made after the last migration, because they need the columns of the newest schema.
"""

Progress = Callable[[], object]
"""Is called now and then while an upgrade takes long, so that a supervisor can be told to wait."""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What was done: ``before`` is None for a new file, and equal to ``after`` if there was nothing to do."""

    before: str | None
    after: str
    backup: Path | None = None
    warnings: tuple[str, ...] = ()


async def upgrade(
    path: Path, *, group_readable: bool = False, now: datetime | None = None, progress: Progress | None = None
) -> Upgrade:
    """`upgrade_file` in a thread, where ``progress`` is then called too."""
    return await asyncio.to_thread(
        upgrade_file, path, group_readable=group_readable, now=now, progress=progress
    )


def upgrade_file(
    path: Path, *, group_readable: bool = False, now: datetime | None = None, progress: Progress | None = None
) -> Upgrade:
    """Make ``path`` and its folder if they are missing, and bring the schema to SCHEMA_VERSION.

    The caller holds the lock (`lock.FileLock`). Raises the DatabaseError tree; after any error the file
    has the schema it had before.
    """
    require_sqlite()
    files.make_folder(path, group_readable)
    files.make_file(path, group_readable)
    with _opened(path) as connection:
        before = read_version(connection, path)
        if before == SCHEMA_VERSION:
            return Upgrade(before, before, warnings=filesystem.warnings(path))
        backup = None
        if before is not None:
            backup = _back_up(connection, path, before, now or datetime.now(UTC), progress)
        if before is None:
            connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        connection.execute("PRAGMA journal_mode = WAL")
        if before is None:
            _create(connection)
    if before is not None:
        _migrate(path, progress)
    return Upgrade(before, SCHEMA_VERSION, backup, filesystem.warnings(path))


def file_version(path: Path) -> str | None:
    """The schema version of the file; None if the file is empty. It only reads, and imports nothing heavy."""
    require_sqlite()
    files.identity(path)
    with _opened(path) as connection:
        return read_version(connection, path)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with (
        sqlite_errors.explaining(path, "open"),
        closing(opening.connect(path, "rw", BUSY_TIMEOUT)) as connection,
    ):
        yield connection


def _create(connection: sqlite3.Connection) -> None:
    """Make the newest schema at once, as if all migrations had run: Alembic would cost a first start 10 MB more."""
    connection.execute("BEGIN IMMEDIATE")
    for statement in schema.statements():
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    connection.execute("INSERT INTO alembic_version VALUES (?)", (SCHEMA_VERSION,))
    connection.execute("COMMIT")


def _back_up(
    connection: sqlite3.Connection, path: Path, version: str, now: datetime, progress: Progress | None
) -> Path:
    """Copy the file as ``PATH.backup-VERSION-TIME`` and delete all but the newest of these."""
    try:
        return _make_backup(connection, path, version, now, progress)
    except OSError as error:
        raise files.unwritable(path, "make the backup of", error) from error


def _make_backup(
    connection: sqlite3.Connection, path: Path, version: str, now: datetime, progress: Progress | None
) -> Path:
    backup = files.beside(path, f".backup-{version}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}")
    for left in backup.parent.glob(f"{path.resolve().name}.backup-*Z.part"):
        left.unlink()
    part = backup.with_name(backup.name + ".part")
    copy_to(connection, part, path.stat().st_mode & 0o777, progress)
    part.replace(backup)
    files.sync_folder(backup.parent)
    earlier = sorted(backup.parent.glob(f"{path.resolve().name}.backup-*Z"), key=lambda old: old.name[-16:])
    for old in earlier[:-BACKUPS_KEPT]:
        old.unlink(missing_ok=True)
    return backup


def copy_to(
    connection: sqlite3.Connection, target: Path, mode: int, progress: Progress | None = None
) -> None:
    """Copy the database into the new file ``target`` with SQLite's online backup; an error leaves no file behind."""
    try:
        target.unlink(missing_ok=True)
        os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode))
        with sqlite_errors.explaining(target, "write the backup"), closing(sqlite3.connect(target)) as copy:
            connection.backup(copy, pages=PAGES_PER_REPORT, progress=lambda *_: progress and progress())
            # In WAL mode the copy could not be read by somebody who may not write to its folder.
            copy.execute("PRAGMA journal_mode = DELETE")
    except OSError as error:
        hint = f"see that {target.parent} exists, has room, and may be written by this user"
        raise files.unwritable(target, "write the backup", error, hint) from error
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def folder_of_migrations() -> Path:
    """The folder is inside an installed package, and beside the package in a checkout."""
    package = Path(syncd.__file__).parent
    for folder in (package / "migrations", package.parent / "migrations"):
        if (folder / "env.py").exists():
            return folder
    raise DatabaseError(f"no migrations beside {package}", "install syncd again")


def _migrate(path: Path, progress: Progress | None) -> None:
    """Run the migrations in one BEGIN IMMEDIATE transaction."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import URL, create_engine, event
    from sqlalchemy.exc import DBAPIError

    from syncd.store import fingerprints

    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": BUSY_TIMEOUT})

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None
        if progress is not None:
            connection.set_progress_handler(lambda: _go_on(progress), STEPS_PER_REPORT)

    @event.listens_for(engine, "begin")
    def _begun(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    config = Config()
    config.set_main_option("script_location", str(folder_of_migrations()).replace("%", "%%"))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            if config.attributes.get(RECOMPUTE):
                fingerprints.recompute(cast(sqlite3.Connection, connection.connection.driver_connection))
    except DBAPIError as error:
        raise sqlite_errors.explain(error, path, "upgrade") or error from error
    finally:
        engine.dispose()


def _go_on(progress: Progress) -> int:
    """SQLite would stop the statement if its progress handler returned anything but 0."""
    progress()
    return 0
