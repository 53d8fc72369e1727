"""Opens the file with the standard library: for migrations, for readers, and for commands that ask the daemon."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Literal

from syncd.store import files, sqlite_errors
from syncd.store.version import require_schema, require_sqlite

BUSY_TIMEOUT = 10.0
"""Seconds to wait for a program that has the file locked."""

_READ_ONLY = frozenset((sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN))


def connect(path: Path, mode: Literal["ro", "rw"], timeout: float = BUSY_TIMEOUT) -> sqlite3.Connection:
    """Connect to an existing file, in autocommit; ``timeout`` in seconds. Lets sqlite3.Error through."""
    return sqlite3.connect(files.uri(path, f"?mode={mode}"), uri=True, timeout=timeout, isolation_level=None)


def open_to_read(path: Path) -> tuple[sqlite3.Connection, bool]:
    """Open a file of this schema, and say whether it was opened as immutable: then later writes never show.

    A reader who may not write to the folder cannot make the -shm file that SQLite needs. If the daemon has closed the
    file, it can still be read as immutable. While a daemon writes that would give wrong answers, so it is done only
    if there is no -wal file. Raises the DatabaseError tree.
    """
    require_sqlite()
    files.identity(path)
    with sqlite_errors.explaining(path, "read"):
        try:
            return _checked(path, "?mode=ro"), False
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _READ_ONLY or files.beside(path, "-wal").exists():
                raise
        return _checked(path, "?mode=ro&immutable=1"), True


def _checked(path: Path, parameters: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        files.uri(path, parameters), uri=True, timeout=BUSY_TIMEOUT, isolation_level=None
    )
    try:
        require_schema(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection
