"""Turns SQLite's errors into ones that tell the person who runs syncd what to do."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from syncd import file_access
from syncd.errors import (
    DatabaseCorrupt,
    DatabaseError,
    DatabaseLocked,
    DatabaseUnwritable,
)
from syncd.store import files

DESCRIPTORS = 3
"""How many file descriptors SQLite needs for a connection: for the file, its -wal and its -shm."""

_RESTORE = (
    "stop syncd, run `syncd db check`, and put back the newest backup (PATH.backup-…) or move the file away"
)
_SPACE = "free some space on that file system; a running daemon continues by itself"
_OWNER = "run as the user that owns the file, or fix its permissions and those of its folder"
_BUSY = "close other programs that write to the file (a sqlite3 shell with an open transaction?)"

_MEANING: dict[int, tuple[type[DatabaseError], str, str]] = {
    sqlite3.SQLITE_BUSY: (DatabaseLocked, "another program keeps it locked", _BUSY),
    sqlite3.SQLITE_LOCKED: (DatabaseLocked, "another program keeps it locked", _BUSY),
    sqlite3.SQLITE_PROTOCOL: (DatabaseLocked, "another program keeps it locked", _BUSY),
    sqlite3.SQLITE_READONLY: (DatabaseUnwritable, "it cannot be written", _OWNER),
    sqlite3.SQLITE_PERM: (DatabaseUnwritable, "access was denied", _OWNER),
    sqlite3.SQLITE_CANTOPEN: (DatabaseUnwritable, "it cannot be opened", _OWNER),
    sqlite3.SQLITE_FULL: (DatabaseUnwritable, "the disk is full", _SPACE),
    sqlite3.SQLITE_IOERR: (
        DatabaseUnwritable,
        "the disk reports an input/output error",
        "check the file system's free space, quota and health",
    ),
    sqlite3.SQLITE_CORRUPT: (DatabaseCorrupt, "it is damaged", _RESTORE),
    sqlite3.SQLITE_NOTADB: (DatabaseCorrupt, "it is not a SQLite database", _RESTORE),
}


@contextmanager
def explaining(path: Path, doing: str) -> Iterator[None]:
    """Raise the error that `explain` gives instead of SQLite's own; errors that it cannot explain pass unchanged."""
    try:
        yield
    except Exception as error:
        explained = explain(error, path, doing)
        if explained is None:
            raise
        raise explained from error


def explain(error: BaseException, path: Path, doing: str) -> DatabaseError | None:
    """The error as a user can act on it; None for a fault of the program (a constraint, a wrong statement).

    ``doing`` completes "cannot …", as in "write to". A driver error wrapped by SQLAlchemy is unwrapped.
    """
    cause = getattr(error, "orig", None) or error
    if not isinstance(cause, sqlite3.Error):
        return None
    code = getattr(cause, "sqlite_errorcode", None)
    meaning = _MEANING.get(code & 0xFF) if code is not None else None
    if meaning is None:
        return None
    kind, reason, hint = meaning
    if kind is DatabaseUnwritable and (unreachable := _unreachable(path)) is not None:
        return unreachable
    if hint == _OWNER and not os.access(path, os.R_OK if doing == "read" else os.W_OK):
        hint = file_access.denied_hint(path, writing=doing != "read")
    return kind(f"cannot {doing} {path}: {reason} ({cause})", hint)


def _unreachable(path: Path) -> DatabaseError | None:
    """The reason that the system itself gives, where SQLite gives none.

    The file is not opened for this, because closing it again would release the locks that SQLite holds in this process.
    """
    try:
        files.identity(path)
        _need_descriptors(path.parent)
    except DatabaseError as error:
        return error
    except OSError as error:
        return files.unwritable(path, "open", error)
    return None


def _need_descriptors(folder: Path) -> None:
    with ExitStack() as stack:
        for _ in range(DESCRIPTORS):
            stack.callback(os.close, os.open(folder, os.O_PATH | os.O_CLOEXEC))
