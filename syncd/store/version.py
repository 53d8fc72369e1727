"""Which schema a file has, read with the standard library alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from syncd.errors import DatabaseCorrupt, DatabaseError, DatabaseForeign, DatabaseNewer, DatabaseOlder

APPLICATION_ID = 0x73796E63
"""`PRAGMA application_id` of our files: "sync" in ASCII; a file without it is not ours."""

SCHEMA_VERSION = "0004"
"""The newest migration; versions are four digits and sort as text."""

FIRST_VERSION = "0001"

OLDEST_SQLITE = (3, 37)
"""The first with STRICT tables."""

_START_ANEW = "put back a backup (syncd.db.backup-…) or move the file away to start from nothing"


def require_sqlite() -> None:
    """Raise DatabaseError if Python brings a SQLite that is too old."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise DatabaseError(
            f"Python's SQLite is {sqlite3.sqlite_version}; syncd needs 3.37 or newer",
            "install a Python that brings a newer SQLite (Debian 12, Ubuntu 22.10 and python.org's do)",
        )


def read_version(connection: sqlite3.Connection, path: Path) -> str | None:
    """The schema version of an open file; None if it has no tables yet.

    Raises DatabaseForeign, DatabaseCorrupt (ours, without a version) and DatabaseNewer; sqlite3.Error
    passes, see `sqlite_errors.explain`.
    """
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if application_id == 0 and not tables:
        return None
    if application_id != APPLICATION_ID:
        raise DatabaseForeign(
            f"{path} is a SQLite database, but not one of syncd; nothing was changed",
            "point `database.path` (or --db) at another file",
        )
    rows = (
        connection.execute("SELECT version_num FROM alembic_version").fetchall()
        if "alembic_version" in tables
        else []
    )
    if len(rows) != 1:
        raise DatabaseCorrupt(
            f"{path} is syncd's, but does not say which schema it has; nothing was changed",
            _START_ANEW,
        )
    version = str(rows[0][0])
    if version > SCHEMA_VERSION:
        raise DatabaseNewer(
            f"{path} was written by a newer syncd (schema {version}; this one knows {SCHEMA_VERSION})",
            "upgrade syncd",
        )
    if version < FIRST_VERSION:
        raise DatabaseCorrupt(
            f"{path} says that it has schema {version}, which never existed; nothing was changed", _START_ANEW
        )
    return version


def require_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Raise what `read_version` raises, and DatabaseOlder for a file that is empty or wants an upgrade."""
    version = read_version(connection, path)
    if version is None:
        raise DatabaseOlder(f"{path} is empty: nothing was ever synced into it", "start `syncd run`")
    if version != SCHEMA_VERSION:
        raise DatabaseOlder(
            f"{path} has schema {version}; this syncd needs {SCHEMA_VERSION}",
            "run `syncd db upgrade`, or let `syncd run` do it",
        )
